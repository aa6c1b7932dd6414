//! What answers look like: what the upstream gets, what pages of other origins may, and denials.

use serde_json::{Map, Value, json};

use super::super::dice::Dice;

/// Names and templates; the ones below an index need an identity.
const HEADERS: &[(&str, &str)] = &[
    ("x-user", "{subject}"),
    ("X-Client", "{client}"),
    ("x-issuer", "{issuer}"),
    ("x-tenant", "{claims.tenant}"),
    ("x-roles", "roles={claims.realm_access.roles};{subject}"),
    ("x-level", "{claims.level}"),
    ("x-scopes", "{scopes}"),
    ("x-groups", "{claims.groups}"),
];
const OF_REQUEST: &[(&str, &str)] = &[
    ("x-gate", "sallyport"),
    ("x-way", "{method} {scheme} {host}{path}"),
    ("x-asked", "<{query.t}>"),
    ("x-heard", "{header.x-in}"),
];

pub(crate) fn forward(dice: &mut Dice, variables: &[String], identity: bool) -> Value {
    let mut forward = Map::new();
    let mut put = |name: &str, value: Value| drop(forward.insert(name.to_owned(), value));
    let own = |name: &String| (format!("x-{name}"), format!("<{{path.{name}}}>"));
    let of_path: Vec<(String, String)> = variables.iter().map(own).collect();
    let mut headers = templates(dice, OF_REQUEST, 1);
    if identity {
        headers.extend(templates(dice, HEADERS, 3));
    }
    headers.extend(dice.some(&of_path, 2).into_iter().map(|(name, text)| (name, json!(text))));
    if !headers.is_empty() {
        put("headers", Value::Object(headers));
    }
    if dice.chance(20) {
        let all = [("x-trace", "{method}"), ("X-Hops", "{host};{query.t}"), ("x-seen", "{path}")];
        put("append_headers", json!(templates(dice, &all, 3)));
    }
    if dice.chance(15) {
        put("remove_headers", json!(dice.some(&["x-debug", "X-Other", "user-agent"], 2)));
    }
    if dice.chance(15) {
        let mut cookies = templates(dice, &[("way", "{method}"), ("asked", "{query.t}")], 2);
        if identity {
            cookies.extend(templates(dice, &[("user", "{subject}"), ("at", "{claims.tenant}")], 2));
        }
        put("cookies", json!(cookies));
    }
    if dice.chance(12) {
        put("remove_cookies", json!(dice.some(&["tracking", "theme"], 2)));
    }
    if dice.chance(12) {
        let mut query = templates(dice, &[("via", "{host}{path}"), ("t", "{header.x-in}")], 2);
        if identity {
            query.extend(templates(dice, &[("tenant", "{claims.tenant}")], 1));
        }
        put("query", json!(query));
    }
    if dice.chance(12) {
        put("remove_query", json!(dice.some(&["debug", "a", "ns"], 2)));
    }
    if dice.chance(12) {
        let mut all =
            vec!["/up{path}".to_owned(), "/{host}/x".to_owned(), "/t/{query.t}".to_owned()];
        if identity {
            all.extend(["/v2/{claims.tenant}{path}".to_owned(), "/of/{subject}-x".to_owned()]);
        }
        all.extend(variables.iter().map(|name| format!("/by/{{path.{name}}}")));
        put("path", json!(dice.pick(&all)));
    }
    let credential = dice.weighted(&[(80, ""), (12, "original"), (8, "none")]);
    if !credential.is_empty() {
        put("credential", json!(credential));
    }
    // Lists and objects that are empty say nothing.
    forward.retain(|_, value| {
        value.as_array().is_none_or(|it| !it.is_empty())
            && value.as_object().is_none_or(|it| !it.is_empty())
    });
    Value::Object(forward)
}

fn templates(dice: &mut Dice, from: &[(&str, &str)], most: usize) -> Map<String, Value> {
    let some = dice.some(from, most).into_iter();
    some.map(|(name, template)| (name.to_owned(), json!(template))).collect()
}

pub(crate) fn cors(dice: &mut Dice) -> Value {
    let mut cors = Map::new();
    let mut put = |name: &str, value: Value| drop(cors.insert(name.to_owned(), value));
    let all = ["https://app.example.com", "https://*.apps.example", "http://localhost:3000"];
    let mut origins = dice.some(&all, 3);
    if origins.is_empty() {
        origins.push("*");
    }
    if !origins.contains(&"*") && dice.chance(40) {
        put("credentials", json!(true));
    }
    put("origins", json!(origins));
    if dice.chance(40) {
        put(
            "methods",
            json!(dice.pick(&[vec!["GET", "PUT"], vec!["POST"], vec!["DELETE", "GET"]])),
        );
    }
    if dice.chance(50) {
        put(
            "headers",
            json!(dice.pick(&[vec!["authorization"], vec!["Authorization", "X-Trace"]])),
        );
    }
    if dice.chance(40) {
        put("expose", json!(dice.pick(&[vec!["x-total"], vec!["X-Total", "etag"]])));
    }
    if dice.chance(40) {
        put("max_age", json!(dice.pick(&["10m", "24h", "30s"])));
    }
    Value::Object(cors)
}

pub(crate) fn on_deny(dice: &mut Dice) -> Value {
    let mut on_deny = Map::new();
    let mut put = |name: &str, value: Value| drop(on_deny.insert(name.to_owned(), value));
    if dice.chance(45) {
        put("format", json!(dice.pick(&["auto", "problem", "json", "plain"])));
    }
    if dice.chance(40) {
        put("decision_header", json!(dice.chance(80)));
    }
    if dice.chance(60) {
        let all =
            ["https://sso.example.com/login", "/login", "https://sso.example.com/?app=orders"];
        let mut redirect = Map::new();
        redirect.insert("to".to_owned(), json!(dice.pick(&all)));
        if dice.chance(50) {
            redirect.insert("code".to_owned(), json!(dice.pick(&[301, 302, 303, 307])));
        }
        if dice.chance(60) {
            redirect.insert("return_to".to_owned(), json!("rd"));
        }
        if dice.chance(50) {
            redirect.insert(
                "on".to_owned(),
                dice.pick(&[json!([401]), json!([403]), json!([401, 403])]),
            );
        }
        put("redirect", Value::Object(redirect));
    }
    Value::Object(on_deny)
}
