//! `sallyport check`: decisions without a proxy, a sidecar or a network. One request a line in, one decision a line out,
//! in order. Keys and introspection replies come from files, secrets of HS* issuers from where the policy says; what has
//! no file is unavailable, and the decision says so.

use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use sallyport_jwt::UnixTime;
use sallyport_policy::Document;

use super::PolicyArgument;
use super::failure::Failure;
use super::limits::MAX_LINE_BYTES;
use super::policy_file::PolicyFile;
use super::tell;

pub(super) mod input;
pub(super) mod offline;
pub(super) mod report;

use input::InputRequest;
use offline::Offline;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArgument,
    /// The time, in seconds since 1970; without it the clock's.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    now: Option<i64>,
    /// Keys of an issuer, as a JWK set.
    #[arg(long, value_name = "ISSUER=FILE", value_parser = named_file)]
    jwks: Vec<NamedFile>,
    /// Introspection replies of an issuer: a JSON object from token to RFC 7662 reply.
    #[arg(long, value_name = "NAME=FILE", value_parser = named_file)]
    introspection: Vec<NamedFile>,
    /// Judge as if every route had `shadow: true`.
    #[arg(long)]
    shadow: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A key under `issuers:` and a file.
#[derive(Debug, Clone)]
struct NamedFile {
    name: String,
    file: PathBuf,
}

fn named_file(text: &str) -> Result<NamedFile, String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok(NamedFile { name: name.to_owned(), file: file.into() })
        }
        Some(_) | None => Err("write NAME=FILE".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (_, offline) = arguments.read()?;
    arguments.answer(|request| {
        let decision = offline.decide(request);
        if arguments.json {
            report::json(offline.policy(), request, &decision)
        } else {
            report::text(offline.policy(), request, &decision)
        }
    })
}

impl Arguments {
    /// The policy, and whatever answers for its dependencies.
    ///
    /// # Errors
    /// Anything that cannot be used.
    pub(super) fn read(&self) -> Result<(Document, Offline), Failure> {
        let mut file = PolicyFile::read(&self.policy.policy)?;
        if self.shadow {
            file = file.shadowed();
        }
        let now = self.now.map_or_else(clock, UnixTime);
        let mut offline = Offline::new(file.load()?, now);
        offline.read_secrets(file.directory())?;
        for NamedFile { name, file } in &self.jwks {
            offline.read_keys(name, file)?;
        }
        for NamedFile { name, file } in &self.introspection {
            offline.read_replies(name, file)?;
        }
        Ok((file.files.document, offline))
    }

    /// Answers every line of standard input.
    ///
    /// # Errors
    /// A line that is too long, and broken streams.
    pub(super) fn answer(
        &self,
        mut line: impl FnMut(&InputRequest) -> String,
    ) -> Result<ExitCode, Failure> {
        let (input, output) = (&mut std::io::stdin().lock(), &mut std::io::stdout());
        let all_readable = answer(&mut line, input, output)?;
        Ok(if all_readable { ExitCode::SUCCESS } else { ExitCode::from(2) })
    }

    /// Whether programs read the answers.
    pub(super) fn json(&self) -> bool {
        self.json
    }
}

/// Answers every line; false: some were no requests. Each answer is flushed, so that a program may wait for it.
fn answer(
    answered: &mut dyn FnMut(&InputRequest) -> String,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<bool, Failure> {
    let mut all_readable = true;
    let mut number = 0_u64;
    loop {
        number = number.saturating_add(1);
        let mut line = Vec::new();
        let read = input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(all_readable);
        }
        let whole = line.ends_with(b"\n") || u64::try_from(read).is_ok_and(|n| n < MAX_LINE_BYTES);
        if !whole {
            // What follows is the middle of a request: there is no next line to trust.
            return Err(Failure::Unreadable(format!(
                "line {number}: longer than {MAX_LINE_BYTES} bytes"
            )));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match InputRequest::parse(&line) {
            Ok(request) => {
                let text = answered(&request);
                writeln!(output, "{text}")?;
                output.flush()?;
            }
            Err(error) => {
                all_readable = false;
                tell(&format!("line {number}: {error}"));
            }
        }
    }
}

/// A clock before 1970 is no clock: then every token is expired, since none ends after the end of time.
fn clock() -> UnixTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs());
    UnixTime(seconds.ok().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(i64::MAX))
}
