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

/// JSON has one kind of number: `1` and `1.0` are the same. Integers are compared as integers: through a float, two
/// different 64-bit ids would be one.
fn equal(actual: &Value, wanted: &Value) -> bool {
    if actual == wanted {
        return true;
    }
    match (actual, wanted) {
        (Value::Number(actual), Value::Number(wanted)) => match (whole(actual), whole(wanted)) {
            (Some(actual), Some(wanted)) => actual == wanted,
            _ => false,
        },
        _ => false,
    }
}

/// The integer that a number is; none for a fraction, and for a float beyond the integers that floats hold exactly.
fn whole(number: &serde_json::Number) -> Option<i128> {
    if let Some(integer) = number.as_i64() {
        return Some(i128::from(integer));
    }
    if let Some(integer) = number.as_u64() {
        return Some(i128::from(integer));
    }
    let float = number
        .as_f64()
        .filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0)?;
    // Through text: a float has no checked conversion to an integer.
    format!("{float:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn numbers_are_equal_when_they_are_the_same_number() {
        let cases: [(Value, Value, bool); 11] = [
            (json!(1), json!(1.0), true),
            (json!(1000), json!(1e3), true),
            (json!(-2.0), json!(-2), true),
            (json!(0.5), json!(0.5), true),
            (json!(0.1), json!(0.2), false),
            (json!(1e-17), json!(2e-17), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), false),
            (json!(u64::MAX), json!(u64::MAX), true),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (json!(1), json!("1"), false),
        ];
        for (actual, wanted, expected) in cases {
            assert_eq!(super::equal(&actual, &wanted), expected, "{actual} {wanted}");
        }
    }
}
