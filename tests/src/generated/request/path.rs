//! Paths and queries: what a route's pattern fits, with a hostile part in some.

use serde_json::Value;

use super::super::dice::Dice;
use super::super::policy::{PATTERNS, SEGMENTS};

/// Values of path variables, as sent.
const VALUES: &[&str] = &[
    "42",
    "a",
    "b",
    "x%20y",
    "caf%C3%A9",
    "%2520",
    "a..b",
    "a:b@c",
    "~",
    "a;p=1",
    "g%2Fn",
    "orders",
    "%2Fa",
    "a%2f",
    "a%2F..%2Fb",
    "a%2Fb;x",
    "a%3Bx",
    "a;x%2Fb",
    "acme",
];
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
    "%2F",
    "%2f..",
    "%252F",
    "%2F%2F",
    "/x%2F",
    "%3Bx",
    "/%3bx",
    "/..%3Ba",
    "%253B",
];
const QUERIES: &[&str] = &[
    "a=b&c=%2Fd",
    "t=acme",
    "t=x%20y",
    "t=a&t=b",
    "t=a;b",
    "t=",
    "t",
    "ns=acme",
    "ns=acme&debug=1",
    "debug",
    "a=1&&b",
    "a=1;debug=2&t=7",
    "t=%0d%0ax",
    "%74=acme",
    "via=mallory&tenant=rival",
    "tenant=x?t=y",
    "rd=/x&a",
    "t=caf%C3%A9+x",
    "t=%ff",
    "t=a/../b",
    "",
];

/// A path for a match, with a query in some.
pub(crate) fn path(dice: &mut Dice, rule: &Value) -> String {
    let text = |name: &str| rule.get(name).and_then(Value::as_str);
    let mut path = match text("regex").or_else(|| text("glob")) {
        Some(pattern) => of_pattern(dice, pattern),
        None => {
            let allows = text("encoded_slashes") == Some("allow");
            of_template(dice, text("path").unwrap_or("/"), allows)
        }
    };
    match dice.below(70) {
        0..=4 => path.push_str(dice.pick(HOSTILE)),
        5 => path = format!("{}{path}", dice.pick(HOSTILE)),
        6 => path = path.to_uppercase(),
        7 => path.push_str(&format!("/{}", dice.pick(SEGMENTS))),
        8 => path = path.rsplit_once('/').map_or_else(String::new, |(head, _)| head.to_owned()),
        9 => path = path.replacen('/', dice.pick(&["", "//", "/./", "%2f", "/;/", "\\"]), 1),
        _ => {}
    }
    if dice.chance(35) {
        path.push_str(&format!("?{}", dice.pick(QUERIES)));
    }
    path
}

fn of_pattern(dice: &mut Dice, pattern: &str) -> String {
    let known = PATTERNS.iter().find(|(_, own, _, _)| *own == pattern);
    let Some((_, _, _, samples)) = known else { return twice(dice) };
    let path = dice.pick(samples);
    match path.strip_suffix("long") {
        // Near the longest that patterns are tried on.
        Some(start) => {
            let length = dice.pick(&[2048_usize, 2049, 2040]);
            format!("{start}{}", "x".repeat(length.saturating_sub(start.len())))
        }
        None => path.to_owned(),
    }
}

/// For the two patterns that nobody can compare.
fn twice(dice: &mut Dice) -> String {
    let length = dice.below(4).saturating_add(19);
    let letters: String = (0..length).map(|_| dice.pick(&['a', 'b'])).collect();
    match dice.below(3) {
        // The last but nineteenth decides for one, the one before for the other.
        0 => format!("/twice/ab{}", "a".repeat(19)),
        _ => format!("/twice/{letters}"),
    }
}

fn of_template(dice: &mut Dice, pattern: &str, allows: bool) -> String {
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
            // Escaped slashes are refused on most routes.
            let value = dice.pick(VALUES);
            let escaped = value.to_lowercase().contains("%2f");
            let keeps = dice.chance(if allows { 80 } else { 7 });
            path.push_str(if escaped && !keeps { dice.pick(&["42", "a", "acme"]) } else { value });
        } else {
            path.push_str(part);
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    path
}
