//! The suites of `cargo xtask test`: their names, their order and what each one runs.
//!
//! Every file in `tests/tests` is a suite under its own name, so a new file needs no line here. A suite that is called
//! like a slow part runs when `--with` names the part, and not otherwise.

use crate::fuzz;
use crate::prerequisites::Need;
use crate::stop::Stop;
use crate::workspace::Workspace;

/// Integration suites that come first, quickest first; any other follows by name.
const FIRST: &[&str] = &["house", "cost", "agreement", "istio", "e2e", "faults"];

/// Real parts that `--with` can add, with what each needs on this machine. Its suite has the same name.
pub(crate) const SLOW_PARTS: &[(&str, &[Need])] = &[("keycloak", &[Need::Java, Need::Maven])];

/// A named part of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suite {
    /// rustfmt, one test.
    Format,
    /// The lint wall, one test.
    Clippy,
    /// Everything that needs nothing but cargo.
    Unit,
    /// cargo-deny without its advisories, which need the network; one test.
    Deny,
    /// Ten seconds of each fuzz target; each is a test.
    Fuzz,
    /// A test program of `tests/tests` on the built filter and sidecar.
    Integration(String),
}

impl Suite {
    /// All suites with these slow parts, in the order they run.
    pub(crate) fn all(workspace: &Workspace, with: &[String]) -> Result<Vec<Self>, Stop> {
        let mut suites = vec![Self::Format, Self::Clippy, Self::Unit, Self::Deny, Self::Fuzz];
        let mut names = in_order(workspace.integration_tests()?);
        names.retain(|name| !is_slow(name) || with.contains(name));
        suites.extend(names.into_iter().map(Self::Integration));
        Ok(suites)
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Format => "format",
            Self::Clippy => "clippy",
            Self::Unit => "unit",
            Self::Deny => "deny",
            Self::Fuzz => "fuzz",
            Self::Integration(name) => name,
        }
    }

    /// Whether the built filter and sidecar must be there.
    pub(crate) fn needs_parts(&self) -> bool {
        matches!(self, Self::Integration(_))
    }

    /// Whether the filter that judges vectors must be there too.
    pub(crate) fn needs_backend_filter(&self) -> bool {
        self.name() == "vectors"
    }

    /// What the suite's own slow part needs.
    pub(crate) fn slow_needs(&self) -> &'static [Need] {
        let own = SLOW_PARTS.iter().find(|(part, _)| *part == self.name());
        own.map_or(&[], |(_, needs)| needs)
    }

    /// Whether the output has libtest's summaries; else the suite is one test.
    pub(crate) fn is_libtest(&self) -> bool {
        matches!(self, Self::Unit | Self::Fuzz | Self::Integration(_))
    }

    /// The calls of cargo, all of which must succeed.
    pub(crate) fn calls(&self, workspace: &Workspace) -> Result<Vec<Vec<String>>, Stop> {
        let calls: &[&str] = match self {
            Self::Format => &["fmt --all --check", "fmt --manifest-path fuzz/Cargo.toml --check"],
            Self::Clippy => &[
                "clippy --workspace --all-targets -- -D warnings",
                // A slow suite is a target only where it is named alone.
                "clippy --workspace --test keycloak -- -D warnings",
                "clippy -p sallyport-filter -p sallyport-noop-filter -p sallyport-backend-filter --target wasm32-wasip1 -- -D warnings",
                // Alone, so that a feature that only another crate asks for is missed here.
                "clippy -p sallyport-ext-authz -- -D warnings",
                "clippy --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings",
            ],
            // Deny reads the licences of every locked crate, also those of other platforms.
            Self::Deny => &["fetch --locked", "deny --offline check bans licenses sources"],
            Self::Unit => return unit_calls(workspace),
            Self::Fuzz => return Ok(fuzz::suite_calls()),
            Self::Integration(name) => {
                let call = "test --no-fail-fast --workspace --test NAME -- --test-threads=2";
                return Ok(vec![words(&call.replace("NAME", name))]);
            }
        };
        Ok(calls.iter().copied().map(words).collect())
    }
}

/// One selection over the whole workspace, so that all suites share one build of the libraries.
fn unit_calls(workspace: &Workspace) -> Result<Vec<Vec<String>>, Stop> {
    let mut programs = words("test --no-fail-fast --workspace --lib --bins");
    for name in workspace.crate_tests()? {
        programs.extend(["--test".to_owned(), name]);
    }
    Ok(vec![programs, words("test --no-fail-fast --workspace --doc")])
}

/// Whether a suite needs a slow part.
pub(crate) fn is_slow(name: &str) -> bool {
    SLOW_PARTS.iter().any(|(part, _)| *part == name)
}

fn words(call: &str) -> Vec<String> {
    call.split(' ').map(str::to_owned).collect()
}

fn in_order(mut names: Vec<String>) -> Vec<String> {
    let rank = |name: &String| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
    names.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_suite_runs_when_its_part_is_asked_for() {
        let workspace = Workspace::open().unwrap();
        let slow = |with: &[String]| {
            let all = Suite::all(&workspace, with).unwrap();
            all.iter().filter(|suite| is_slow(suite.name())).count()
        };
        assert_eq!(slow(&[]), 0);
        assert_eq!(slow(&["keycloak".to_owned()]), 1);
        for (part, needs) in SLOW_PARTS {
            assert_eq!(Suite::Integration((*part).to_owned()).slow_needs(), *needs);
        }
        assert!(Suite::Unit.slow_needs().is_empty());
    }

    #[test]
    fn known_suites_come_first_and_new_ones_follow_by_name() {
        let names = ["zebra", "e2e", "house", "agreement", "ant", "faults"].map(str::to_owned);
        let expected = ["house", "agreement", "e2e", "faults", "ant", "zebra"];
        assert_eq!(in_order(names.to_vec()), expected);
    }
}
