//! `cargo xtask demo`: builds filter, sidecar and demo, then becomes the demo.
//!
//! The requests, what is expected of them and the output are the demo's own: `tests/src/bin/demo.rs`.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::builds;
use crate::prerequisites::{self, Need};
use crate::stop::Stop;
use crate::workspace::Workspace;

const FLAGS: &[&str] = &["--once", "--json", "--stay"];

/// Returns only if something was missing or failed to build; else this process is the demo.
pub(crate) fn command(workspace: &Workspace, words: &[String]) -> Result<ExitCode, Stop> {
    check_flags(words)?;
    prerequisites::check(&[Need::Compiler, Need::WasmTarget, Need::Envoy])?;
    builds::run(workspace, &[&builds::FILTER, &builds::SIDECAR, &builds::DEMO])?;
    let (wasm, sidecar) = builds::parts(workspace)?;

    let mut demo = Command::new(workspace.program("demo"));
    demo.arg("--wasm").arg(wasm).arg("--sidecar").arg(sidecar).args(words);
    // Replacing this process keeps signals and the exit code with the one who ends what it started.
    let error = demo.exec();
    Err(Stop::failed(format!("the demo does not start: {error}")))
}

fn check_flags(words: &[String]) -> Result<(), Stop> {
    match words.iter().find(|word| !FLAGS.contains(&word.as_str())) {
        None => Ok(()),
        Some(word) => Err(Stop::usage(format!("demo takes {}, not `{word}`", FLAGS.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &[&str], bool)] = &[
        ("none", &[], true),
        ("all", &["--once", "--json", "--stay"], true),
        ("unknown flag", &["--jsn"], false),
        ("a path of ours is not the caller's to set", &["--wasm", "x"], false),
    ];

    #[test]
    fn only_known_flags_pass() {
        for (name, words, expected) in CASES {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(check_flags(&words).is_ok(), *expected, "{name}");
        }
    }
}
