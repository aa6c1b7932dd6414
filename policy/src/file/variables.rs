//! `${NAME}` and `${NAME:-default}` in the texts of a policy file. The environment is the caller's: a function from a
//! name to its value. Keys, numbers and role files have no variables, and what a variable brings in is not read again.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::file::problem::{Problem, Problems};
use crate::file::shape::{is_place_of_secret, may_be_secret};

/// Fills in every text of a file; gives the names of the variables.
///
/// # Errors
/// Every variable that is not set and has no default, and every `${` that begins none.
pub(crate) fn fill_in(
    file: &mut Map<String, Value>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeSet<String>, Vec<Problem>> {
    let mut filling = Filling { environment, used: BTreeSet::new(), problems: Problems::default() };
    for (name, value) in file {
        filling.walk(value, name);
    }
    if filling.problems.0.is_empty() { Ok(filling.used) } else { Err(filling.problems.0) }
}

/// A variable that is the place of a secret (`client_secret: { env: NAME }`) and stands in a text too: then the secret
/// would be in the filter's copy.
pub(crate) fn check_secrets(
    value: &Value,
    place: &str,
    used: &BTreeSet<String>,
    problems: &mut Problems,
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check_secrets(item, &format!("{place}[{index}]"), used, problems);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{place}.{name}");
                match member.as_str() {
                    Some(variable) if name == "env" && used.contains(variable) => problems.error(
                        place,
                        format!(
                            "`{variable}` is a secret here, and `${{{variable}}}` elsewhere is none"
                        ),
                        "remove `${..}`, or use two variables: what a text holds is no secret",
                    ),
                    _ => check_secrets(member, &place, used, problems),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Filling<'e> {
    environment: &'e dyn Fn(&str) -> Option<String>,
    used: BTreeSet<String>,
    problems: Problems,
}

impl Filling<'_> {
    fn walk(&mut self, value: &mut Value, place: &str) {
        match value {
            Value::String(text) if text.contains("${") => {
                if let Some(filled) = self.filled(text, place) {
                    *text = filled;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.walk(item, &format!("{place}[{index}]"));
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.walk(member, &format!("{place}.{name}"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn filled(&mut self, text: &str, place: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            // `$${` is how `${` itself is written.
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            out.push_str(before);
            let Some((variable, tail)) =
                after.split_once('}').filter(|(variable, _)| is_one(variable))
            else {
                let fix = if is_place_of_secret(place) {
                    "write where the secret is: `{ file: PATH }` or `{ env: NAME }`"
                } else {
                    "write `${NAME}` or `${NAME:-default}`, or `$${` for the characters themselves"
                };
                if may_be_secret(place) {
                    let message = "holds `${` without a variable";
                    self.problems.error(place, message, fix);
                } else {
                    let message = format!("`{text}` holds `${{` without a variable");
                    self.problems.error(place, message, fix);
                }
                return None;
            };
            let (name, default) = match variable.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (variable, None),
            };
            self.used.insert(name.to_owned());
            let value =
                (self.environment)(name).filter(|value| default.is_none() || !value.is_empty());
            let Some(value) = value.or_else(|| default.map(str::to_owned)) else {
                self.problems.error(
                    place,
                    format!("environment variable `{name}` is not set, or no text"),
                    match is_place_of_secret(place) {
                        true => format!("name the variable of a secret as `{{ env: {name} }}`"),
                        false => format!("set it, or write `${{{name}:-default}}`"),
                    },
                );
                return None;
            };
            out.push_str(&value);
            rest = tail;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// `NAME` as POSIX has it, with or without a default, which holds no variable.
fn is_one(variable: &str) -> bool {
    let (name, default) = variable.split_once(":-").unwrap_or((variable, ""));
    // `${A:-${B}}` ends at the first brace.
    !default.contains("${")
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::fill_in;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("api.example.com".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        }
    }

    /// Text, and what becomes of it; none: an error.
    const CASES: &[(&str, Option<&str>)] = &[
        ("plain", Some("plain")),
        ("${HOST}", Some("api.example.com")),
        ("https://${HOST}/a/${HOST}", Some("https://api.example.com/a/api.example.com")),
        ("${HOST:-other}", Some("api.example.com")),
        ("${MISSING:-other}", Some("other")),
        ("${MISSING:-}", Some("")),
        ("${MISSING:-a:-b}", Some("a:-b")),
        ("${EMPTY}", Some("")),
        ("${EMPTY:-other}", Some("other")),
        ("${NESTED}", Some("${HOST}")),
        ("$${HOST}", Some("${HOST}")),
        ("$$${HOST}", Some("$${HOST}")),
        ("$HOST {subject} $", Some("$HOST {subject} $")),
        ("^/a{2}$", Some("^/a{2}$")),
        ("${MISSING}", None),
        ("${}", None),
        ("${HOST", None),
        ("${1A}", None),
        ("${HO ST}", None),
        ("${HOST-other}", None),
        ("${HOST:?no}", None),
        ("${MISSING:-${HOST}}", None),
        ("${HOST:-${MISSING}}", None),
        ("${MISSING:-$${HOST}}", None),
    ];

    fn file(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn texts_are_filled_in_or_refused() {
        for (text, expected) in CASES {
            let mut found = file(json!({ "a": [{ "b": text }], "${HOST}": 1 }));
            match (fill_in(&mut found, &environment), expected) {
                (Ok(_), Some(expected)) => {
                    let expected = json!({ "a": [{ "b": expected }], "${HOST}": 1 });
                    assert_eq!(found, file(expected), "{text}");
                }
                (Err(problems), None) => {
                    assert_eq!((problems.len(), problems[0].path.as_str()), (1, "a[0].b"));
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_secret_is_not_told_and_gets_a_place_of_its_own() {
        let mut value = file(json!({ "issuers": { "a": { "introspection": {
            "url": "${IDP}/i", "client_secret": "pa${ss", "client_id": "${GATE}",
        } }, "b": { "hmac": { "secret": "${KEY}" } } } }));
        let problems = fill_in(&mut value, &environment).unwrap_err();
        let told = |end: &str| {
            let one = problems.iter().find(|problem| problem.path.ends_with(end)).unwrap();
            assert!(!one.message.contains("pa$"), "{one}");
            one.fix.as_str()
        };
        assert_eq!(told("url"), "set it, or write `${IDP:-default}`");
        assert_eq!(told("client_id"), "set it, or write `${GATE:-default}`");
        assert!(told("client_secret").starts_with("write where the secret is"));
        assert_eq!(told("hmac.secret"), "name the variable of a secret as `{ env: KEY }`");
    }

    #[test]
    fn every_missing_one_is_told() {
        let mut value = file(json!({ "a": "${A}", "b": ["${B}", "${HOST}"] }));
        let problems = fill_in(&mut value, &environment).unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(paths, ["a", "b[0]"]);
    }
}
