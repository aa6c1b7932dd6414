//! `cargo xtask test`: runs suites, shows what failed, ends with one line of counts.
//!
//! A suite that fails does not stop the others. Standard output has the list or the counts;
//! progress and the output of failed suites go to standard error.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use crate::builds;
use crate::prerequisites::{self, Need};
use crate::progress::{say, watch};
use crate::stop::Stop;
use crate::suites::{SLOW_PARTS, Suite, is_slow};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Generated cases of a long run.
const LONG_CASES: &str = "100000";

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    list: bool,
    /// Many more generated cases.
    long: bool,
    /// Slow parts whose suites are wanted too.
    with: Vec<String>,
    /// Suites by name; empty means all.
    suites: Vec<String>,
}

/// Exit code 1 if anything failed, 2 if a name is not known.
pub(crate) fn command(workspace: &Workspace, words: &[String]) -> Result<ExitCode, Stop> {
    let request = parse(words)?;
    let all = Suite::all(workspace, &request.with)?;
    if request.list {
        let mut stdout = io::stdout().lock();
        for suite in &all {
            writeln!(stdout, "{}", suite.name())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(all, &request.suites)?;
    prerequisites::check(&needs(&chosen))?;
    // One that needs the built parts builds them on the way; the others do not wait for that.
    let mut parts = None;
    let mut total = Tally::default();
    for suite in &chosen {
        let ready =
            !suite.needs_parts() || *parts.get_or_insert_with(|| build_parts(workspace, &chosen));
        let started = Instant::now();
        let tally = if ready { run(workspace, suite, request.long) } else { Ok(Tally::FAILED) };
        let tally = tally.unwrap_or_else(|stop| {
            say(&format!("{}: {}", suite.name(), stop.message));
            Tally::FAILED
        });
        let seconds = started.elapsed().as_secs_f64();
        let note = if ready { "" } else { ", not run: what it tests was not built" };
        say(&format!("{}: {tally} ({seconds:.1} s){note}", suite.name()));
        total.add(tally);
    }
    writeln!(io::stdout(), "{total}")?;
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn parse(words: &[String]) -> Result<Request, Stop> {
    let mut request = Request::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => request.list = true,
            "--long" => request.long = true,
            "--with" => request.with.push(slow_part(words.next().map_or("", String::as_str))?),
            other => match other.strip_prefix("--with=") {
                Some(name) => request.with.push(slow_part(name)?),
                None if other.starts_with('-') => {
                    let text =
                        format!("test takes --list, --long, --with NAME and suites, not `{other}`");
                    return Err(Stop::usage(text));
                }
                None => request.suites.push(other.to_owned()),
            },
        }
    }
    Ok(request)
}

fn slow_part(name: &str) -> Result<String, Stop> {
    if is_slow(name) {
        return Ok(name.to_owned());
    }
    let known: Vec<&str> = SLOW_PARTS.iter().map(|(part, _)| *part).collect();
    Err(Stop::usage(format!("--with knows no `{name}`; known: {}", known.join(", "))))
}

/// The suites asked for, in the order they run and each once.
fn choose(all: Vec<Suite>, names: &[String]) -> Result<Vec<Suite>, Stop> {
    if names.is_empty() {
        return Ok(all);
    }
    if let Some(name) = names.iter().find(|name| !all.iter().any(|suite| suite.name() == *name)) {
        if is_slow(name) {
            return Err(Stop::usage(format!("the suite `{name}` needs `--with {name}`")));
        }
        let known: Vec<&str> = all.iter().map(Suite::name).collect();
        let text = format!("no suite is called `{name}`; known: {}", known.join(", "));
        return Err(Stop::usage(text));
    }
    Ok(all.into_iter().filter(|suite| names.iter().any(|name| name == suite.name())).collect())
}

fn needs(suites: &[Suite]) -> Vec<Need> {
    let mut needs = vec![Need::Compiler];
    if suites.iter().any(Suite::needs_parts) {
        needs.extend([Need::WasmTarget, Need::Envoy]);
    } else if suites.contains(&Suite::Clippy) {
        needs.push(Need::WasmTarget);
    }
    needs.extend(suites.iter().flat_map(Suite::slow_needs));
    needs
}

/// Whether filter and sidecar are there; why not has been shown.
fn build_parts(workspace: &Workspace, suites: &[Suite]) -> bool {
    let mut steps = vec![&builds::FILTER, &builds::TESTS];
    if suites.iter().any(Suite::needs_backend_filter) {
        steps.push(&builds::BACKEND_FILTER);
    }
    let built = builds::run(workspace, &steps).and_then(|()| builds::parts(workspace));
    match built {
        Ok(_) => true,
        Err(stop) => {
            say(&stop.message);
            false
        }
    }
}

fn run(workspace: &Workspace, suite: &Suite, long: bool) -> Result<Tally, Stop> {
    if *suite == Suite::Deny && !has_cargo_deny(workspace) {
        say("deny: skipped, cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(Tally::SKIPPED);
    }
    let mut sum = Tally::default();
    for words in suite.calls(workspace)? {
        let mut call = workspace.cargo(&words);
        if suite.needs_parts() {
            call.env("SALLYPORT_WASM", workspace.wasm());
            call.env("SALLYPORT_BIN", workspace.sidecar());
            if long {
                call.env("SALLYPORT_CASES", LONG_CASES);
            }
        }
        let outcome = watch(suite.name(), call)?;
        let tally = if suite.is_libtest() {
            Tally::of_libtest(outcome.success, &outcome.output)
        } else if outcome.success {
            Tally::PASSED
        } else {
            Tally::FAILED
        };
        if tally.failed > 0 {
            say(&format!("$ cargo {}\n{}", words.join(" "), outcome.output.trim_end()));
        } else if *suite == Suite::Fuzz && tally.passed > 0 {
            // What was tried, and the seed, which is another each time.
            say(outcome.output.trim_end());
        }
        sum.add(tally);
    }
    Ok(match (suite.is_libtest(), sum) {
        (true, sum) if sum == Tally::default() => {
            say(&format!("{}: failed, it has no test", suite.name()));
            Tally::FAILED
        }
        (true, sum) => sum,
        // A check is one test, however many calls it takes.
        (false, Tally { failed: 0, .. }) => Tally::PASSED,
        (false, _) => Tally::FAILED,
    })
}

fn has_cargo_deny(workspace: &Workspace) -> bool {
    workspace.cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    type Words = &'static [&'static str];
    /// `--list`, slow parts, suites.
    type Parsed = (bool, Words, Words);

    const PARSED: &[(&str, Words, Option<Parsed>)] = &[
        ("nothing", &[], Some((false, &[], &[]))),
        ("list", &["--list"], Some((true, &[], &[]))),
        ("long", &["--long", "generated"], Some((false, &[], &["generated"]))),
        ("suites", &["unit", "e2e"], Some((false, &[], &["unit", "e2e"]))),
        ("part", &["--with", "keycloak"], Some((false, &["keycloak"], &[]))),
        ("part, joined", &["--with=keycloak", "unit"], Some((false, &["keycloak"], &["unit"]))),
        ("unknown flag", &["--fast"], None),
        ("unknown part", &["--with", "e2e"], None),
        ("unknown part, joined", &["--with=nothing"], None),
        ("no part", &["--with"], None),
    ];

    #[test]
    fn command_lines_are_parsed() {
        for (name, words, expected) in PARSED {
            let expected = expected.map(|(list, with, suites)| Request {
                list,
                long: words.contains(&"--long"),
                with: strings(with),
                suites: strings(suites),
            });
            assert_eq!(parse(&strings(words)).ok(), expected, "{name}");
        }
    }

    #[test]
    fn an_unknown_part_names_the_known_ones() {
        let stop = parse(&strings(&["--with", "e2e"])).unwrap_err();
        assert_eq!(stop.message, "--with knows no `e2e`; known: keycloak");
    }

    #[test]
    fn a_slow_suite_without_its_part_says_what_to_write() {
        let stop = choose(suites(), &strings(&["keycloak"])).unwrap_err();
        assert_eq!(stop.message, "the suite `keycloak` needs `--with keycloak`");
    }

    #[test]
    fn a_slow_suite_needs_what_its_part_needs() {
        let slow = Suite::Integration("keycloak".to_owned());
        assert!(needs(&[slow]).contains(&Need::Maven));
        assert!(!needs(&suites()).contains(&Need::Maven));
    }

    fn suites() -> Vec<Suite> {
        vec![Suite::Format, Suite::Unit, Suite::Integration("e2e".to_owned())]
    }

    const CHOSEN: &[(&str, Words, Option<Words>)] = &[
        ("all", &[], Some(&["format", "unit", "e2e"])),
        ("in order and once", &["e2e", "format", "e2e"], Some(&["format", "e2e"])),
        ("unknown", &["unit", "e3e"], None),
    ];

    #[test]
    fn suites_are_chosen_by_name() {
        for (name, names, expected) in CHOSEN {
            let chosen = choose(suites(), &strings(names)).ok();
            let chosen = chosen.map(|all| all.iter().map(|s| s.name().to_owned()).collect());
            assert_eq!(chosen, expected.map(strings), "{name}");
        }
    }
}
