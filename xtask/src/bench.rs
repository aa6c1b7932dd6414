//! `cargo xtask bench`: release builds, then the program that measures.
//!
//! What is measured, against what, and how rounds interleave is the program's own business.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::builds;
use crate::prerequisites::{self, Need};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// Returns only if something was missing or failed to build; else this process is the bench.
pub(crate) fn command(workspace: &Workspace, words: &[String]) -> Result<ExitCode, Stop> {
    check_flags(words)?;
    prerequisites::check(&[Need::Compiler, Need::WasmTarget, Need::Envoy, Need::Wrk])?;
    // No measure of today asks the sidecar, so it is not worth six minutes of optimised build.
    let steps = [&builds::FILTER, &builds::NOOP_FILTER, &builds::SIDECAR, &builds::BENCH];
    builds::run(workspace, &steps)?;
    let (wasm, sidecar) = builds::parts(workspace)?;

    let mut bench = Command::new(workspace.program("bench"));
    bench.arg("--wasm").arg(wasm).arg("--sidecar").arg(sidecar);
    bench.arg("--nothing").arg(workspace.noop_wasm()).args(words);
    let error = bench.exec();
    Err(Stop::failed(format!("the benchmarks do not start: {error}")))
}

/// `--only LIST` and `--only=LIST` are both taken; the measures' names are the program's to judge.
fn check_flags(words: &[String]) -> Result<(), Stop> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let list = match word.as_str() {
            "--quick" | "--json" => continue,
            "--only" => words.next().map(String::as_str),
            other => match other.strip_prefix("--only=") {
                Some(list) => Some(list),
                None => {
                    let text = format!("bench takes --only LIST, --quick, --json, not `{other}`");
                    return Err(Stop::usage(text));
                }
            },
        };
        if list.is_none_or(|list| list.is_empty() || list.starts_with('-')) {
            return Err(Stop::usage("--only needs a list of measures, as in P1,P2".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &[&str], bool)] = &[
        ("none", &[], true),
        ("all", &["--only", "P1,P2", "--quick", "--json"], true),
        ("joined", &["--only=P1"], true),
        ("no list", &["--only"], false),
        ("empty list", &["--only="], false),
        ("flag for a list", &["--only", "--quick"], false),
        ("unknown", &["--fast"], false),
        ("bare word", &["P1"], false),
    ];

    #[test]
    fn only_known_flags_pass() {
        for (name, words, expected) in CASES {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(check_flags(&words).is_ok(), *expected, "{name}");
        }
    }
}
