//! Canonical hosts: lower case, without port and without the trailing dot. What is not a host is refused.

use std::borrow::Cow;

use crate::limits::MAX_HOST_BYTES;

/// Host of an authority (`API.example.com.:443` gives `api.example.com`). An IPv6 address keeps its brackets.
/// None where it is no host: empty, user information, bytes outside letters, digits, `-`, `_`, `.`; a broken port.
#[must_use]
#[inline]
pub fn canonical_host(authority: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(authority).ok()?;
    let (host, port) = split_port(text)?;
    if let Some(port) = port
        && (!port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err())
    {
        return None;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.len() > MAX_HOST_BYTES {
        return None;
    }
    if let Some(inside) = host.strip_prefix('[') {
        // One address has many spellings, and one canonical one (RFC 5952).
        let address: std::net::Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
        return Some(Cow::Owned(format!("[{address}]")));
    }
    // A dot before the first label or after the last would be an empty one.
    let (mut upper, mut dot) = (false, true);
    for byte in host.bytes() {
        match byte {
            b'.' if dot => return None,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {}
            b'A'..=b'Z' => upper = true,
            _ => return None,
        }
        dot = byte == b'.';
    }
    if dot {
        return None;
    }
    Some(if upper { Cow::Owned(host.to_ascii_lowercase()) } else { Cow::Borrowed(host) })
}

#[inline]
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if text.starts_with('[') {
        let (address, rest) = text.split_once(']')?;
        let end = address.len().checked_add(1)?;
        let host = text.get(..end)?;
        return match rest {
            "" => Some((host, None)),
            _ => rest.strip_prefix(':').map(|port| (host, Some(port))),
        };
    }
    match text.bytes().position(|byte| byte == b':').and_then(|at| text.split_at_checked(at)) {
        Some((host, port)) => Some((host, port.strip_prefix(':'))),
        None => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::canonical_host;

    const CASES: &[(&str, Option<&str>)] = &[
        ("api.example.com", Some("api.example.com")),
        ("API.Example.com:8443", Some("api.example.com")),
        ("api.example.com.", Some("api.example.com")),
        ("api.example.com.:80", Some("api.example.com")),
        ("127.0.0.1:10000", Some("127.0.0.1")),
        ("[::1]:80", Some("[::1]")),
        ("[::1]", Some("[::1]")),
        ("[0:0::1]:80", Some("[::1]")),
        ("[2001:DB8::A]", Some("[2001:db8::a]")),
        ("host:65536", None),
        ("host:+80", None),
        ("", None),
        (".", None),
        ("a..b", None),
        ("user@host", None),
        ("host:", None),
        ("host:http", None),
        ("host:80:80", None),
        ("::1", None),
        ("[::1", None),
        ("[::1]x", None),
        ("[zz]", None),
        ("a b", None),
        ("a/b", None),
        ("a,b", None),
        ("\u{fc}mlaut", None),
    ];

    #[test]
    fn hosts_are_canonical_or_refused() {
        for (authority, expected) in CASES {
            assert_eq!(canonical_host(authority.as_bytes()).as_deref(), *expected, "{authority}");
        }
    }
}
