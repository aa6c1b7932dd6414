//! Counts of tests, read from libtest's own summary lines.

use std::fmt;

/// Tests by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// One test that passed.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    /// One test that failed.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    /// One test that could not be run here.
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// Sums up every `test result:` line of a run of `cargo test`. A run that failed without a
    /// failed test (it did not build, or a test program died) and a summary that cannot be read
    /// count as one failure.
    pub(crate) fn of_libtest(success: bool, output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            if let Some(summary) = line.strip_prefix("test result: ") {
                sum.add(parse_summary(summary).unwrap_or(Self::FAILED));
            }
        }
        if !success && sum.failed == 0 {
            sum.add(Self::FAILED);
        }
        sum
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`
fn parse_summary(summary: &str) -> Option<Tally> {
    let (_, counts) = summary.split_once(". ")?;
    let mut counts = counts.split("; ");
    let mut next = |unit: &str| counts.next()?.strip_suffix(unit)?.trim_end().parse().ok();
    Some(Tally { passed: next("passed")?, failed: next("failed")?, skipped: next("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
    const BAD: &str = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
    const EMPTY: &str = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";

    const fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    const CASES: &[(&str, bool, &[&str], Tally)] = &[
        ("one program", true, &["running 4 tests", OK], tally(3, 0, 1)),
        ("two programs", false, &[OK, "", BAD], tally(4, 2, 1)),
        ("an empty program beside a full one", true, &[EMPTY, OK], tally(3, 0, 1)),
        ("it did not build", false, &["error[E0432]: unresolved import"], tally(0, 1, 0)),
        ("a program died after another passed", false, &[OK, "signal: 6, SIGABRT"], tally(3, 1, 1)),
        ("no test ran", true, &[EMPTY], tally(0, 0, 0)),
        ("unreadable summary", true, &["test result: ok. many passed; 0 failed"], tally(0, 1, 0)),
        ("cut summary", true, &["test result: ok. 3 passed"], tally(0, 1, 0)),
        (
            "only at the start of a line",
            true,
            &[OK, "  test result: FAILED. 9 passed"],
            tally(3, 0, 1),
        ),
    ];

    #[test]
    fn summaries_are_summed() {
        for (name, success, lines, expected) in CASES {
            assert_eq!(Tally::of_libtest(*success, &lines.join("\n")), *expected, "{name}");
        }
    }

    #[test]
    fn the_last_line_is_as_promised() {
        assert_eq!(tally(12, 0, 3).to_string(), "12 passed, 0 failed, 3 skipped");
    }
}
