//! Claims that a route's requirements are met by, but for some.

use serde_json::{Map, Value, json};

use super::super::case::Asked;
use super::super::dice::Dice;
use super::super::policy::{CLAIMS, GROUPS, SCOPES, TENANTS, USERS};
use super::super::reference;

/// Claims for a request of a route.
pub(super) fn claims(dice: &mut Dice, route: &Value, asked: &Asked) -> Map<String, Value> {
    let user = dice.weighted(&[(45, "alice"), (15, "bob"), (30, "root"), (10, "nobody")]);
    debug_assert!(USERS.contains(&user));
    let claims = json!({
        "sub": user, "azp": "shop", "aud": "orders", "tenant": dice.pick(TENANTS), "level": 1,
        "iat": { "@now": -20 }, "exp": { "@now": 400 },
    });
    let mut own = claims.as_object().cloned().unwrap_or_default();
    let granted = scopes(dice, route);
    scope(dice, &mut own, &granted);
    if dice.chance(40) {
        own.insert("groups".to_owned(), json!(dice.some(GROUPS, 3)));
    }
    if dice.chance(40) {
        own.insert("nick".to_owned(), json!(dice.pick(USERS)));
    }
    for wanted in route.get("claims").and_then(Value::as_array).into_iter().flatten() {
        let path = wanted.get("claim").and_then(Value::as_str).unwrap_or_default();
        if path == "groups" && dice.chance(25) {
            own.remove("groups");
            own.insert("_claim_names".to_owned(), json!({ "groups": "src1" }));
            continue;
        }
        let Some(good) = fulfils(dice, wanted, user, route, asked) else { continue };
        let value = match dice.below(20) {
            0 => continue,
            1..=3 => odd_value(dice, &good),
            4..=6 => json!([good, "other", 3, null]),
            _ => good,
        };
        put(&mut own, path, value);
    }
    if dice.chance(6) {
        let path = dice.pick(CLAIMS);
        let value = odd_value(dice, &json!("staff"));
        put(&mut own, path, value);
    }
    if dice.chance(4) {
        own.insert(dice.pick(&["_claim_names", "hasgroups"]).to_owned(), json!(true));
    }
    if dice.chance(4) {
        own.remove("groups");
        own.insert("_claim_names".to_owned(), json!({ "groups": "src1" }));
    }
    own
}

/// A value that meets what one entry asks for; None: best it is not there.
fn fulfils(
    dice: &mut Dice,
    wanted: &Value,
    user: &str,
    route: &Value,
    asked: &Asked,
) -> Option<Value> {
    let list = |name: &str| wanted.get(name).and_then(Value::as_array).cloned();
    if let Some(any) = list("any_of") {
        return Some(dice.pick(&any));
    }
    if let Some(all) = list("all_of") {
        return Some(json!(all));
    }
    if let Some(template) = wanted.get("equals").and_then(Value::as_str) {
        let text = match template {
            "{subject}" => user.to_owned(),
            template => reference::filled(template, route, asked).unwrap_or_default(),
        };
        let number = text.parse::<u64>().ok().filter(|_| dice.chance(50));
        return Some(number.map_or(json!(text), |number| json!(number)));
    }
    for bound in ["at_least", "at_most"] {
        if let Some(number) = wanted.get(bound).and_then(Value::as_i64) {
            let near = number.saturating_add(dice.pick(&[0_i64, 1, -1, 0, 2]));
            return Some(if dice.chance(8) { json!(near.to_string()) } else { json!(near) });
        }
        if let Some(number) = wanted.get(bound).and_then(Value::as_f64) {
            return Some(json!(number + dice.pick(&[0.0, 0.25, -0.25, -1.0])));
        }
    }
    let present = wanted.get("present").and_then(Value::as_bool);
    let is_there = present == Some(true) || dice.chance(35);
    is_there.then(|| dice.pick(&[json!("guest"), json!("other"), json!(7), json!({}), json!(1.5)]))
}

/// Scopes that a route asks for, under its strategy, but for some.
fn scopes(dice: &mut Dice, route: &Value) -> Vec<String> {
    let wanted = route.get("scopes").cloned().unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let list = wanted.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut scopes = words("all_of");
    scopes.push(dice.pick(&words("any_of")));
    if dice.chance(12) {
        scopes.extend(words("none_of"));
    }
    if dice.chance(15) {
        let all = ["frozen", "orders", "orders.*", "*", "frozen.*", "orders.*.own", "orders*"];
        scopes.push(dice.pick(&all).to_owned());
    }
    let strategy = wanted.get("strategy").and_then(Value::as_str).unwrap_or_default();
    for scope in &mut scopes {
        if let (Some((parent, _)), true) = (scope.rsplit_once('.'), dice.chance(25)) {
            *scope = match strategy {
                "hierarchic" => parent.to_owned(),
                "wildcard" => format!("{parent}.*"),
                _ => continue,
            };
        }
    }
    if dice.chance(16) {
        scopes = dice.some(SCOPES, 3).into_iter().map(str::to_owned).collect();
    }
    scopes
}

fn scope(dice: &mut Dice, claims: &mut Map<String, Value>, scopes: &[String]) {
    match dice.below(12) {
        0 => drop(claims.insert("scp".to_owned(), json!(scopes))),
        1 => drop(claims.insert("scopes".to_owned(), json!(scopes))),
        2 => {
            claims.insert("scp".to_owned(), json!(scopes.join(" ")));
            claims.insert("scope".to_owned(), json!("z"));
        }
        3 => drop(claims.insert("scope".to_owned(), json!(7))),
        4 => {
            let near: Vec<String> = scopes.iter().map(|scope| format!("{scope}x")).collect();
            claims.insert("scope".to_owned(), json!(near.join(" ")));
        }
        _ => drop(claims.insert("scope".to_owned(), json!(scopes.join(" ")))),
    }
}

/// Almost what is asked for.
fn odd_value(dice: &mut Dice, value: &Value) -> Value {
    match dice.below(6) {
        0 => Value::Null,
        1 => json!([]),
        2 => json!({ "a": value }),
        3 => json!(value.to_string()),
        4 => json!([[value]]),
        _ => value.as_str().map_or(json!(2), |text| json!(text.to_uppercase())),
    }
}

/// Puts a value at a path; names with dots stand in quotes.
fn put(claims: &mut Map<String, Value>, path: &str, value: Value) {
    let names: Vec<String> = if path.contains('"') {
        vec!["resource_access".to_owned(), "my.client".to_owned(), "roles".to_owned()]
    } else {
        path.split('.').map(str::to_owned).collect()
    };
    let Some((first, rest)) = names.split_first() else { return };
    let value = rest.iter().rev().fold(value, |value, name| json!({ name.clone(): value }));
    claims.insert(first.clone(), value);
}
