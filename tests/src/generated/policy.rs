//! Policies by chance. What comes out need not load: routes may overlap, and settings may have no
//! effect. [`super::lint`] takes away what the loader names, so that no rule about it stands here.

use serde_json::{Map, Value, json};

use super::case::World;
use super::dice::Dice;

mod effects;
mod issuers;
mod matches;
mod plain;
mod requirements;
mod roles;

pub(crate) use issuers::{JWT_ISSUERS, TENANT_IDS};
pub(crate) use matches::{PATTERNS, SEGMENTS};
pub(crate) use plain::is_plain;
pub(crate) use requirements::{CLAIMS, SCOPES};
pub(crate) use roles::{GROUPS, TENANTS, USERS};

/// A world by chance.
pub(crate) fn world(dice: &mut Dice) -> World {
    let count = dice.below(24).saturating_add(14);
    let mut routes: Vec<Value> = (0..count).map(|at| route(dice, at)).collect();
    routes.extend(plain::routes());
    let mut policy = Map::new();
    policy.insert("version".to_owned(), json!(1));
    policy.insert("service".to_owned(), json!("orders"));
    policy.insert("timeout".to_owned(), json!("5s"));
    policy.insert("issuers".to_owned(), issuers::issuers(dice));
    policy.insert("routes".to_owned(), json!(routes));
    let roles = roles::documents(dice, &mut policy);
    // Named by hand-written routes, and taken by whoever says nothing.
    settings(dice, &mut policy, 8);
    let hosts: Map<String, Value> = matches::HOSTS
        .iter()
        .filter_map(|host| {
            let mut entry = Map::new();
            settings(dice, &mut entry, 12);
            (!entry.is_empty()).then(|| ((*host).to_owned(), Value::Object(entry)))
        })
        .collect();
    // Without it nothing may be async.
    if dice.chance(70) {
        policy.insert("mirror".to_owned(), json!({ "sink": { "sidecar": {} } }));
    }
    if !hosts.is_empty() {
        policy.insert("hosts".to_owned(), Value::Object(hosts));
    }
    World { policy: Value::Object(policy), roles }
}

/// Settings of a file or a host; so many of a hundred have each.
fn settings(dice: &mut Dice, into: &mut Map<String, Value>, percent: usize) {
    let mut put = |name: &str, value: Value| drop(into.insert(name.to_owned(), value));
    if dice.chance(percent.saturating_mul(2)) {
        put("authenticate", requirements::authenticate(dice));
    }
    if dice.chance(percent.saturating_mul(2)) {
        put("on_invalid", json!(dice.pick(&["next", "stop"])));
    }
    if dice.chance(percent) {
        put("shadow", json!(true));
    }
    match dice.below(100) {
        at if at < percent.saturating_mul(2) => put("mode", json!("async")),
        at if at < percent.saturating_mul(4) => put("failure_mode", json!("open")),
        _ => {}
    }
    if dice.chance(percent) {
        put("scopes", requirements::scopes(dice));
    }
    if dice.chance(percent.div_euclid(4)) {
        put("claims", json!([requirements::claim(dice, &[])]));
    }
    if dice.chance(percent.div_euclid(2)) {
        let word = dice.pick(&["rbac", "always_allow", "always_allow", "always_deny"]);
        put("authorization", json!(word));
    }
    if dice.chance(percent.saturating_mul(2)) {
        put("forward", effects::forward(dice, &[], true));
    }
    if dice.chance(percent) {
        put("cors", effects::cors(dice));
    }
    if dice.chance(percent.saturating_mul(4)) {
        put("on_deny", effects::on_deny(dice));
    }
}

fn route(dice: &mut Dice, at: usize) -> Value {
    let (matches, variables) = matches::matches(dice);
    let mut route = Map::new();
    route.insert("name".to_owned(), json!(format!("r{at}")));
    route.insert("match".to_owned(), matches);
    if dice.chance(25) {
        route.insert("on_deny".to_owned(), effects::on_deny(dice));
    }
    let open = dice.chance(12);
    if open && dice.chance(35) {
        route.insert("allow".to_owned(), json!("nobody"));
        return Value::Object(route);
    }
    if dice.chance(20) {
        route.insert("cors".to_owned(), effects::cors(dice));
    }
    if open {
        route.insert("allow".to_owned(), json!("unauthenticated"));
    } else {
        requirements::all(dice, &mut route, &variables);
    }
    if dice.chance(75) {
        route.insert("forward".to_owned(), effects::forward(dice, &variables, !open));
    }
    Value::Object(route)
}
