//! The `sallyport` command line (DESIGN section 10). With `--json` standard output holds one JSON object a line and
//! nothing else; messages for people go to standard error. Exit codes: 0 as asked, 1 something was found, 2 wrong use,
//! unreadable input, or a policy that does not load. Called by `main.rs` alone; decides nothing itself.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod explain;
mod failure;
mod limits;
mod lint;
mod policy_file;
mod render;
mod schema;
mod serve;

/// A programmable security gate for APIs.
#[derive(Debug, Parser)]
#[command(name = "sallyport", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide requests offline: one JSON object a line on standard input.
    Check(check::Arguments),
    /// Tell the whole way of each decision: the same input as for check.
    Explain(check::Arguments),
    /// Report what is wrong with a policy file.
    Lint(lint::Arguments),
    /// Print the JSON Schema of the policy file, or the configuration reference.
    Schema(schema::Arguments),
    /// Print what the data plane needs, without a secret in it.
    Render(Box<render::Arguments>),
    /// Run the sidecar.
    Serve(serve::Arguments),
}

/// The policy file, in every command that reads one.
#[derive(Debug, clap::Args)]
struct PolicyArgument {
    /// The policy file; read as JSON where its name ends in `.json`, else as YAML.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
}

/// Reads the process's arguments, does what they ask, and gives the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
    };
    outcome.unwrap_or_else(|failure| {
        tell(&failure.to_string());
        ExitCode::from(2)
    })
}

/// A message for people. A standard error that is gone is nobody's loss.
fn tell(message: &str) {
    drop(writeln!(std::io::stderr(), "sallyport: {message}"));
}
