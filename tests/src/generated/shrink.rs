//! Cutting a failing case down by deletion: routes, settings, headers, claims and characters are
//! taken away one after the other, and what still fails is kept. Deletion knows nothing of the
//! policy's rules: a candidate that does not load does not fail, and so is not kept.

use serde_json::Value;

use super::case::Case;
use super::lint;

/// Every smaller case that is one deletion away, large deletions first.
#[must_use]
pub fn smaller(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    // Routes by halves before anything else: each step starts an Envoy.
    let all = deletions(&case.world.policy);
    let count = |policy: &Value| policy.get("routes").and_then(Value::as_array).map(Vec::len);
    let own = count(&case.world.policy);
    let (fewer, others): (Vec<Value>, Vec<Value>) =
        all.into_iter().partition(|policy| count(policy).is_some() && count(policy) != own);
    for policy in fewer.into_iter().chain(others) {
        let mut next = case.clone();
        next.world.policy = policy;
        lint::drop_unused(&mut next.world.policy);
        found.push(next);
    }
    for at in 0..case.world.roles.len() {
        let mut next = case.clone();
        next.world.roles.remove(at);
        found.push(next);
    }
    for at in 0..case.asked.headers.len() {
        let mut next = case.clone();
        next.asked.headers.remove(at);
        found.push(next);
    }
    for (at, plan) in case.asked.tokens.iter().enumerate() {
        for smaller in deletions(&plan.0) {
            let mut next = case.clone();
            if let Some(own) = next.asked.tokens.get_mut(at) {
                own.0 = smaller;
            }
            found.push(next);
        }
    }
    if let Some((path, _)) = case.asked.path.split_once('?') {
        let mut next = case.clone();
        next.asked.path = path.to_owned();
        found.push(next);
    }
    found
}

/// The value without one of its members or elements, at any depth, outermost first.
fn deletions(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(members) => {
            for name in members.keys() {
                let mut next = members.clone();
                next.remove(name);
                found.push(Value::Object(next));
            }
            for (name, inner) in members {
                for smaller in deletions(inner) {
                    let mut next = members.clone();
                    next.insert(name.clone(), smaller);
                    found.push(Value::Object(next));
                }
            }
        }
        Value::Array(items) => {
            // Halves first: most of a list has nothing to do with it.
            let half = items.len().checked_div(2).unwrap_or(0);
            if half > 1 {
                found.push(items.iter().skip(half).cloned().collect());
                found.push(items.iter().take(half).cloned().collect());
            }
            for at in 0..items.len() {
                let mut next = items.clone();
                next.remove(at);
                found.push(Value::Array(next));
            }
            for (at, inner) in items.iter().enumerate() {
                for smaller in deletions(inner) {
                    let mut next = items.clone();
                    if let Some(own) = next.get_mut(at) {
                        *own = smaller;
                    }
                    found.push(Value::Array(next));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_part_is_taken_away_once() {
        let value = json!({ "a": [1, { "b": 2 }], "c": 3 });
        let found = deletions(&value);
        let expected = [
            json!({ "c": 3 }),
            json!({ "a": [1, { "b": 2 }] }),
            json!({ "a": [{ "b": 2 }], "c": 3 }),
            json!({ "a": [1], "c": 3 }),
            json!({ "a": [1, {}], "c": 3 }),
        ];
        assert_eq!(found, expected);
    }
}
