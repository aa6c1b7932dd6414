//! What a route asks of claims: `claims`, compiled. What no claim could ever meet is an error.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::file::problem::Problems;
use crate::file::require_source::ClaimSource;
use crate::require::claim::{ClaimRule, MoreOfClaim, compare, equal, is_exact};
use crate::require::template::Template;

pub(super) fn claims(
    place: &str,
    sources: &[ClaimSource],
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Vec<ClaimRule> {
    let mut out: Vec<ClaimRule> = Vec::with_capacity(sources.len());
    for (index, source) in sources.iter().enumerate() {
        let place = format!("{place}[{index}]");
        let Some(rule) = claim(&place, source, variables, problems) else { continue };
        out.push(rule);
    }
    out
}

fn claim(
    place: &str,
    source: &ClaimSource,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Option<ClaimRule> {
    values(place, source, problems);
    bounds(place, source, problems);
    let equals = match source.equals.as_deref().map(|text| Template::compile(text, variables)) {
        None => None,
        Some(Ok(template)) => Some(template),
        Some(Err((message, fix))) => {
            problems.error(format!("{place}.equals"), message, fix);
            return None;
        }
    };
    let path = match source.claim.parse() {
        Ok(path) => path,
        Err(error) => {
            problems.error(
                format!("{place}.claim"),
                format!("`{}` is no claim path: {error}", source.claim),
                "write names with dots between, quoted where they hold dots",
            );
            return None;
        }
    };
    let more = (source.present.is_some()
        || equals.is_some()
        || !source.none_of.is_empty()
        || source.at_least.is_some()
        || source.at_most.is_some())
    .then(|| {
        Box::new(MoreOfClaim {
            none_of: source.none_of.clone(),
            present: source.present,
            equals,
            at_least: source.at_least.clone(),
            at_most: source.at_most.clone(),
        })
    });
    Some(ClaimRule::new(path, source.any_of.clone(), source.all_of.clone(), more))
}

fn values(place: &str, source: &ClaimSource, problems: &mut Problems) {
    let wanted = || source.any_of.iter().chain(&source.all_of);
    let of_claim = wanted().chain(&source.none_of).next().is_some()
        || source.equals.is_some()
        || source.at_least.is_some()
        || source.at_most.is_some();
    if !of_claim && source.present.is_none() {
        problems.error(
            place,
            "asks for no value",
            "add `any_of`, `all_of`, `none_of`, `present`, `equals`, `at_least` or `at_most`",
        );
    }
    if of_claim && source.present == Some(false) {
        problems.error(
            format!("{place}.present"),
            "`false`, and something is asked of the claim all the same",
            "remove one of the two",
        );
    }
    let lists =
        [("any_of", &source.any_of), ("all_of", &source.all_of), ("none_of", &source.none_of)];
    for (name, list) in lists {
        for (index, value) in list.iter().enumerate() {
            if value.is_null() || value.is_object() || value.is_array() {
                problems.error(
                    format!("{place}.{name}[{index}]"),
                    format!("`{}` is no scalar", written(value)),
                    "compare with strings, numbers or booleans",
                );
            }
        }
    }
    for value in wanted().chain(&source.none_of) {
        if let Value::Number(number) = value
            && !is_exact(number)
        {
            problems.error(
                place,
                format!("`{number}` is a number that is not held exactly, so that others are equal to it"),
                "write integers of 64 bits at most; longer ones are text, in tokens too",
            );
        }
    }
    for value in wanted().filter(|value| source.none_of.iter().any(|other| equal(value, other))) {
        problems.error(
            format!("{place}.none_of"),
            format!("`{}` is both wanted and refused", written(value)),
            "remove it from one of the two",
        );
    }
}

/// As the file's JSON has it. Not by `Display`, which would be a second writer of JSON in the wasm.
fn written(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// With a bound, the claim is one number.
fn bounds(place: &str, source: &ClaimSource, problems: &mut Problems) {
    let (least, most) = (source.at_least.as_ref(), source.at_most.as_ref());
    let above = |left: Option<&Number>, right: Option<&Number>| {
        left.zip(right).is_some_and(|(left, right)| {
            compare(left, right).is_none_or(|ordering| ordering == Ordering::Greater)
        })
    };
    if above(least, most) {
        problems.error(
            format!("{place}.at_least"),
            "is above `at_most`, so nobody could ever pass",
            "exchange them, or remove one of the two",
        );
    }
    if least.is_none() && most.is_none() {
        return;
    }
    let fits = |value: &Value| match value {
        Value::Number(number) => !above(least, Some(number)) && !above(Some(number), most),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            false
        }
    };
    for value in source.any_of.iter().chain(&source.all_of).filter(|value| !fits(value)) {
        problems.error(
            place,
            format!("`{}` is no number within `at_least` and `at_most`", written(value)),
            "remove it, or the bounds",
        );
    }
    if source.all_of.windows(2).any(|pair| !matches!(pair, [left, right] if equal(left, right))) {
        problems.error(
            format!("{place}.all_of"),
            "names several values, and one number is only one of them",
            "write `any_of`, or remove the bounds",
        );
    }
}
