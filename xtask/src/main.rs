//! `cargo xtask`: the commands a clone of this repository answers to.
//!
//! Each command checks what it needs, builds it, then runs one of our own programs or cargo. It
//! knows no policy and no Envoy: `tests/` does. Exit codes: 0 as asked, 1 something was found,
//! 2 wrong use or something missing on this machine.

mod bench;
mod builds;
mod demo;
mod fuzz;
mod prerequisites;
mod progress;
mod stop;
mod suites;
mod tally;
mod test;
mod workspace;

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use stop::Stop;
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [--once] [--json] [--stay]           build everything and decide real requests in Envoy
  test [--list] [--with NAME]... [SUITE]... run the suites, or those named
  bench [--only P1,P2] [--quick] [--json]   measure against Envoy's own filters
  fuzz [--list] [TARGET]... [--seconds N]   run the fuzz targets, 60 s each; --seed N, --replay FILE
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(stop) => {
            progress::say(&stop.message);
            stop.code()
        }
    }
}

fn dispatch() -> Result<ExitCode, Stop> {
    let mut words = Vec::new();
    for word in env::args_os().skip(1) {
        let text = word.into_string().map_err(|word| {
            Stop::usage(format!("`{}` is not UTF-8\n\n{USAGE}", word.to_string_lossy()))
        })?;
        words.push(text);
    }
    let Some((command, rest)) = words.split_first() else {
        return Err(Stop::usage(USAGE.to_owned()));
    };
    match command.as_str() {
        "demo" => demo::command(&Workspace::open()?, rest),
        "test" => test::command(&Workspace::open()?, rest),
        "bench" => bench::command(&Workspace::open()?, rest),
        "fuzz" => fuzz::command(&Workspace::open()?, rest),
        "help" | "--help" | "-h" => {
            io::stdout().write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Stop::usage(format!("no command is called `{unknown}`\n\n{USAGE}"))),
    }
}
