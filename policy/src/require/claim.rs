//! What a route asks of one claim, compiled and checked. Everything that is written must hold; of a claim that is absent
//! or null only `none_of` and `present: false` do. An empty rule does not compile.

use std::cmp::Ordering;

use sallyport_jwt::{ClaimPath, Claims};
use serde_json::{Number, Value};

use crate::answer::reason::Reason;
use crate::identity::Identity;
use crate::require::template::{Template, View};

/// One claim a route needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClaimRule {
    path: ClaimPath,
    any_of: Vec<Value>,
    all_of: Vec<Value>,
    /// What few rules ask for.
    more: Option<Box<MoreOfClaim>>,
    /// It reads what Entra leaves out of a token that would get too large.
    reads_groups: bool,
}

/// What a rule may ask of a claim besides its values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MoreOfClaim {
    pub(crate) none_of: Vec<Value>,
    pub(crate) present: Option<bool>,
    pub(crate) equals: Option<Template>,
    pub(crate) at_least: Option<Number>,
    pub(crate) at_most: Option<Number>,
}

impl ClaimRule {
    #[inline]
    pub(crate) fn new(
        path: ClaimPath,
        any_of: Vec<Value>,
        all_of: Vec<Value>,
        more: Option<Box<MoreOfClaim>>,
    ) -> Self {
        let reads_groups = about_groups(&path);
        Self { path, any_of, all_of, more, reads_groups }
    }

    /// The template of `equals`.
    #[inline]
    pub(crate) fn template(&self) -> Option<&Template> {
        self.more.as_ref()?.equals.as_ref()
    }

    /// Whether a caller without a token may have what is asked for: such a one has no claim but `sub`.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn may_hold_without_token(&self) -> bool {
        self.path.names() == ["sub"] || self.holds_of_nothing()
    }

    /// Whether it is about the one claim that everybody has.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn is_about_subject(&self) -> bool {
        self.path.names() == ["sub"]
    }

    /// Whether the identity has what is asked for.
    ///
    /// # Errors
    /// [`Reason::GroupsOverage`] where the token says that its groups are elsewhere, and this rule is about them: who is
    /// in which group is then unknown. Else [`Reason::ClaimMismatch`].
    #[inline]
    pub(crate) fn check(&self, identity: &Identity, view: &View<'_>) -> Result<(), Reason> {
        if self.reads_groups && groups_elsewhere(identity.claims()) {
            return Err(Reason::GroupsOverage);
        }
        let holds = match identity.claims().at(&self.path) {
            None | Some(Value::Null) => self.holds_of_nothing(),
            Some(actual) => self.holds_of(actual, view),
        };
        if holds { Ok(()) } else { Err(Reason::ClaimMismatch) }
    }

    #[inline]
    fn holds_of_nothing(&self) -> bool {
        self.any_of.is_empty()
            && self.all_of.is_empty()
            && self.more.as_ref().is_some_and(|more| {
                more.present != Some(true)
                    && more.equals.is_none()
                    && more.at_least.is_none()
                    && more.at_most.is_none()
            })
    }

    #[inline]
    fn holds_of(&self, actual: &Value, view: &View<'_>) -> bool {
        let has = |wanted: &Value| any_element(actual, |element| equal(element, wanted));
        self.all_of.iter().all(has)
            && (self.any_of.is_empty() || self.any_of.iter().any(has))
            && self.more.as_ref().is_none_or(|more| {
                more.present != Some(false)
                    && !more.none_of.iter().any(has)
                    // Of what is not known exactly it is not known that it is none of these.
                    && (more.none_of.is_empty() || !any_element(actual, is_inexact))
                    && more.equals.as_ref().is_none_or(|template| {
                        let text = template.render(view);
                        text.is_some_and(|text| any_element(actual, |it| is_text(it, &text)))
                    })
                    && more.within(actual)
            })
    }
}

impl MoreOfClaim {
    /// A number in a string is no number.
    #[inline]
    fn within(&self, actual: &Value) -> bool {
        let keeps = |bound: &Option<Number>, excluded: Ordering| {
            bound.as_ref().is_none_or(|bound| match actual {
                Value::Number(actual) => {
                    compare(actual, bound).is_some_and(|ordering| ordering != excluded)
                }
                Value::Null
                | Value::Bool(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => false,
            })
        };
        keeps(&self.at_least, Ordering::Less) && keeps(&self.at_most, Ordering::Greater)
    }
}

/// Whether a path leads to what Entra leaves out.
#[inline]
pub(crate) fn about_groups(path: &ClaimPath) -> bool {
    let first = path.names().first().map(String::as_str);
    matches!(first, Some("groups" | "_claim_names"))
}

/// The value itself, or one element of an array.
#[inline]
fn any_element(actual: &Value, holds: impl Fn(&Value) -> bool) -> bool {
    match actual {
        Value::Array(items) => items.iter().any(holds),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            holds(actual)
        }
    }
}

/// Whether a scalar reads so: a string, an integer as JSON writes it, `true` or `false`.
#[inline]
fn is_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(actual) => actual == text,
        Value::Bool(actual) => text == if *actual { "true" } else { "false" },
        Value::Number(number) => (number.is_i64() || number.is_u64()) && number.to_string() == text,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Entra's groups overage: more than 200 groups stay out of the token, and `_claim_names` says where they are (v1 and
/// v2), or `hasgroups` that there are any (implicit flow).
#[inline]
pub(crate) fn groups_elsewhere(claims: &Claims) -> bool {
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
#[inline]
pub(crate) fn equal(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Number(actual), Value::Number(wanted)) => match (whole(actual), whole(wanted)) {
            (Some(actual), Some(wanted)) => actual == wanted,
            _ => actual == wanted && is_exact(actual),
        },
        _ => actual == wanted,
    }
}

/// Whether a number is what was written. Integers beyond 64 bits are floats by the time that they get here, and several are
/// the same float.
#[inline]
pub(crate) fn is_exact(number: &Number) -> bool {
    whole(number).is_some() || number.as_f64().is_some_and(|float| float.fract() != 0.0)
}

#[inline]
fn is_inexact(value: &Value) -> bool {
    matches!(value, Value::Number(number) if !is_exact(number))
}

/// Integers as integers, anything else as floats.
#[inline]
pub(crate) fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// The integer that a number is; none for a fraction, and for a float beyond the integers that floats hold exactly.
#[inline]
pub(crate) fn whole(number: &Number) -> Option<i128> {
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
#[inline]
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
        let cases: [(Value, Value, bool); 17] = [
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
            (json!(1e20), json!(1e20), false),
            (json!(9_007_199_254_740_992.0), json!(9_007_199_254_740_992.0), false),
        ];
        for (actual, wanted, expected) in cases {
            assert_eq!(super::equal(&actual, &wanted), expected, "{actual} {wanted}");
        }
    }
}
