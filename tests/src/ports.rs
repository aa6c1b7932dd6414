//! Loopback ports that are free now, and the rewriting of shipped files to them: the files in
//! `envoy/` name fixed ports, and the tests run them as shipped, only moved.
//! A port is free when it is handed out; nothing reserves it afterwards.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::{Result, limits};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// `count` different free ports on 127.0.0.1. All are bound at the same time and released
/// together, and this process hands out none of them again soon.
///
/// # Errors
/// When there are not enough free ports.
pub fn free(count: usize) -> Result<Vec<u16>> {
    let mut held = Vec::new();
    for _ in limits::FIRST_PORT..limits::END_PORT {
        if held.len() == count {
            break;
        }
        let port = candidate();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(format!("only {} of {count} loopback ports are free", held.len()).into());
    }
    Ok(held
        .into_iter()
        .map(|(port, listener)| {
            close(listener);
            port
        })
        .collect())
}

/// Ends a listener at once. Closing alone would leave it open while another thread is starting a
/// process, which holds copies of all descriptors until its program runs.
pub(crate) fn close(listener: TcpListener) {
    // The socket as it is: shutdown(2) on a listening one stops it, whoever else holds it.
    let socket = TcpStream::from(OwnedFd::from(listener));
    // Where that is not so, the close that follows has to do.
    drop(socket.shutdown(Shutdown::Both));
}

/// One free port on 127.0.0.1.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    free(1)?.pop().ok_or_else(|| "no loopback port is free".into())
}

/// The next port to try. Processes start at different places, threads share one sequence.
fn candidate() -> u16 {
    let span = limits::END_PORT.saturating_sub(limits::FIRST_PORT);
    let start = std::process::id().wrapping_mul(131).checked_rem(u32::from(span)).unwrap_or(0);
    let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
    let offset = start.wrapping_add(step).checked_rem(u32::from(span)).unwrap_or(0);
    let offset = u16::try_from(offset).unwrap_or(0);
    limits::FIRST_PORT.saturating_add(offset)
}

/// Named ports: each with the number in the shipped files and the one used in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    by_name: BTreeMap<String, Moved>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moved {
    shipped: u16,
    used: u16,
}

impl Ports {
    /// A free port for each (name, shipped port).
    ///
    /// # Errors
    /// When a name or a shipped port stands there twice, or ports are short.
    pub fn moved(shipped: &[(&str, u16)]) -> Result<Self> {
        let free = free(shipped.len())?;
        Self::build(shipped.iter().zip(free).map(|(&(name, port), used)| (name, port, used)))
    }

    /// The ports as shipped, for runs that people use by hand.
    ///
    /// # Errors
    /// When a name or a shipped port stands there twice.
    pub fn as_shipped(shipped: &[(&str, u16)]) -> Result<Self> {
        Self::build(shipped.iter().map(|&(name, port)| (name, port, port)))
    }

    fn build<'a>(entries: impl Iterator<Item = (&'a str, u16, u16)>) -> Result<Self> {
        let mut by_name: BTreeMap<String, Moved> = BTreeMap::new();
        for (name, shipped, used) in entries {
            if by_name.values().any(|moved| moved.shipped == shipped) {
                return Err(format!("port {shipped} has two names").into());
            }
            if by_name.insert(name.to_owned(), Moved { shipped, used }).is_some() {
                return Err(format!("`{name}` has two ports").into());
            }
        }
        Ok(Self { by_name })
    }

    /// The port used in this run under a name.
    ///
    /// # Errors
    /// When no port has that name.
    pub fn port(&self, name: &str) -> Result<u16> {
        let found = self.by_name.get(name).map(|moved| moved.used);
        found.ok_or_else(|| format!("no port is called `{name}`").into())
    }

    /// The text with every shipped port replaced by the one used. Only whole numbers count:
    /// `8080` is found in `127.0.0.1:8080/x`, not in `18080`, `8080ms`, `v8080` or `1.8080`.
    /// A number that merely equals a port is replaced as well, so shipped ports have to be odd
    /// enough not to be a limit or a time.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for c in text.chars() {
            if is_word(c) {
                word.push(c);
            } else {
                self.flush(&mut word, &mut out);
                out.push(c);
            }
        }
        self.flush(&mut word, &mut out);
        out
    }

    fn flush(&self, word: &mut String, out: &mut String) {
        let used = word.parse::<u16>().ok().filter(|port| port.to_string() == *word);
        match used.and_then(|port| self.by_name.values().find(|moved| moved.shipped == port)) {
            Some(moved) => out.push_str(&moved.used.to_string()),
            None => out.push_str(word),
        }
        word.clear();
    }
}

/// Whether a character belongs to the number or name around it. A dot does: `1.8080`.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &str, &str)] = &[
        ("yaml value", "port_value: 8080", "port_value: 1"),
        ("at the end of a line", "port_value: 8080\n", "port_value: 1\n"),
        ("url", "http://127.0.0.1:8080/x?y=8081", "http://127.0.0.1:1/x?y=2"),
        ("json", "{\"port_value\":8080,\"x\":[8081]}", "{\"port_value\":1,\"x\":[2]}"),
        ("quoted", "'8080' \"8081\"", "'1' \"2\""),
        ("part of a longer number", "18080 80801 8080", "18080 80801 1"),
        ("duration", "8080ms 8080s", "8080ms 8080s"),
        ("fraction", "1.8080 8080.5", "1.8080 8080.5"),
        ("name", "v8080 port_8080 é8080", "v8080 port_8080 é8080"),
        ("leading zero", "08080", "08080"),
        ("nothing", "", ""),
    ];

    #[test]
    fn apply_replaces_whole_numbers_only() {
        let shipped = [("gateway", 8080, 1), ("admin", 8081, 2)];
        let ports = Ports::build(shipped.into_iter()).unwrap();
        for (name, text, expected) in CASES {
            assert_eq!(ports.apply(text), *expected, "{name}");
        }
    }

    #[test]
    fn a_chain_of_replacements_does_not_happen() {
        let ports = Ports::build([("a", 8080, 8081), ("b", 8081, 8080)].into_iter()).unwrap();
        assert_eq!(ports.apply("8080 8081"), "8081 8080");
    }

    #[test]
    fn free_ports_differ_and_can_be_bound() {
        let mut all = free(40).unwrap();
        all.extend(free(40).unwrap());
        for port in &all {
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).unwrap();
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 80);
    }

    #[test]
    fn a_closed_listener_is_closed_for_its_copies_too() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).unwrap();
        let address = listener.local_addr().unwrap();
        let _copy = listener.try_clone().unwrap();
        close(listener);
        assert!(TcpStream::connect(address).is_err());
        TcpListener::bind(address).unwrap();
    }

    #[test]
    fn names_are_looked_up() {
        let ports = Ports::moved(&[("gateway", 8080), ("admin", 8081)]).unwrap();
        assert_ne!(ports.port("gateway").unwrap(), ports.port("admin").unwrap());
        assert!(ports.port("idp").is_err());
        let shipped = Ports::as_shipped(&[("gateway", 8080)]).unwrap();
        assert_eq!(shipped.port("gateway").unwrap(), 8080);
        assert!(Ports::as_shipped(&[("a", 1), ("b", 1)]).is_err());
        assert!(Ports::as_shipped(&[("a", 1), ("a", 2)]).is_err());
    }
}
