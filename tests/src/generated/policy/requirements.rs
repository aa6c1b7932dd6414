//! What a route asks of its callers: credentials, scopes, claims, roles, and how that is enforced.

use serde_json::{Map, Value, json};

use super::super::dice::Dice;
use super::issuers::{INTROSPECTIONS, JWT_ISSUERS};
use super::roles::{self, GROUPS, TENANTS};

/// Scopes that routes ask for and tokens have.
pub(crate) const SCOPES: &[&str] =
    &["orders.read", "orders.write", "orders.read.own", "reports.read", "admin", "a"];
/// Claims that routes ask for.
pub(crate) const CLAIMS: &[&str] = &[
    "tenant",
    "realm_access.roles",
    "resource_access.\"my.client\".roles",
    "groups",
    "level",
    "member",
    "act",
];

/// Everything that a protected route may say.
pub(crate) fn all(dice: &mut Dice, route: &mut Map<String, Value>, variables: &[String]) {
    let mut put = |name: &str, value: Value| drop(route.insert(name.to_owned(), value));
    let list = authenticate(dice);
    let text = list.to_string();
    // What a route defers whose tokens the sidecar checks, no two doors can say alike.
    let inline = !text.contains("introspection") && !text.contains("\"hs\"");
    put("authenticate", list);
    match dice.below(20) {
        0..=8 => put("scopes", scopes(dice)),
        9 => put("scopes", json!({})),
        _ => {}
    }
    if dice.chance(35) {
        let count = dice.below(2).saturating_add(1);
        let claims: Vec<Value> = (0..count).map(|_| claim(dice, variables)).collect();
        put("claims", json!(claims));
    }
    let asks_roles = dice.chance(25);
    if asks_roles {
        put("rbac", roles::rbac(dice, variables));
    }
    if dice.chance(10) {
        let word = if asks_roles {
            "rbac"
        } else {
            dice.pick(&["always_deny", "always_deny", "always_allow"])
        };
        put("authorization", json!(word));
    }
    match dice.below(20) {
        0 | 1 => put("shadow", json!(true)),
        2 if inline => put("mode", json!("async")),
        3..=5 => put("failure_mode", json!("open")),
        6 => put("on_invalid", json!("next")),
        7 => put("on_invalid", json!("stop")),
        8 => put("shadow", json!(false)),
        9 => put("mode", Value::Null),
        _ => {}
    }
}

/// Places of tokens besides the bearer token.
fn place(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 | 1 => json!({ "authorization": "raw" }),
        2 => json!({ "header": "x-api-token" }),
        3 => json!({ "header": "X-Key", "prefix": "Token " }),
        4 | 5 => json!({ "query": dice.pick(&["access_token", "k"]) }),
        6 => json!({ "cookie": "session" }),
        _ => json!({ "authorization": "bearer" }),
    }
}

pub(crate) fn authenticate(dice: &mut Dice) -> Value {
    let mut list = Vec::new();
    let elsewhere = dice.chance(35);
    for name in dice.some(JWT_ISSUERS, 3) {
        list.push(json!({ "jwt": name }));
    }
    for name in dice.some(INTROSPECTIONS, 2) {
        if dice.chance(50) {
            list.push(json!({ "introspection": name }));
        }
    }
    if list.is_empty() {
        list.push(json!({ "jwt": "main" }));
    }
    for entry in &mut list {
        if let (Some(entry), true) = (entry.as_object_mut(), elsewhere && dice.chance(75)) {
            entry.insert("from".to_owned(), place(dice));
        }
    }
    if dice.chance(12) {
        let subject = dice.pick(&["uri_san", "dns_san", "common_name"]);
        let at = dice.below(list.len().saturating_add(1));
        list.insert(at, json!({ "client_certificate": { "subject": subject } }));
    }
    for entry in &mut list {
        let word = dice.weighted(&[(70, ""), (22, "next"), (8, "stop")]);
        if let (Some(entry), false) = (entry.as_object_mut(), word.is_empty()) {
            entry.insert("on_invalid".to_owned(), json!(word));
        }
    }
    match dice.below(12) {
        0 => list.push(json!({ "anonymous": {} })),
        1 => list.push(json!({ "anonymous": { "subject": "guest" } })),
        2 if dice.chance(30) => list = vec![json!({ "anonymous": { "subject": "root" } })],
        _ => {}
    }
    Value::Array(list)
}

pub(crate) fn scopes(dice: &mut Dice) -> Value {
    let mut scopes = Map::new();
    let (all, any) = (dice.some(SCOPES, 2), dice.some(SCOPES, 2));
    if !all.is_empty() {
        scopes.insert("all_of".to_owned(), json!(all));
    }
    if !any.is_empty() {
        scopes.insert("any_of".to_owned(), json!(any));
    }
    if dice.chance(35) || scopes.is_empty() {
        let none = dice.pick(&["frozen", "orders", "orders.frozen"]);
        scopes.insert("none_of".to_owned(), json!([none]));
    }
    if dice.chance(50) {
        let strategy = dice.pick(&["exact", "hierarchic", "wildcard"]);
        scopes.insert("strategy".to_owned(), json!(strategy));
    }
    Value::Object(scopes)
}

/// What one claim has to be.
pub(crate) fn claim(dice: &mut Dice, variables: &[String]) -> Value {
    let path = dice.pick(CLAIMS);
    let mut claim = Map::new();
    claim.insert("claim".to_owned(), json!(path));
    let mut put = |name: &str, value: Value| drop(claim.insert(name.to_owned(), value));
    match (path, dice.below(10)) {
        ("act", 0..=6) => put("present", json!(false)),
        (_, 0) => put("present", json!(true)),
        ("level", 1..=6) => {
            put("at_least", json!(dice.pick(&[0_i64, 1, -3, 9_007_199_254_740_993])));
            if dice.chance(30) {
                put("at_most", json!(9_007_199_254_740_993_i64));
            }
        }
        ("level", 7) => put("at_most", json!(dice.pick(&[0.5, 1.0, 2.5e3]))),
        ("tenant" | "level" | "member", 4..=8) => put("equals", json!(template(dice, variables))),
        (_, 7 | 8) => put("none_of", json!([dice.pick(&["suspended", "guest"]), 7])),
        (_, 9) => put("all_of", json!(["staff", "customer"])),
        _ => put("any_of", json!(values(dice, path))),
    }
    if claim.contains_key("any_of") && dice.chance(20) {
        claim.insert("none_of".to_owned(), json!(["suspended"]));
    }
    Value::Object(claim)
}

fn template(dice: &mut Dice, variables: &[String]) -> String {
    let mut all: Vec<String> = ["{query.t}", "{header.x-in}", "{method}", "{host}", "{subject}"]
        .map(str::to_owned)
        .to_vec();
    all.extend(variables.iter().map(|name| format!("{{path.{name}}}")));
    all.extend(variables.iter().map(|name| format!("{{path.{name}}}")));
    dice.pick(&all)
}

fn values(dice: &mut Dice, path: &str) -> Vec<Value> {
    let any: Vec<Value> = match path {
        "tenant" => dice.some(TENANTS, 2).into_iter().map(Value::from).collect(),
        "level" => vec![json!(1), json!(-3), json!(9_007_199_254_740_993_i64)],
        "member" => vec![json!(true)],
        "groups" => dice.some(GROUPS, 2).into_iter().map(Value::from).collect(),
        _ => vec![json!("staff"), json!("customer"), json!(7)],
    };
    if any.is_empty() { vec![json!("acme")] } else { any }
}
