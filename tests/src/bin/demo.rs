//! The demo: every case on a real Envoy with the quickstart's files, its answers and its times.
//! Called by `cargo xtask demo`, which builds what it needs; the output is fixed in DESIGN section
//! 10. Standard output holds the outcomes alone, whatever is for people goes to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sallyport_tests::Result;
use sallyport_tests::cases::{self, HOST, Kind, Outcome};
use sallyport_tests::envoy::{Binary, CURRENT};
use sallyport_tests::parts::Parts;
use sallyport_tests::program::{stopped, until_stopped};
use sallyport_tests::stage::{Setup, Stage, Way};
use serde_json::json;

/// Decides real requests in a real Envoy.
#[derive(Debug, Parser)]
struct Arguments {
    /// The filter.
    #[arg(long)]
    wasm: PathBuf,
    /// The sidecar.
    #[arg(long)]
    sidecar: PathBuf,
    /// Send the requests once and end; this is the default.
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Keep everything running afterwards, and print requests to try.
    #[arg(long)]
    stay: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    until_stopped(demo(&arguments)).await.unwrap_or_else(|error| {
        say(&format!("the demo failed: {error}"));
        ExitCode::FAILURE
    })
}

async fn demo(arguments: &Arguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let binary = Binary::locate(CURRENT).await?;
    say(&format!("starting Envoy {}, sidecar, identity provider, upstream", binary.version()));
    let parts = Parts { wasm: arguments.wasm.clone(), sidecar: arguments.sidecar.clone() };
    let stage = Stage::open(Setup::quickstart(parts, binary)).await?;
    say(&format!("everything is ready after {:.1} s", begun.elapsed().as_secs_f64()));

    let mut table = Table::new(arguments.json);
    table.head()?;
    let mut broken = Ok(());
    cases::run(&stage, &mut |outcome| {
        if broken.is_ok() {
            broken = table.row(&outcome);
        }
    })
    .await?;
    broken?;
    table.summary(begun)?;
    let code = if table.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if arguments.stay {
        invite(&stage, if arguments.json { say } else { show })?;
        stopped().await?;
    }
    stage.close().await?;
    Ok(code)
}

/// The outcomes on standard output.
struct Table {
    json: bool,
    colour: bool,
    passed: u32,
    failed: u32,
}

impl Table {
    fn new(json: bool) -> Self {
        let colour = !json && std::io::stdout().is_terminal();
        Self { json, colour, passed: 0, failed: 0 }
    }

    fn head(&self) -> Result<()> {
        if self.json {
            return Ok(());
        }
        line(&format!(
            "{:<34} {:<8} {:<5} {:<64} {:<7} {:>6} {:<24} {:>8}",
            "step", "topology", "mode", "asked", "door", "status", "reason", "time"
        ))
    }

    fn row(&mut self, outcome: &Outcome) -> Result<()> {
        let failure = outcome.failure();
        if let Some(failure) = &failure {
            self.failed = self.failed.saturating_add(1);
            say(&format!("differs: {failure}"));
        } else {
            self.passed = self.passed.saturating_add(1);
        }
        if self.json {
            return line(&outcome.to_json().to_string());
        }
        let (status, reason) = &outcome.actual;
        let way = match outcome.way {
            Way::Ask => "A",
            Way::ExtAuthz => "B",
            Way::Grpc => "C grpc",
            Way::Http => "C http",
        };
        let time = format!("{:.1} ms", outcome.elapsed.as_secs_f64() * 1000.0);
        let reason = reason.as_deref().unwrap_or("-");
        let text = format!(
            "{:<34} {way:<8} {:<5} {:<64} {:<7} {status:>6} {reason:<24} {time:>8}{}",
            outcome.step,
            outcome.mode,
            outcome.request,
            outcome.door,
            if failure.is_some() { "  DIFFERS" } else { "" },
        );
        match failure {
            Some(_) if self.colour => line(&format!("\x1b[31m{text}\x1b[0m")),
            _ => line(&text),
        }
    }

    fn summary(&self, begun: Instant) -> Result<()> {
        let (passed, failed) = (self.passed, self.failed);
        if self.json {
            let summary = json!({ "passed": passed, "failed": failed, "skipped": 0 });
            return line(&json!({ "summary": summary }).to_string());
        }
        let seconds = begun.elapsed().as_secs_f64();
        line(&format!("{passed} as expected, {failed} not, in {seconds:.1} s"))
    }
}

/// Requests to try by hand.
fn invite(stage: &Stage, print: fn(&str)) -> Result<()> {
    say("everything keeps running until Ctrl-C; the tokens are good for five minutes. Try:");
    let token = Kind::Rs256.mint(&stage.idp)?;
    let opaque = Kind::Opaque.mint(&stage.idp)?;
    let tries = [
        (Way::Ask, "-i", "/orders/o-1", Some(&token)),
        (Way::Ask, "-i", "/orders/o-1", None),
        (Way::Ask, "-i", "/admin/users", Some(&token)),
        (Way::Ask, "-i", "/clusters/c-1", Some(&token)),
        (Way::Ask, "-i -X DELETE", "/clusters/c-1", Some(&token)),
        (Way::Ask, "-i", "/reports/r-1", Some(&opaque)),
        (Way::ExtAuthz, "-i", "/clusters/c-1", Some(&token)),
        (Way::Grpc, "-i", "/clusters/c-1", Some(&token)),
        (Way::Http, "-i", "/clusters/c-1", Some(&token)),
    ];
    for (way, flags, path, token) in tries {
        let header = token.map(|token| format!(" -H 'authorization: Bearer {token}'"));
        let header = header.unwrap_or_default();
        let port = stage.port(way)?;
        print(&format!("# topology {} {}", way.topology(), way.transport()));
        print(&format!("curl {flags} -H 'host: {HOST}'{header} http://127.0.0.1:{port}{path}"));
    }
    let admin = stage.envoy.admin_port();
    print(&format!("# counters\ncurl -s http://127.0.0.1:{admin}/stats | grep sallyport"));
    Ok(())
}

fn line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

/// A closed standard output is no reason to stop here.
fn show(text: &str) {
    drop(line(text));
}

/// A closed standard error is no reason to stop.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
