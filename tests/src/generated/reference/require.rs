//! docs/requirements.md: scopes, claims and roles, in this order; the first that fails decides.

use std::cmp::Ordering;

use serde_json::Value;

use super::template::Context;
use super::{Identity, Refusal, roles, value};
use crate::generated::case::World;

/// What stands against a request of this identity.
#[derive(Debug, Default)]
pub(crate) struct Objections {
    /// Found by whoever has the token.
    pub(crate) inline: Refusal,
    /// Found by the sidecar, which has the roles.
    pub(crate) roles: Refusal,
}

pub(crate) fn authorize(world: &World, context: Context<'_>, identity: &Identity) -> Objections {
    let route = context.route;
    let mut found = Objections::default();
    if let Some(wanted) = route.get("scopes") {
        found.inline.extend(scopes(wanted, &granted(&identity.claims)));
    }
    for wanted in value::list(route, "claims") {
        if found.inline.is_empty() {
            found.inline.extend(claim(wanted, &identity.claims, &|text| context.fill(text)));
        }
    }
    let authorization = value::text(route, "authorization");
    let always_deny = found.inline.is_empty() && authorization == Some("always_deny");
    if let Some(wanted) = route.get("rbac")
        && found.inline.is_empty()
        && matches!(authorization, None | Some("rbac"))
    {
        let refusal = roles::judge(world, wanted, context, identity);
        // Without role files the filter decides.
        match world.policy.get("roles") {
            Some(_) => found.roles.extend(refusal),
            None => found.inline.extend(refusal),
        }
    }
    if identity.issuer == "anonymous" {
        // "A credential might help."
        for refusal in [&mut found.inline, &mut found.roles] {
            refusal.iter_mut().for_each(|reason| *reason = "token_missing");
        }
    }
    if always_deny {
        found.inline.push("denied_by_rule");
    }
    found
}

/// From `scope`, `scp` and `scopes`, each a text of words or a list.
pub(crate) fn granted(claims: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for name in ["scope", "scp", "scopes"] {
        match claims.get(name) {
            Some(Value::String(text)) => all.extend(text.split(' ').map(str::to_owned)),
            Some(Value::Array(_)) => {
                all.extend(value::words(claims, name).into_iter().map(str::to_owned));
            }
            _ => {}
        }
    }
    all.retain(|scope| !scope.is_empty());
    all
}

fn scopes(wanted: &Value, granted: &[String]) -> Option<&'static str> {
    let strategy = value::text(wanted, "strategy").unwrap_or("exact");
    let has = |scope: &&str| granted.iter().any(|own| satisfies(strategy, own, scope));
    let any = value::words(wanted, "any_of");
    let all = value::words(wanted, "all_of");
    if !all.iter().all(has) || !(any.is_empty() || any.iter().any(has)) {
        return Some("scope_missing");
    }
    value::words(wanted, "none_of").iter().any(has).then_some("scope_forbidden")
}

fn satisfies(strategy: &str, granted: &str, needed: &str) -> bool {
    match strategy {
        "hierarchic" => granted == needed || needed.starts_with(&format!("{granted}.")),
        "wildcard" => {
            let pattern: Vec<&str> = granted.split('.').collect();
            let segments: Vec<&str> = needed.split('.').collect();
            fits(&pattern, &segments)
        }
        _ => granted == needed,
    }
}

/// Ory's patterns: `*` is one segment that is not empty, and as the last one also what follows it.
fn fits(pattern: &[&str], segments: &[&str]) -> bool {
    match (pattern, segments) {
        ([], []) => true,
        (["*"], [first, ..]) => !first.is_empty(),
        (["*", pattern @ ..], [first, segments @ ..]) => {
            !first.is_empty() && fits(pattern, segments)
        }
        ([own, pattern @ ..], [first, segments @ ..]) => own == first && fits(pattern, segments),
        _ => false,
    }
}

fn claim(
    wanted: &Value,
    claims: &Value,
    fill: &dyn Fn(&str) -> Option<String>,
) -> Option<&'static str> {
    let path = value::text(wanted, "claim").unwrap_or_default();
    let first = path.split('.').next().unwrap_or_default();
    if matches!(first, "groups" | "_claim_names") && left_out(claims) {
        return Some("groups_overage");
    }
    let found = value::at(claims, path).filter(|value| !value.is_null());
    let elements: &[Value] = match found {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let equals_one = |word: &Value| elements.iter().any(|own| equal(own, word));
    let list = |name: &str| value::list(wanted, name);
    let mut good = !list("none_of").iter().any(equals_one);
    if wanted.get("any_of").is_some() {
        good = good && list("any_of").iter().any(equals_one);
    }
    if wanted.get("all_of").is_some() {
        good = good && list("all_of").iter().all(equals_one);
    }
    if let Some(present) = wanted.get("present").and_then(Value::as_bool) {
        good = good && found.is_some() == present;
    }
    if let Some(template) = value::text(wanted, "equals") {
        let text = fill(template);
        let reads = |own: &Value| text.is_some() && as_text(own) == text;
        good = good && elements.iter().any(reads);
    }
    for (name, order) in [("at_least", Ordering::Less), ("at_most", Ordering::Greater)] {
        if let Some(bound) = wanted.get(name) {
            let compared = found.and_then(|own| compare(own, bound));
            good = good && compared.is_some_and(|compared| compared != order);
        }
    }
    (!good).then_some("claim_mismatch")
}

/// Scalars as text; a fraction equals no text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// JSON's equality of scalars: `1` is `1.0`, and `"1"` is not.
fn equal(own: &Value, word: &Value) -> bool {
    match (own, word) {
        (Value::Number(_), Value::Number(_)) => match (whole(own), whole(word)) {
            (Some(own), Some(word)) => own == word,
            (None, None) => own.as_f64() == word.as_f64(),
            _ => false,
        },
        (Value::Array(_) | Value::Object(_), _) => false,
        (own, word) => own == word,
    }
}

/// An integer, or a float that is one, below 2^53.
fn whole(value: &Value) -> Option<i128> {
    if let Some(number) = value.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = value.as_u64() {
        return Some(number.into());
    }
    let float = value.as_f64()?;
    let is_whole = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
    is_whole.then(|| format!("{float:.0}").parse().ok()).flatten()
}

/// JSON numbers alone.
fn compare(own: &Value, bound: &Value) -> Option<Ordering> {
    match (whole(own), whole(bound)) {
        (Some(own), Some(bound)) => Some(own.cmp(&bound)),
        _ => own.as_number()?.as_f64()?.partial_cmp(&bound.as_number()?.as_f64()?),
    }
}

/// Entra's overage: `groups` is not there, and `_claim_names.groups` or `hasgroups` says why.
pub(crate) fn left_out(claims: &Value) -> bool {
    let absent = claims.get("groups").is_none_or(Value::is_null);
    let named = value::at(claims, "_claim_names.groups").is_some();
    absent && (named || claims.get("hasgroups").is_some_and(|it| *it == true))
}
