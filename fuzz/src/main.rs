//! Fuzz targets for everything here that reads foreign text. `cargo xtask fuzz` and `cargo xtask test fuzz` start it.
//! Two targets run at a time, each in a process of its own, so that one which dies takes no other along and its input is
//! known. Knows no policy of its own: `targets/` says what must be true, `mutate/` makes inputs, `engine.rs` runs them.

mod bounds;
mod command;
mod coverage;
mod engine;
mod host;
mod keys;
#[expect(
    dead_code,
    reason = "the filter's bounds, of which its reader of discovery documents uses some"
)]
#[path = "../../filter/src/limits.rs"]
mod limits;
mod memory;
mod mutate;
#[expect(unreachable_pub, reason = "the sidecar shows it to the tests; nobody sees it here")]
#[path = "../../ext-authz/src/crypto.rs"]
mod native;
#[path = "../../filter/src/pairs.rs"]
mod pairs;
mod random;
mod runner;
mod seeds;
mod targets;
mod tokens;

use std::io::{self, Write};
use std::process::ExitCode;

use command::Command;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match command::parse(&words) {
        Ok(Command::List) => runner::list(),
        Ok(Command::Run(plan)) => runner::run(&plan),
        Ok(Command::One { target, seconds, seed }) => runner::one(target, seconds, seed),
        Ok(Command::Replay(file)) => runner::replay(&file),
        Err(message) => {
            writeln!(io::stderr(), "{message}").ok();
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|message| {
        writeln!(io::stderr(), "{message}").ok();
        ExitCode::from(1)
    })
}
