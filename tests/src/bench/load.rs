//! Load by wrk: many different tokens in turn over the paths of ten rules, on one thread. The requests are written out beforehand, so that the generator has little to do on the
//! second core. An answer that is no success, or a broken connection, makes the run worth nothing.

use std::time::Duration;

use tokio::process::Command;

use super::policy::{HOST, PROBE, asked_path};
use super::scale::{CALLERS, Scale};
use crate::envoy::Envoy;
use crate::folder::Folder;
use crate::idp::{Alg, Claims, Idp, now};
use crate::process::Process;
use crate::{Result, limits};

/// Longer than the longest bench.
const TOKEN_SECONDS: u64 = 4 * 3600;
/// Microseconds in a tick of `Envoy::cpu_ticks`.
const TICK_US: f64 = 10_000.0;
/// What the line with the numbers starts with.
const MARK: &str = "sallyport-bench ";

/// Follows `local lines = { { path, token }, ... }`, one line for each token.
const SCRIPT: &str = r#"
local requests = {}
local at = 0

function init(arguments)
  for number, one in ipairs(lines) do
    local headers = { ["Host"] = host, ["Authorization"] = "Bearer " .. one.token }
    requests[number] = wrk.format("GET", one.path, headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, all)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("sallyport-bench %d %d %d %d\n",
    summary.requests, summary.duration, errors.status, broken))
end
"#;

/// What one run on one rung found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Requests per second.
    pub(super) rate: f64,
    /// CPU time of the whole Envoy process for one request, in microseconds.
    pub(super) cpu_us: f64,
}

/// How wide a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    /// Different tokens in turn.
    pub(super) tokens: usize,
    /// Connections at a time.
    pub(super) connections: u32,
}

/// Who asks for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crowd {
    /// One subject of one issuer, for the rules that are asked in turn.
    One,
    /// The callers of a scale, each for its own route.
    All(Scale),
}

impl Crowd {
    /// How wide its load is. The figures of the peers that we know were taken with the first.
    pub(super) fn width(self) -> Width {
        let tokens = if self == Self::One { 100 } else { CALLERS };
        Width { tokens, connections: 16 }
    }

    /// The path that one of them asks for.
    fn path(self, number: usize) -> String {
        match self {
            Self::One => asked_path(number, number),
            Self::All(scale) => scale.path_of(number),
        }
    }

    /// The path that single requests are sent to, with a token of the first of them.
    pub(super) fn probe_path(self) -> String {
        match self {
            Self::One => PROBE.to_owned(),
            Self::All(scale) => scale.path_of(0),
        }
    }

    /// Makes the claims those of one of them.
    pub(super) fn identify(self, number: usize, claims: &mut Claims) {
        if let Self::All(scale) = self {
            claims.insert("iss".to_owned(), scale.issuer_of(number).into());
            claims.insert("sub".to_owned(), scale.subject_of(number).into());
        }
    }
}

/// A prepared load.
#[derive(Debug)]
pub(super) struct Load {
    folder: Folder,
    connections: u32,
}

impl Load {
    /// Mints the tokens and writes the script.
    pub(super) fn mint(idp: &Idp, alg: Alg, crowd: Crowd, width: Width) -> Result<Self> {
        let exp = now().saturating_add(TOKEN_SECONDS);
        let mut script = format!("local host = \"{HOST}\"\nlocal lines = {{\n");
        // Each has an id of its own, so no two are equal.
        for number in 0..width.tokens {
            let token = idp.access_token_with(alg, |claims| {
                crowd.identify(number, claims);
                claims.insert("exp".to_owned(), exp.into());
            })?;
            let path = crowd.path(number);
            script.push_str(&format!("  {{ path = \"{path}\", token = \"{token}\" }},\n"));
        }
        script.push_str("}\n");
        script.push_str(SCRIPT);
        let folder = Folder::create("bench")?;
        folder.write("load.lua", &script)?;
        Ok(Self { folder, connections: width.connections })
    }

    /// Loads a port of Envoy for some seconds.
    pub(super) async fn run(&self, envoy: &Envoy, port: u16, seconds: u32) -> Result<Sample> {
        let mut command = Command::new("wrk");
        command.args(["-t1".to_owned(), format!("-c{}", self.connections)]);
        command.arg(format!("-d{seconds}s"));
        command.arg("-s").arg(self.folder.path().join("load.lua"));
        command.arg(format!("http://127.0.0.1:{port}/"));
        let before = envoy.cpu_ticks()?;
        let mut wrk = Process::spawn("wrk", command)?;
        let line = wrk.wait_ready_line(MARK, deadline(seconds)).await?;
        let ticks = envoy.cpu_ticks()?.saturating_sub(before);
        wrk.wait(deadline(0)).await?;
        let count = Count::read(&line).ok_or_else(|| format!("wrk said `{line}`"))?;
        count.sample(ticks).ok_or_else(|| {
            let output = wrk.tail();
            format!("not every answer under load was a success; wrk said:\n{output}").into()
        })
    }
}

/// How long a load of some seconds may take altogether.
fn deadline(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds)).saturating_add(limits::COMMAND)
}

/// What wrk counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    requests: u32,
    microseconds: u32,
    refused: u32,
    broken: u32,
}

impl Count {
    fn read(line: &str) -> Option<Self> {
        let mut numbers = line.strip_prefix(MARK)?.split(' ').map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        let count =
            Self { requests: next()?, microseconds: next()?, refused: next()?, broken: next()? };
        next().is_none().then_some(count)
    }

    /// None where the run is worth nothing.
    fn sample(self, ticks: u64) -> Option<Sample> {
        if self.refused > 0 || self.broken > 0 || self.requests == 0 || self.microseconds == 0 {
            return None;
        }
        let requests = f64::from(self.requests);
        let ticks = f64::from(u32::try_from(ticks).ok()?);
        Some(Sample {
            rate: requests * 1e6 / f64::from(self.microseconds),
            cpu_us: ticks * TICK_US / requests,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[(&str, &str, u64, Option<Sample>)] = &[
        (
            "good",
            "sallyport-bench 50000 2000000 0 0",
            195,
            Some(Sample { rate: 25_000.0, cpu_us: 39.0 }),
        ),
        ("one refused", "sallyport-bench 50000 2000000 1 0", 195, None),
        ("one broken", "sallyport-bench 50000 2000000 0 1", 195, None),
        ("no request", "sallyport-bench 0 2000000 0 0", 0, None),
        ("too few numbers", "sallyport-bench 50000 2000000 0", 195, None),
        ("too many numbers", "sallyport-bench 50000 2000000 0 0 7", 195, None),
        ("no number", "sallyport-bench 50000 2000000 0 x", 195, None),
        ("another line", "Requests/sec: 25000", 195, None),
    ];

    #[test]
    fn only_a_clean_run_counts() {
        for (name, line, ticks, expected) in LINES {
            let sample = Count::read(line).and_then(|count| count.sample(*ticks));
            assert_eq!(sample, *expected, "{name}");
        }
    }

    #[tokio::test]
    async fn every_token_is_another() {
        let idp = Idp::start(0).await.unwrap();
        let load =
            Load::mint(&idp, Alg::Es256, Crowd::One, Width { tokens: 20, connections: 1 }).unwrap();
        let script = std::fs::read_to_string(load.folder.path().join("load.lua")).unwrap();
        let mut lines: Vec<&str> =
            script.lines().filter_map(|line| line.split_once("token = ").map(|l| l.1)).collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 20);
    }
}
