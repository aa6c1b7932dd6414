//! Scopes and claims that a route needs, compiled and checked. An empty requirement does not compile.

use std::sync::Arc;

use sallyport_jwt::ClaimPath;
use serde_json::Value;

use crate::identity::Identity;

/// Scopes a route needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scopes {
    pub(crate) all_of: Vec<Box<str>>,
    pub(crate) any_of: Vec<Box<str>>,
    /// What a challenge names: `scope` of RFC 6750 section 3.
    pub(crate) challenge: Option<Arc<str>>,
}

impl Scopes {
    pub(crate) fn satisfied_by(&self, identity: &Identity) -> bool {
        self.all_of.iter().all(|scope| identity.has_scope(scope))
            && (self.any_of.is_empty() || self.any_of.iter().any(|scope| identity.has_scope(scope)))
    }
}

/// One claim a route needs.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRule {
    pub(crate) path: ClaimPath,
    pub(crate) any_of: Vec<Value>,
    pub(crate) all_of: Vec<Value>,
}

impl ClaimRule {
    pub(crate) fn satisfied_by(&self, identity: &Identity) -> bool {
        let Some(actual) = identity.claims().at(&self.path) else { return false };
        let holds = |wanted: &Value| match actual {
            Value::Array(items) => items.iter().any(|item| equal(item, wanted)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => equal(actual, wanted),
        };
        self.all_of.iter().all(holds) && (self.any_of.is_empty() || self.any_of.iter().any(holds))
    }
}

/// JSON has one kind of number: `1` and `1.0` are the same.
fn equal(actual: &Value, wanted: &Value) -> bool {
    match (actual.as_f64(), wanted.as_f64()) {
        (Some(actual), Some(wanted)) => (actual - wanted).abs() < f64::EPSILON,
        _ => actual == wanted,
    }
}
