//! What is fuzzed. A target runs one input through public readers and holds the outcome against what must always be true:
//! true: the reader accepted it; false: refused, which is no finding; an error: it is one.

mod claims;
mod discovery;
mod jwks;
mod pairs;
mod policy;
mod token;

use crate::mutate::Mutator;
use crate::random::Random;

/// The words that go with an input: true where it was accepted, or why it must not be so.
pub(crate) type Outcome = Result<bool, String>;

/// One of them.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) about: &'static str,
    pub(crate) run: fn(&[u8]) -> Outcome,
    /// Inputs to start from; one of them at least is accepted.
    pub(crate) seeds: fn() -> Result<Vec<Vec<u8>>, String>,
    /// Words that the reader knows and no seed has.
    pub(crate) words: fn() -> Vec<String>,
    /// One small change of an input, perhaps with a part of another.
    pub(crate) mutate: fn(&mut Mutator, &mut Random, &[u8], &[u8]) -> Vec<u8>,
    /// Whether mutants that reach something new are mutated further; else each is some steps away from a seed.
    pub(crate) grows: bool,
}

/// All, those of the normal test run first.
pub(crate) const ALL: &[Target] = &[
    token::TOKEN,
    jwks::JWKS,
    discovery::DISCOVERY,
    token::MUTATION,
    claims::CLAIMS,
    policy::POLICY,
    policy::ROLES,
    pairs::PAIRS,
];

/// The target of this name.
pub(crate) fn named(name: &str) -> Option<&'static Target> {
    ALL.iter().find(|target| target.name == name)
}

fn no_words() -> Vec<String> {
    Vec::new()
}

/// An error where something that must be true is not.
fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
