//! The benches: our filter beside Envoy's own in one process. Called by `cargo xtask bench`, which
//! builds what it needs for release; the output is fixed in DESIGN section 10. Standard output
//! holds the figures alone, whatever is for people beside them goes to standard error.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sallyport_tests::Result;
use sallyport_tests::bench::{self, Figure, Measure, Plan, Results, Setup};
use sallyport_tests::envoy::{Binary, CURRENT};
use sallyport_tests::program::until_stopped;

/// Measures our filter beside Envoy's own.
#[derive(Debug, Parser)]
struct Arguments {
    /// The filter, built for release.
    #[arg(long, value_parser = file)]
    wasm: PathBuf,
    /// The filter that does nothing, built likewise.
    #[arg(long, value_parser = file)]
    nothing: PathBuf,
    /// The sidecar, built for release; none of today's measures asks it.
    #[arg(long, value_parser = file)]
    sidecar: PathBuf,
    /// Only these measures, as in P1,P2; by default all.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    only: Vec<Measure>,
    /// Few and short rounds.
    #[arg(long)]
    quick: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_file() { Ok(path) } else { Err("there is no such file".to_owned()) }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let work = async { bench(&arguments).await.map(|()| ExitCode::SUCCESS) };
    until_stopped(work).await.unwrap_or_else(|error| {
        say(&format!("the bench failed: {error}"));
        ExitCode::FAILURE
    })
}

async fn bench(arguments: &Arguments) -> Result<()> {
    let binary = Binary::locate(CURRENT).await?;
    say(&format!("measuring in Envoy {}, one worker", binary.version()));
    let only = &arguments.only;
    let setup = Setup {
        wasm: arguments.wasm.clone(),
        nothing: arguments.nothing.clone(),
        binary,
        plan: if arguments.quick { Plan::QUICK } else { Plan::FULL },
        measures: if only.is_empty() { Measure::ALL.to_vec() } else { only.clone() },
    };
    let results = bench::run(&setup, &mut say).await?;
    if arguments.json { print_json(&results) } else { print_table(&results) }
}

fn print_json(results: &Results) -> Result<()> {
    for figure in &results.figures {
        line(&figure.to_json().to_string())?;
    }
    // The floor is no measure, so a program that reads all lines does not meet it.
    for figure in &results.floor {
        say(&figure.to_row());
    }
    Ok(())
}

fn print_table(results: &Results) -> Result<()> {
    line(&Figure::head())?;
    for figure in results.figures.iter().chain(&results.floor) {
        line(&figure.to_row())?;
    }
    line(
        "a ratio above 1 is in our favour: throughput ours / peer, CPU peer / ours, P11 goal / ours",
    )
}

fn line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// A closed standard error is no reason to stop.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
