//! The tables of `docs/threats.md`, whose rows and the suites' cases are the same.

use crate::{Result, parts};

/// The ids in the last column of a section's table.
///
/// # Errors
/// When there is no such section, or a row ends with none.
pub fn ids(section: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(parts::root().join("docs/threats.md"))?;
    let section = text.split(section).nth(1).ok_or("no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let id = |row: &str| -> Option<String> {
        let last = row.trim_end_matches('|').rsplit('|').next()?.trim();
        Some(last.strip_prefix('`')?.strip_suffix('`')?.to_owned())
    };
    rows.map(|row| id(row).ok_or_else(|| format!("no id at the end of `{row}`").into())).collect()
}
