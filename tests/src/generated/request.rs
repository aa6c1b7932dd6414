//! Requests by chance, most of them nearly what some route of the policy wants: a request that is
//! far from every route tells little.

use serde_json::{Value, json};

use super::case::{Asked, World};
use super::credential;
use super::dice::Dice;
use super::policy::SEGMENTS;

/// Values of path variables, as sent.
const VALUES: &[&str] = &["42", "a", "x%20y", "caf%C3%A9", "%2520", "a..b", "a:b@c", "~", "a;p=1"];
/// Paths, segments and queries that are judged as they are or not at all.
const HOSTILE: &[&str] = &[
    "/..",
    "/.",
    "/%2e%2e",
    "/..;x",
    "//",
    "/%2f",
    "/%5C",
    "/\\x",
    "/%00",
    "/%0d%0a",
    "/%zz",
    "/%",
    "/%c0%ae",
    "/%ff",
    "/%252e",
    "/%25252f",
    "/%61",
    ";x",
    "/;x",
    "%20",
    "#x",
    "?",
    "?a=/../b",
    "?a=%zz",
    "/a;b/..",
    "/%25%32%65",
    "/%u002e",
    "%3b",
    "/",
    "/{x}",
    "|",
    "/%E2%82",
    "?#",
];
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
    "api.example.com.evil.example",
    "",
    "a b",
    "evil/api.example.com",
    "API.EXAMPLE.COM.:80",
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const ODD_METHODS: &[&str] = &["get", "Get", "PROPFIND", "G T", "", "GET\u{e9}", "M-SEARCH"];
/// Headers that nobody asked for.
const OTHERS: &[(&str, &[u8])] = &[
    ("accept", b"*/*"),
    ("accept", b"text/html, application/json;q=0.5"),
    ("x-other", b"\xff\x80"),
    ("x-other", b"a,b"),
    ("x-other", b""),
    ("user-agent", b"generated"),
    ("cookie", b"a=b; c=d"),
];

/// A request to a world, by chance.
pub(crate) fn request(dice: &mut Dice, world: &World) -> Asked {
    let routes = world.policy.get("routes").and_then(Value::as_array);
    let route: Value = dice.pick(routes.map_or(&[], Vec::as_slice));
    let rule = route.get("match").cloned().unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let list = rule.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let path = path(dice, rule.get("path").and_then(Value::as_str).unwrap_or("/"));
    let (headers, tokens) = headers(dice, world, &route);
    Asked {
        method: method(dice, &words("methods")),
        host: host(dice, &words("hosts")),
        path,
        headers,
        tokens,
    }
}

fn method(dice: &mut Dice, own: &[String]) -> String {
    match dice.below(50) {
        0 => dice.pick(ODD_METHODS).to_owned(),
        1..=4 => dice.pick(METHODS).to_owned(),
        _ if own.is_empty() => dice.pick(METHODS).to_owned(),
        _ => dice.pick(own),
    }
}

fn host(dice: &mut Dice, own: &[String]) -> String {
    match dice.below(30) {
        0 | 1 => return dice.pick(HOSTILE_HOSTS).to_owned(),
        2 => return dice.pick(HOSTS).to_owned(),
        _ => {}
    }
    let pattern = dice.pick(own);
    let mut host = match pattern.strip_prefix("*.") {
        Some(end) => format!("{}.{end}", dice.pick(&["w", "w.eu", "eu", "a-b_c"])),
        None if pattern.is_empty() => dice.pick(HOSTS).to_owned(),
        None => pattern,
    };
    match dice.below(16) {
        0 => host.push_str(":443"),
        1 => host = host.to_uppercase(),
        2 if !host.ends_with(']') => host.push('.'),
        _ => {}
    }
    host
}

fn path(dice: &mut Dice, pattern: &str) -> String {
    let mut path = String::new();
    for part in pattern.split('/').skip(1) {
        if part == "{**}" {
            for _ in 0..dice.below(3) {
                path.push('/');
                path.push_str(dice.pick(SEGMENTS));
            }
            if dice.chance(20) {
                path.push('/');
            }
            continue;
        }
        path.push('/');
        if part.starts_with('{') {
            path.push_str(dice.pick(VALUES));
        } else {
            path.push_str(part);
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    match dice.below(40) {
        0..=4 => path.push_str(dice.pick(HOSTILE)),
        5 => path = format!("{}{path}", dice.pick(HOSTILE)),
        6 => path = path.to_uppercase(),
        7 => path.push_str(&format!("/{}", dice.pick(SEGMENTS))),
        8 => path = path.rsplit_once('/').map_or_else(String::new, |(head, _)| head.to_owned()),
        9 => path = path.replacen('/', dice.pick(&["", "//", "/./", "%2f", "/;/", "\\"]), 1),
        10..=15 => path.push_str("?a=b&c=%2Fd"),
        _ => {}
    }
    path
}

type Headers = Vec<(String, Vec<u8>)>;

fn headers(dice: &mut Dice, world: &World, route: &Value) -> (Headers, Vec<super::token::Plan>) {
    let mut headers: Headers = Vec::new();
    for _ in 0..dice.below(3) {
        if let Some((name, value)) = OTHERS.get(dice.below(OTHERS.len())) {
            headers.push(((*name).to_owned(), value.to_vec()));
        }
    }
    for (name, _) in
        route.pointer("/forward/headers").and_then(Value::as_object).into_iter().flatten()
    {
        if dice.chance(30) {
            spoof(dice, &mut headers, name);
        }
    }
    if dice.chance(10) {
        spoof(dice, &mut headers, "x-user");
    }
    let tokens = credential::send(dice, world, route, &mut headers);
    (headers, tokens)
}

/// The client says itself who it is, in a spelling that upstreams read as the same.
fn spoof(dice: &mut Dice, headers: &mut Headers, name: &str) {
    let name = match dice.below(4) {
        0 => name.to_uppercase(),
        1 => name.replace('-', "_"),
        _ => name.to_owned(),
    };
    let value = dice.pick(&[json!("mallory"), json!(""), json!("root,admin")]);
    headers.push((name, value.as_str().unwrap_or_default().as_bytes().to_vec()));
}
