//! Which requests a route judges: hosts, methods, and paths small in number, so that routes meet.

use serde_json::{Map, Value, json};

use super::super::dice::Dice;

/// Segments of paths.
pub(crate) const SEGMENTS: &[&str] = &["a", "b", "orders", "v1", "x%20y", "caf%C3%A9", "100%25"];
/// Hosts in `match`.
pub(crate) const HOSTS: &[&str] = &[
    "api.example.com",
    "a.eu.example.com",
    "*.example.com",
    "*.eu.example.com",
    "*.example.org",
    "[::1]",
];
const METHODS: &[&[&str]] =
    &[&["GET"], &["GET", "HEAD"], &["POST"], &["PUT", "PATCH"], &["DELETE"], &["OPTIONS", "GET"]];

/// A pattern: `regex` or `glob`, its variables, and paths that it fits, or nearly.
type Pattern = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// All patterns.
pub(crate) const PATTERNS: &[Pattern] = &[
    ("regex", "/orders/(?<v0>[0-9]+)", &["v0"], &["/orders/42", "/orders/4x", "/orders/007"]),
    (
        "regex",
        "/p/(?<v0>[a-z]+)/(?P<v1>[^/]+)",
        &["v0", "v1"],
        &["/p/abc/x%20y", "/p/q/42", "/p/Q/42", "/p/abc/", "/p/abc/a;p=1", "/p/abc/d%2Fe"],
    ),
    ("regex", "/p/(?:a|b){2,3}/?", &[], &["/p/ab", "/p/aba/", "/p/a", "/p/abab", "/p/aa;x"]),
    (
        "regex",
        "/q/(?<v0>[a-z]*)(?:-(?<v1>\\d+))?",
        &["v0", "v1"],
        &["/q/", "/q/abc", "/q/abc-17", "/q/-1", "/q/abc-", "/q/abc-1/"],
    ),
    ("regex", "/q/.*\\.(?:png|jpg)", &[], &["/q/x.png", "/q/a/b.c.jpg", "/q/xpng", "/q/.png"]),
    (
        "regex",
        "/(?:a|r)/(?<v0>.+?)(?<v1>[0-9]*)",
        &["v0", "v1"],
        &["/r/x12", "/r/12", "/a/x/y9", "/r/", "/r/x%20y", "/r/g%2Fh1", "/r/long"],
    ),
    ("regex", "/r/[^/]+/x%20y", &[], &["/r/z/x%20y", "/r/z/xy", "/r//x%20y"]),
    ("regex", "/s/(?<v0>%[0-9A-F])(?<v1>.*)", &["v0", "v1"], &["/s/%20x", "/s/%C3%A9", "/s/a"]),
    ("regex", "/wide/.*", &[], &["/wide/long", "/wide/x", "/wide/x.y/z"]),
    ("glob", "/a/*", &[], &["/a/x", "/a/", "/a/x.y", "/a/x/y", "/a/%20", "/a/b%2Fc"]),
    ("glob", "/g/*/x", &[], &["/g/z/x", "/g//x", "/g/z.y/x", "/g/q/x/"]),
    ("glob", "/g/**.{png,jpg}", &[], &["/g/a.png", "/g/a/b.jpg", "/g/a.gif", "/g/.jpg"]),
    ("glob", "/g/?x[abc]", &[], &["/g/zxa", "/g/.xa", "/g/zxd", "/g/1xc"]),
    ("glob", "/h/[!a-c]*", &[], &["/h/d", "/h/dog", "/h/b", "/h/", "/h/.x"]),
    ("glob", "/h/{a,b*,c{d,}}/z", &[], &["/h/a/z", "/h/bob/z", "/h/cd/z", "/h/c/z", "/h/ab/z"]),
    ("glob", "/i/**", &[], &["/i/", "/i/a/b.c", "/i", "/i/a%2Fb", "/i/long"]),
];

/// A match, and the names of its path's variables.
pub(crate) fn matches(dice: &mut Dice) -> (Value, Vec<String>) {
    let mut matches = Map::new();
    if dice.chance(45) {
        let mut hosts = dice.some(HOSTS, 2);
        if hosts.is_empty() {
            hosts.push(dice.pick(HOSTS));
        }
        matches.insert("hosts".to_owned(), json!(hosts));
    }
    if dice.chance(60) {
        matches.insert("methods".to_owned(), json!(dice.pick(METHODS)));
    }
    let variables = if dice.chance(25) {
        let (kind, pattern, variables, _) =
            PATTERNS.get(dice.below(PATTERNS.len())).copied().unwrap_or_default();
        matches.insert(kind.to_owned(), json!(pattern));
        variables.iter().map(|name| (*name).to_owned()).collect()
    } else {
        let path = path(dice);
        let names = (0..3).map(|at| format!("v{at}"));
        let variables: Vec<String> =
            names.filter(|name| path.contains(&format!("{{{name}}}"))).collect();
        matches.insert("path".to_owned(), json!(path));
        variables
    };
    let is_fixed = variables.is_empty() && matches.contains_key("path");
    if dice.chance(20) && !is_fixed {
        matches
            .insert("encoded_slashes".to_owned(), json!(dice.pick(&["allow", "allow", "refuse"])));
    }
    (Value::Object(matches), variables)
}

fn path(dice: &mut Dice) -> String {
    let count = dice.below(3).saturating_add(1);
    let mut path = String::new();
    for at in 0..count {
        path.push('/');
        match dice.below(10) {
            0..=2 => path.push_str(&format!("{{v{at}}}")),
            _ => path.push_str(dice.pick(SEGMENTS)),
        }
    }
    match dice.below(10) {
        0..=2 => path.push_str("/{**}"),
        3 => path.push('/'),
        _ => {}
    }
    path
}
