//! `cargo xtask fuzz`: builds the fuzz targets with the compiler's coverage counters and runs them.
//!
//! `fuzz/` is a workspace of its own: its build has flags and a profile that no other has. What is
//! run, and what is bad, is that program's business; the suite `fuzz` runs it for ten seconds each.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use crate::prerequisites::{self, Need};
use crate::progress::{say, watch};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// What the normal test run does, two targets at a time. The others are for `cargo xtask fuzz`.
const IN_TESTS: &str = "token jwks discovery mutation --seconds 10";

/// Returns only if something was missing or failed to build; else this process is the fuzzing.
pub(crate) fn command(workspace: &Workspace, words: &[String]) -> Result<ExitCode, Stop> {
    prerequisites::check(&[Need::Compiler])?;
    let outcome = watch("building the fuzz targets", workspace.cargo(&call("build")))?;
    if !outcome.success {
        say(outcome.output.trim_end());
        return Err(Stop::failed("the fuzz targets were not built".to_owned()));
    }
    let mut run = call("run --quiet");
    run.push("--".to_owned());
    run.extend_from_slice(words);
    let error = workspace.cargo(&run).exec();
    Err(Stop::failed(format!("the fuzz targets do not start: {error}")))
}

/// The suite's calls of cargo: it is built first, so that its output is the targets' alone.
pub(crate) fn suite_calls() -> Vec<Vec<String>> {
    let mut run = call("run --quiet");
    run.push("--".to_owned());
    run.extend(IN_TESTS.split(' ').map(str::to_owned));
    vec![call("build"), run]
}

/// A command of cargo for that workspace. With a target named, the flags reach our code and not
/// the build scripts, which would not link with them.
fn call(command: &str) -> Vec<String> {
    let call = format!(
        "--config fuzz/coverage.toml {command} --locked --release --manifest-path fuzz/Cargo.toml \
         --target host-tuple"
    );
    call.split(' ').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// Name and version of what a lock file has.
    fn locked(path: &str) -> BTreeSet<(String, String)> {
        let text = fs::read_to_string(path).unwrap();
        let value = |line: &str, name: &str| {
            line.strip_prefix(name).map(|value| value.trim_matches([' ', '=', '"']).to_owned())
        };
        let lines: Vec<&str> = text.lines().collect();
        let pairs = lines.windows(2).filter_map(|pair| match pair {
            [first, second] => Some((value(first, "name")?, value(second, "version")?)),
            _ => None,
        });
        pairs.collect()
    }

    /// Else what is fuzzed is not what is shipped, and `deny.toml` would not see it.
    #[test]
    fn the_fuzz_targets_are_built_with_the_versions_of_the_product() {
        let product = locked("../Cargo.lock");
        let mut fuzz = locked("../fuzz/Cargo.lock");
        fuzz.retain(|(name, _)| name != "sallyport-fuzz");
        let other: Vec<_> = fuzz.difference(&product).collect();
        assert!(!fuzz.is_empty());
        assert!(
            other.is_empty(),
            "not in Cargo.lock: {other:?}; cp Cargo.lock fuzz/ && cargo metadata --manifest-path \
             fuzz/Cargo.toml >/dev/null"
        );
    }

    #[test]
    fn the_suite_builds_and_then_runs() {
        let calls = suite_calls();
        assert_eq!(calls.len(), 2);
        assert!(calls[0].contains(&"build".to_owned()) && !calls[0].contains(&"--".to_owned()));
        assert_eq!(calls[1].last().unwrap(), "10");
    }
}
