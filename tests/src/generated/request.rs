//! Requests by chance, most of them nearly what some route of the policy wants: a request that is
//! far from every route tells little.

use serde_json::Value;

use super::case::{Asked, World};
use super::credential;
use super::dice::Dice;
use super::{policy, reference};

mod headers;
mod path;

const HOSTS: &[&str] = &["api.example.com", "a.eu.example.com", "x.example.com", "example.org"];
const HOSTILE_HOSTS: &[&str] = &[
    "API.Example.COM",
    "api.example.com:8443",
    "api.example.com.",
    "api..example.com",
    "user@api.example.com",
    "api.example.com:99999",
    "api.example.com:",
    ".example.com",
    "[::1]:80",
    "[0:0::1]",
    "[::1",
    "::1",
    "[fe80::1%25eth0]",
    "api.example.com.evil.example",
    "",
    ".",
    "a b",
    "evil/api.example.com",
    "API.EXAMPLE.COM.:80",
    "api.example.com:80:80",
    "api.example.com:http",
    "xn--caf-dma.example.com",
    "caf\u{e9}.example.com",
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const ODD_METHODS: &[&str] =
    &["get", "Get", "PROPFIND", "G T", "", "GET\u{e9}", "M-SEARCH", "CONNECT", "GET,HEAD"];

/// A request to a policy that loads.
pub(crate) fn request(dice: &mut Dice, world: &World) -> Asked {
    let routes = world.policy.get("routes").and_then(Value::as_array).cloned().unwrap_or_default();
    // Those that every policy has come up often enough.
    let (plain, by_chance): (Vec<Value>, Vec<Value>) =
        routes.into_iter().partition(policy::is_plain);
    let wants_plain = dice.chance(25) || by_chance.is_empty();
    let route = dice.pick(if wants_plain { &plain } else { &by_chance });
    let rule = route.get("match").cloned().unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let list = rule.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let pattern = dice.pick(&words("hosts"));
    let host = host(dice, &pattern);
    let named = Some(pattern.as_str()).filter(|pattern| !pattern.is_empty());
    let settings = reference::settings(&world.policy, &route, named);
    let mut asked = Asked {
        method: method(dice, &words("methods")),
        host,
        path: path::path(dice, &rule),
        ..Asked::default()
    };
    headers::add(dice, &settings, &mut asked);
    credential::send(dice, world, &settings, &mut asked);
    asked
}

fn method(dice: &mut Dice, own: &[String]) -> String {
    match dice.below(50) {
        0 => dice.pick(ODD_METHODS).to_owned(),
        1..=4 => dice.pick(METHODS).to_owned(),
        _ if own.is_empty() => dice.pick(METHODS).to_owned(),
        _ => dice.pick(own),
    }
}

fn host(dice: &mut Dice, pattern: &str) -> String {
    match dice.below(30) {
        0 | 1 => return dice.pick(HOSTILE_HOSTS).to_owned(),
        2 => return dice.pick(HOSTS).to_owned(),
        _ => {}
    }
    let mut host = match pattern.strip_prefix("*.") {
        Some(end) => format!("{}.{end}", dice.pick(&["w", "w.eu", "eu", "a-b_c"])),
        None if pattern.is_empty() => dice.pick(HOSTS).to_owned(),
        None => pattern.to_owned(),
    };
    match dice.below(16) {
        0 => host.push_str(dice.pick(&[":443", ":80", ":8443", ":0"])),
        1 => host = host.to_uppercase(),
        2 if !host.ends_with(']') => host.push('.'),
        _ => {}
    }
    host
}
