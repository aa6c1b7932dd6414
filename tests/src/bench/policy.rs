//! The policies of the rungs, each stated twice: as routes of ours, and as Envoy's rbac beside its
//! jwt_authn. What a request has to show is the same on both sides, word for word.

use serde_json::{Map, Value, json};

/// The host that the load asks.
pub(super) const HOST: &str = "bench.example";
/// Rules that the load asks, each as often as the others. They are the last ones of every policy,
/// in the order of their names, which is the order in which Envoy tries them.
pub(super) const ASKED: usize = 10;
/// One more than the number of the last rule.
pub(super) const END: usize = 1000;
/// The path that shows what the filters did to the request; one of the rules that are asked.
pub(super) const PROBE: &str = "/api993/probe";
/// A path of no rule.
pub(super) const UNRULED: &str = "/elsewhere/1";
/// The identity headers: name, our template, the claim for Envoy.
pub(super) const HEADERS: &[(&str, &str, &str)] = &[
    ("x-user", "{subject}", "sub"),
    ("x-tenant", "{claims.tenant}", "tenant"),
    ("x-client", "{client}", "azp"),
];
/// The scope that every rule asks for.
const SCOPE: &str = "orders.read";
/// The realm roles of which every rule asks for one.
const ROLES: &[&str] = &["customer", "staff"];

/// How many rules a policy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Only those that are asked.
    Ten,
    /// As many before them as make a thousand.
    Thousand,
}

impl Rules {
    fn numbers(self) -> std::ops::Range<usize> {
        match self {
            Self::Ten => END.saturating_sub(ASKED)..END,
            Self::Thousand => 0..END,
        }
    }
}

/// The path of a rule's request; `rule` counts those that are asked, round and round.
pub(super) fn asked_path(rule: usize, rest: usize) -> String {
    let number = rule.checked_rem(ASKED).unwrap_or(0);
    format!("/api{}/{rest}", END.saturating_sub(ASKED).saturating_add(number))
}

/// So many digits that the order of names is the order of numbers.
fn name(number: usize) -> String {
    format!("rule-{number:04}")
}

/// One route, open to all.
pub(super) fn open_routes() -> Value {
    json!([{
        "name": "open",
        "match": { "path": "/{**}" },
        "allow": "unauthenticated",
        "forward": { "credential": "original" },
    }])
}

/// One route for whoever has a token: what jwt_authn alone does.
pub(super) fn token_routes() -> Value {
    json!([{
        "name": "all",
        "match": { "path": "/{**}" },
        "authenticate": [{ "jwt": "main" }],
        "forward": { "credential": "original" },
    }])
}

/// A route for each rule, with or without the identity headers.
pub(super) fn rule_routes(rules: Rules, with_headers: bool) -> Value {
    let headers: Map<String, Value> = HEADERS
        .iter()
        .map(|(name, template, _)| ((*name).to_owned(), Value::from(*template)))
        .collect();
    let mut forward = json!({ "credential": "original" });
    if let (true, Value::Object(forward)) = (with_headers, &mut forward) {
        forward.insert("headers".to_owned(), headers.into());
    }
    let route = |number| {
        json!({
            "name": name(number),
            "match": { "methods": ["GET"], "path": format!("/api{number}/{{id}}") },
            "authenticate": [{ "jwt": "main" }],
            "scopes": { "all_of": [SCOPE] },
            "claims": [{ "claim": "realm_access.roles", "any_of": ROLES }],
            "forward": forward,
        })
    };
    rules.numbers().map(route).collect()
}

/// The same rules for Envoy's rbac, on what jwt_authn left in the metadata as `payload`.
pub(super) fn rbac(rules: Rules) -> Value {
    let exact = |text: &str| json!({ "string_match": { "exact": text } });
    let any_role: Vec<Value> = ROLES.iter().map(|role| exact(role)).collect();
    let scope = claim(&["scope"], &exact(SCOPE));
    let role =
        claim(&["realm_access", "roles"], &json!({ "or_match": { "value_matchers": any_role } }));
    let rule = |number| {
        let method = json!({ "header": { "name": ":method", "string_match": { "exact": "GET" } } });
        let path = json!({ "url_path": { "path": { "prefix": format!("/api{number}/") } } });
        json!({
            "permissions": [{ "and_rules": { "rules": [method, path] } }],
            "principals": [{ "and_ids": { "ids": [scope, role] } }],
        })
    };
    let policies: Map<String, Value> =
        rules.numbers().map(|number| (name(number), rule(number))).collect();
    json!({ "rules": { "action": "ALLOW", "policies": policies } })
}

/// A principal with a value among those of a claim.
fn claim(path: &[&str], value: &Value) -> Value {
    let path: Vec<Value> =
        ["payload"].iter().chain(path).map(|key| json!({ "key": key })).collect();
    json!({ "metadata": {
        "filter": "envoy.filters.http.jwt_authn",
        "path": path,
        "value": { "list_match": { "one_of": value } },
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_have_the_same_rules_and_the_load_asks_the_last() {
        for (rules, count) in [(Rules::Ten, ASKED), (Rules::Thousand, END)] {
            let routes = rule_routes(rules, true);
            let names: Vec<&str> =
                routes.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
            let rbac = rbac(rules);
            let policies = rbac.pointer("/rules/policies").unwrap().as_object().unwrap();
            let mut sorted: Vec<&str> = policies.keys().map(String::as_str).collect();
            sorted.sort_unstable();
            assert_eq!(names, sorted);
            assert_eq!(names.len(), count);

            let last = sorted.split_off(count - ASKED);
            let mut asked: Vec<&str> = (0..ASKED)
                .map(|rule| {
                    let path = asked_path(rule, 7);
                    let own = |name: &&str| {
                        let and = &policies[*name]["permissions"][0]["and_rules"]["rules"][1];
                        path.starts_with(and["url_path"]["path"]["prefix"].as_str().unwrap())
                    };
                    let mut own = policies.keys().map(String::as_str).filter(own);
                    let found = own.next().unwrap();
                    assert_eq!(own.next(), None, "{path}");
                    found
                })
                .collect();
            asked.sort_unstable();
            assert_eq!(asked, last);
        }
        assert!(
            (0..ASKED).any(|rule| PROBE.starts_with(asked_path(rule, 0).trim_end_matches('0')))
        );
    }
}
