//! The builds that demo, tests and benches start from, one progress line each.
//!
//! Debug builds select programs with `--workspace --bin`, not `-p`: cargo then unites features
//! once for all of them, and the libraries they share are compiled once.

use std::path::PathBuf;
use std::time::Instant;

use crate::progress::{say, watch};
use crate::stop::Stop;
use crate::workspace::Workspace;

/// One call of cargo and what it makes.
pub(crate) struct Step {
    what: &'static str,
    words: &'static [&'static str],
}

/// The filter; always release, since a debug build is far over what Envoy should load.
pub(crate) const FILTER: Step = Step {
    what: "the filter for wasm32-wasip1",
    words: &["build", "-p", "sallyport-filter", "--target", "wasm32-wasip1", "--release"],
};

/// The filter that does nothing, which the benchmarks measure ours against. By a call of its own,
/// so that it shares no feature with ours.
pub(crate) const NOOP_FILTER: Step = Step {
    what: "the filter that does nothing",
    words: &["build", "-p", "sallyport-noop-filter", "--target", "wasm32-wasip1", "--release"],
};

/// The filter that judges vectors with our filter's backends, for the suite of that name.
pub(crate) const BACKEND_FILTER: Step = Step {
    what: "the filter that judges vectors",
    words: &["build", "-p", "sallyport-backend-filter", "--target", "wasm32-wasip1", "--release"],
};

/// The sidecar for demo and tests.
pub(crate) const SIDECAR: Step =
    Step { what: "the sidecar", words: &["build", "--workspace", "--bin", "sallyport"] };

/// The demo's program.
pub(crate) const DEMO: Step =
    Step { what: "the demo", words: &["build", "--workspace", "--bin", "demo"] };

/// All programs and test programs, with the features that `cargo test --workspace` uses.
pub(crate) const TESTS: Step = Step {
    what: "the sidecar and the tests",
    words: &["build", "--workspace", "--bins", "--tests"],
};

/// The program that measures. It drives others, so it is not optimised; but it runs the pure crates itself, which are.
pub(crate) const BENCH: Step = Step {
    what: "the benchmarks",
    words: &["build", "--workspace", "--bin", "bench", "--config", "tests/measured.toml"],
};

/// Runs the steps in order. The first that fails shows cargo's output and ends the command.
pub(crate) fn run(workspace: &Workspace, steps: &[&Step]) -> Result<(), Stop> {
    for (number, step) in (1_usize..).zip(steps) {
        let label = format!("[{number}/{}] building {}", steps.len(), step.what);
        let started = Instant::now();
        let outcome = watch(&label, workspace.cargo(step.words))?;
        let seconds = started.elapsed().as_secs_f64();
        if !outcome.success {
            say(outcome.output.trim_end());
            return Err(Stop::failed(format!("{label}: failed after {seconds:.1} s")));
        }
        say(&format!("{label}: {seconds:.1} s"));
    }
    Ok(())
}

/// The two paths that each of our test programs is told.
pub(crate) fn parts(workspace: &Workspace) -> Result<(PathBuf, PathBuf), Stop> {
    let (wasm, sidecar) = (workspace.wasm(), workspace.sidecar());
    for file in [&wasm, &sidecar] {
        if !file.is_file() {
            return Err(Stop::failed(format!("the build left no `{}`", file.display())));
        }
    }
    Ok((wasm, sidecar))
}
