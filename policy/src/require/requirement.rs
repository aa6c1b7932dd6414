//! Scopes and claims that a route needs, compiled and checked. An empty requirement does not compile.

use std::sync::Arc;

use sallyport_jwt::{ClaimPath, Claims};
use serde_json::Value;

use crate::answer::reason::Reason;
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
    path: ClaimPath,
    any_of: Vec<Value>,
    all_of: Vec<Value>,
    /// It reads what Entra leaves out of a token that would get too large.
    reads_groups: bool,
}

impl ClaimRule {
    pub(crate) fn new(path: ClaimPath, any_of: Vec<Value>, all_of: Vec<Value>) -> Self {
        let first = path.names().first().map(String::as_str);
        let reads_groups = matches!(first, Some("groups" | "_claim_names"));
        Self { path, any_of, all_of, reads_groups }
    }

    /// Whether the identity has what is asked for.
    ///
    /// # Errors
    /// [`Reason::GroupsOverage`] where the token says that its groups are elsewhere, and this rule is about them: who is
    /// in which group is then unknown. Else [`Reason::ClaimMismatch`].
    pub(crate) fn check(&self, identity: &Identity) -> Result<(), Reason> {
        if self.reads_groups && groups_elsewhere(identity.claims()) {
            return Err(Reason::GroupsOverage);
        }
        if self.satisfied_by(identity) { Ok(()) } else { Err(Reason::ClaimMismatch) }
    }

    fn satisfied_by(&self, identity: &Identity) -> bool {
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

/// Entra's groups overage: more than 200 groups stay out of the token, and `_claim_names` says where they are (v1 and
/// v2), or `hasgroups` that there are any (implicit flow).
fn groups_elsewhere(claims: &Claims) -> bool {
    let absent = claims.member("groups").is_none_or(Value::is_null);
    let named = || claims.member("_claim_names").is_some_and(|names| names.get("groups").is_some());
    let told = || match claims.member("hasgroups") {
        Some(Value::Bool(told)) => *told,
        Some(Value::String(told)) => told.eq_ignore_ascii_case("true"),
        None | Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
    };
    absent && (named() || told())
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
    Some(from_bits(float))
}

/// A float has no checked conversion to an integer, and the way through text costs 10 KB of wasm: from its bits, by
/// IEEE 754. Of a whole number below 2^53.
fn from_bits(float: f64) -> i128 {
    const FRACTION_BITS: u32 = 52;
    let bits = float.abs().to_bits();
    let exponent = u32::try_from(bits >> FRACTION_BITS).unwrap_or(0);
    let Some(shift) = exponent.checked_sub(1023) else { return 0 };
    let significand = (bits & ((1 << FRACTION_BITS) - 1)) | (1 << FRACTION_BITS);
    let magnitude = i128::from(significand >> FRACTION_BITS.saturating_sub(shift));
    if float.is_sign_negative() { magnitude.saturating_neg() } else { magnitude }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn numbers_are_equal_when_they_are_the_same_number() {
        let cases: [(Value, Value, bool); 15] = [
            (json!(1), json!(1.0), true),
            (json!(1000), json!(1e3), true),
            (json!(-2.0), json!(-2), true),
            (json!(0), json!(-0.0), true),
            (json!(9_007_199_254_740_991_i64), json!(9_007_199_254_740_991.0), true),
            (json!(-9_007_199_254_740_991_i64), json!(-9_007_199_254_740_991.0), true),
            (json!(3), json!(3.5), false),
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
