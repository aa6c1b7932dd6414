//! The command line.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::targets::{self, ALL, Target};

const USAGE: &str = "\
usage: cargo xtask fuzz [TARGET]... [--seconds N] [--seed N]
       cargo xtask fuzz --replay FILE
       cargo xtask fuzz --list
";

/// How long a target runs when nothing is said.
const DEFAULT_SECONDS: u64 = 60;

/// What is asked for.
pub(crate) enum Command {
    /// The targets by name.
    List,
    /// Targets, each in a process.
    Run(Plan),
    /// One target in this process.
    One { target: &'static Target, seconds: u64, seed: u64 },
    /// An input that was kept.
    Replay(PathBuf),
}

/// Which targets, how long, and from which seed.
pub(crate) struct Plan {
    pub(crate) targets: Vec<&'static Target>,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
}

/// Reads the words.
///
/// # Errors
/// What is wrong with them, for people.
pub(crate) fn parse(words: &[String]) -> Result<Command, String> {
    let mut targets = Vec::new();
    let (mut seconds, mut seed, mut alone) = (DEFAULT_SECONDS, None, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => return Ok(Command::List),
            "--replay" => return Ok(Command::Replay(words.next().ok_or(USAGE)?.into())),
            "--seconds" => seconds = number(words.next())?,
            "--seed" => seed = Some(number(words.next())?),
            // How a process is told to be the one that runs a target.
            "--alone" => alone = true,
            name => targets.push(targets::named(name).ok_or_else(|| unknown(name))?),
        }
    }
    let seed = seed.unwrap_or_else(any_seed);
    match targets.as_slice() {
        [target] if alone => Ok(Command::One { target, seconds, seed }),
        [] => Ok(Command::Run(Plan { targets: ALL.iter().collect(), seconds, seed })),
        _ => Ok(Command::Run(Plan { targets, seconds, seed })),
    }
}

fn number(word: Option<&String>) -> Result<u64, String> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| format!("a number is missing\n\n{USAGE}"))
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = ALL.iter().map(|target| target.name).collect();
    format!("no target is called `{name}`; known: {}\n\n{USAGE}", known.join(", "))
}

/// Other inputs each time; the seed is printed.
fn any_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}
