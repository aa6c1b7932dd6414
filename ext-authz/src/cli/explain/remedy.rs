//! What to do about a reason: the word of `docs/status-codes.md`, which has one row for each.

use sallyport_policy::Reason;

const TABLE: &str = include_str!("../../../../docs/status-codes.md");

/// Meaning and remedy; empty where there is nothing to do.
pub(super) fn of(reason: Reason) -> (String, String) {
    let start = format!("| `{reason}` |");
    let header = TABLE.lines().find(|line| line.starts_with("| Reason |")).unwrap_or_default();
    let row = TABLE.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    let cell = |name: &str| {
        let at = cells(header).position(|title| title == name)?;
        cells(row).nth(at).filter(|cell| *cell != "-")
    };
    let (meaning, remedy) =
        (cell("Meaning").unwrap_or_default(), cell("What to do").unwrap_or_default());
    (meaning.to_owned(), remedy.to_owned())
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.trim_matches('|').split(" | ").map(str::trim)
}

#[cfg(test)]
mod tests {
    use sallyport_policy::Reason;

    use super::of;

    #[test]
    fn every_denial_has_a_remedy() {
        for reason in Reason::ALL.iter().copied() {
            let (meaning, remedy) = of(reason);
            assert!(!meaning.is_empty(), "{reason}");
            assert!(
                !meaning.contains('|') && !remedy.contains('|'),
                "{reason}: {meaning}: {remedy}"
            );
            let told = !remedy.is_empty() || reason.status() == 200;
            assert!(
                told || remedy.is_empty() && TOLD_BY_OTHERS.contains(&reason.word()),
                "{reason}"
            );
        }
    }

    /// Their rows name nobody who could do something.
    const TOLD_BY_OTHERS: &[&str] = &["denied_by_rule", "agent_denied"];
}
