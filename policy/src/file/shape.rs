//! What does not fit the types of a policy file, in words: place, value, fix. [`read_all`] tells all of it at once: it
//! puts something that fits in the place of each mistake and reads on, and what it made up never becomes a policy.
//! [`read_first`] stops at the first, which is enough for the filter: its copy was read before.

use serde_json::{Value, json};

use crate::file::problem::Problem;
use crate::file::value_reader::{Found, FromValue, Kind, MAPPING, Part, ReadError};
use crate::limits::{MAX_SHAPE_PROBLEMS, MAX_SHAPE_REPAIRS};

/// Members below which a value may be a secret that somebody wrote where the place of one belongs.
const SECRETIVE: &[&str] = &[
    "introspection",
    "hmac",
    "secret",
    "client_secret",
    "credential",
    "basic",
    "bearer",
    "password",
    "token",
];

/// Those that hold nothing but the place of a secret.
const SECRETS: &[&str] = &["secret", "client_secret", "password", "token", "value"];

/// Longest text of the file that a message quotes.
const QUOTED_CHARS: usize = 100;

/// Reads a value.
///
/// # Errors
/// The first thing that does not fit.
pub(crate) fn read_first<T: FromValue>(value: &Value) -> Result<T, Vec<Problem>> {
    T::from_value(value).map_err(|error| vec![problem(&error)])
}

/// Reads a value.
///
/// # Errors
/// Everything that does not fit, up to [`MAX_SHAPE_PROBLEMS`].
pub(crate) fn read_all<T: FromValue>(mut value: Value) -> Result<T, Vec<Problem>> {
    let mut wrong = match T::from_value(&value) {
        Ok(whole) => return Ok(whole),
        Err(wrong) => wrong,
    };
    let mut repairs = Repairs { whole: value.clone(), problems: Vec::new(), made_up: Vec::new() };
    for _ in 0..MAX_SHAPE_REPAIRS {
        if !repairs.repair(&mut value, &wrong) || repairs.problems.len() >= MAX_SHAPE_PROBLEMS {
            break;
        }
        wrong = match T::from_value(&value) {
            Ok(_) => break,
            Err(wrong) => wrong,
        };
    }
    repairs.problems.sort_by(|(one, _), (other, _)| one.cmp(other));
    Err(repairs.problems.into_iter().map(|(_, problem)| problem).collect())
}

/// The mistakes that were found, and what stands in their places.
struct Repairs {
    /// As the operator wrote it.
    whole: Value,
    /// Each with its place in the order of the file.
    problems: Vec<(Vec<usize>, Problem)>,
    made_up: Vec<MadeUp>,
}

/// A value of ours. What is wrong in it is no mistake of the operator's.
struct MadeUp {
    path: Vec<Part>,
    attempts: usize,
}

impl Repairs {
    /// Notes a mistake and mends the value; false: there is no way to.
    fn repair(&mut self, value: &mut Value, wrong: &ReadError) -> bool {
        let mut path: Vec<Part> = wrong.path().cloned().collect();
        if let Kind::MissingField(name) = wrong.kind() {
            path.push(Part::Member((*name).to_owned()));
        }
        if !self.made_up.iter().any(|made_up| path.starts_with(&made_up.path)) {
            self.problems.push((order(&self.whole, &path), problem(wrong)));
        }
        let word = match wrong.kind() {
            Kind::UnknownField(_) => return remove(value, &path),
            Kind::UnknownWord(_, words) => words.first().copied(),
            Kind::MissingField(_) | Kind::Unexpected { .. } | Kind::Other(_) => None,
        };
        let attempt = self.attempt(&path);
        let stand_in = match (word, attempt) {
            (Some(word), _) => json!(word),
            (None, 0) => Value::Null,
            (None, 1) => json!({}),
            (None, 2) => json!([]),
            (None, 3) => json!(""),
            (None, 4) => json!(1),
            (None, 5) => json!(true),
            (None, _) => return false,
        };
        put(value, &path, stand_in)
    }

    /// How often something was put there before.
    fn attempt(&mut self, path: &[Part]) -> usize {
        let known = self.made_up.iter_mut().find(|made_up| made_up.path == *path);
        match known {
            Some(made_up) => {
                made_up.attempts = made_up.attempts.saturating_add(1);
                made_up.attempts
            }
            None => {
                self.made_up.push(MadeUp { path: path.to_owned(), attempts: 0 });
                0
            }
        }
    }
}

/// Where it stands: of each mapping and list on the way, how far down. What is missing comes last.
fn order(whole: &Value, path: &[Part]) -> Vec<usize> {
    let mut value = Some(whole);
    let mut index = |part: &Part| {
        let parent = value;
        let (index, inner) = match part {
            Part::Member(name) => {
                let members = parent.and_then(Value::as_object);
                let index = members.and_then(|all| all.keys().position(|other| other == name));
                (index, parent.and_then(|parent| parent.get(name)))
            }
            Part::Element(index) => (Some(*index), parent.and_then(|parent| parent.get(index))),
        };
        value = inner;
        index.unwrap_or(usize::MAX)
    };
    path.iter().map(&mut index).collect()
}

fn at<'v>(value: &'v mut Value, path: &[Part]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, part| match part {
        Part::Member(name) => value.get_mut(name),
        Part::Element(index) => value.get_mut(index),
    })
}

fn remove(value: &mut Value, path: &[Part]) -> bool {
    let Some((Part::Member(name), parent)) = path.split_last() else { return false };
    let parent = at(value, parent).and_then(Value::as_object_mut);
    let Some(parent) = parent else { return false };
    let before = parent.len();
    // Not `remove`: where maps keep the order of the file, that changes it, and mistakes are told in this order.
    parent.retain(|other, _| other != name);
    parent.len() < before
}

fn put(value: &mut Value, path: &[Part], stand_in: Value) -> bool {
    let place = match path.split_last() {
        Some((Part::Member(name), parent)) => at(value, parent)
            .and_then(Value::as_object_mut)
            .map(|parent| parent.entry(name.clone()).or_insert(Value::Null)),
        Some((Part::Element(_), _)) | None => at(value, path),
    };
    place.map(|place| *place = stand_in).is_some()
}

/// `issuers.main.leeway`, `routes[3].match`; `$` for the whole.
fn text(path: &[&Part]) -> String {
    let mut out = String::new();
    for part in path {
        match part {
            Part::Member(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Part::Element(index) => {
                out.push('[');
                out.push_str(&index.to_string());
                out.push(']');
            }
        }
    }
    if out.is_empty() { "$".to_owned() } else { out }
}

/// A mistake, told. Text that may be a secret is not.
pub(crate) fn problem(wrong: &ReadError) -> Problem {
    let mut path: Vec<&Part> = wrong.path().collect();
    let secret = secretive(&path);
    let (message, fix) = match wrong.kind() {
        Kind::UnknownField(expected) => {
            let name = match path.split_last() {
                // `{ hunter2 }` is a mapping with a field of that name.
                Some((_, [.., Part::Member(parent)])) if SECRETS.contains(&parent.as_str()) => {
                    path.pop();
                    String::new()
                }
                Some((Part::Member(name), _)) => format!(" `{name}`"),
                Some((Part::Element(_), _)) | None => String::new(),
            };
            (
                format!("unknown field{name}, expected {}", one_of(expected)),
                "remove the field, or spell it as one of the expected ones",
            )
        }
        Kind::MissingField(name) => (format!("missing field `{name}`"), "add the field"),
        Kind::UnknownWord(word, expected) => {
            // `encoding: hex` beside a secret is a mistyped word; `credential: hunter2` may be more.
            let word = if path.last().is_some_and(|last| secretive(&[last])) {
                String::new()
            } else {
                format!(" `{}`", quoted(word))
            };
            (
                format!("unknown variant{word}, expected {}", one_of(expected)),
                "write one of the expected words",
            )
        }
        Kind::Unexpected { found, expected } => {
            let expected = &**expected;
            let found = match found {
                Found::Kind(kind) => (*kind).to_owned(),
                // A secret of digits is a number to YAML.
                Found::Scalar(kind, _) if secret => (*kind).to_owned(),
                Found::Scalar(kind, value) => format!("{kind} `{value}`"),
                Found::Text(_) if secret || expected == MAPPING => "string".to_owned(),
                Found::Text(text) => format!("string `{}`", quoted(text)),
            };
            let fix = if expected == MAPPING && place_of_secret(&path) {
                "write where the secret is: `{ file: PATH }` or `{ env: NAME }`"
            } else {
                ANOTHER_KIND
            };
            (format!("invalid type: {found}, expected {expected}"), fix)
        }
        Kind::Other(_) if secret => ("is not understood".to_owned(), ANOTHER_KIND),
        Kind::Other(message) => (message.to_string(), ANOTHER_KIND),
    };
    Problem::error(text(&path), message, fix)
}

const ANOTHER_KIND: &str =
    "write a value of the expected kind; `sallyport schema` prints all of them";

/// Whether the place of a secret belongs there.
fn place_of_secret(path: &[&Part]) -> bool {
    matches!(path.last(), Some(Part::Member(name)) if SECRETS.contains(&name.as_str()))
}

/// As [`problem`] judges it, by the path as text.
pub(crate) fn may_be_secret(place: &str) -> bool {
    place.split(['.', '[']).any(|name| SECRETIVE.contains(&name))
}

/// As [`place_of_secret`], by the path as text.
pub(crate) fn is_place_of_secret(place: &str) -> bool {
    place.rsplit('.').next().is_some_and(|name| SECRETS.contains(&name))
}

fn secretive(path: &[&Part]) -> bool {
    path.iter().any(|part| matches!(part, Part::Member(name) if SECRETIVE.contains(&name.as_str())))
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [word] => word.clone(),
        words => format!("one of {}", words.join(", ")),
    }
}

fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::Value;

    use super::{read_all, read_first};
    use crate::file::value_reader::{FromValue, ReadError, member, variant};
    use crate::file::wire_types::wire_struct;

    wire_struct! {
        #[derive(Debug, JsonSchema)]
        #[expect(dead_code, reason = "read for its shape alone")]
        struct Outer {
            name: String,
            size: u32,
            #[serde(default)]
            list: Vec<Inner>,
            #[serde(default)]
            by_name: BTreeMap<String, Inner>,
            mode: Option<Mode>,
            secret: Option<Place>,
        }
    }

    wire_struct! {
        #[derive(Debug, JsonSchema)]
        #[expect(dead_code, reason = "read for its shape alone")]
        struct Inner {
            size: u32,
            mode: Mode,
            deep: Option<Box<Inner>>,
        }
    }

    wire_struct! {
        #[derive(Debug, JsonSchema)]
        #[expect(dead_code, reason = "read for its shape alone")]
        struct Place {
            file: Option<String>,
        }
    }

    #[derive(Debug, JsonSchema)]
    #[expect(dead_code, reason = "read for its shape alone")]
    enum Mode {
        Sync,
        Sized(u32),
    }

    impl FromValue for Mode {
        fn from_value(value: &Value) -> Result<Self, ReadError> {
            match variant(value, &["sync", "sized"])? {
                ("sized", Some(size)) => member("sized", size).map(Self::Sized),
                ("sync", None) => Ok(Self::Sync),
                (word, Some(_)) => Err(ReadError::takes_no_value(word)),
                (word, None) => Err(ReadError::needs_a_value(word)),
            }
        }
    }

    /// Value, each path and message.
    const CASES: &[(&str, &[(&str, &str)])] = &[
        ("[]", &[("$", "invalid type: sequence, expected a mapping")]),
        ("{}", &[("$", "missing field `name`"), ("$", "missing field `size`")]),
        (
            r#"{"name":5,"size":"five","x":1,"y":{"z":2}}"#,
            &[
                ("name", "invalid type: integer `5`, expected a string"),
                (
                    "size",
                    "invalid type: string `five`, expected a whole number that is not negative",
                ),
                ("x", "unknown field `x`, expected one of `name`, `size`"),
                ("y", "unknown field `y`, expected one of"),
            ],
        ),
        (
            r#"{"name":"","size":1,"list":[{"size":-1,"mode":"sync"},[1],{"mode":"asink","size":{}},{"deep":{"x":1}},7]}"#,
            &[
                (
                    "list[0].size",
                    "invalid type: integer `-1`, expected a whole number that is not negative",
                ),
                ("list[1]", "invalid type: sequence, expected a mapping"),
                ("list[2].mode", "unknown variant `asink`, expected one of `sync`, `sized`"),
                ("list[2].size", "invalid type: map, expected a whole number that is not negative"),
                ("list[3].deep.x", "unknown field `x`"),
                ("list[3].deep", "missing field `size`"),
                ("list[3].deep", "missing field `mode`"),
                ("list[3]", "missing field `size`"),
                ("list[3]", "missing field `mode`"),
                ("list[4]", "invalid type: integer `7`, expected a mapping"),
            ],
        ),
        (
            r#"{"name":"","size":1,"by_name":{"a.b":{"x":1,"size":1,"mode":{"sized":"s"}},"c":{"size":1,"mode":{"sync":1}}}}"#,
            &[
                ("by_name.a.b.x", "unknown field `x`"),
                (
                    "by_name.a.b.mode.sized",
                    "invalid type: string `s`, expected a whole number that is not negative",
                ),
                ("by_name.c.mode", "`sync` takes no value"),
            ],
        ),
        (
            r#"{"name":"","size":1,"secret":"hunter2"}"#,
            &[("secret", "invalid type: string, expected a mapping")],
        ),
        (
            r#"{"name":"","size":1,"secret":{"hunter2":null,"file":true}}"#,
            &[
                ("secret", "unknown field, expected `file`"),
                ("secret.file", "invalid type: boolean, expected a string"),
            ],
        ),
    ];

    #[test]
    fn every_mistake_is_told_at_once_and_none_twice() {
        for (text, expected) in CASES {
            let value: Value = serde_json::from_str(text).unwrap();
            let first = read_first::<Outer>(&value).unwrap_err();
            let mut found = read_all::<Outer>(value).unwrap_err();
            assert!(first.len() == 1 && found.contains(&first[0]), "{text}: {first:?}");
            for (path, message) in *expected {
                let at = found.iter().position(|problem| {
                    problem.path == *path && problem.message.starts_with(message)
                });
                let at = at.unwrap_or_else(|| panic!("{text}: {path}: {message}: {found:#?}"));
                assert!(!found.remove(at).fix.is_empty());
            }
            assert!(found.is_empty(), "{text}: {found:#?}");
        }
    }

    #[test]
    fn secrets_are_not_told() {
        for text in [
            r#"{"name":"","size":1,"secret":"hunter2"}"#,
            r#"{"name":"","size":1,"secret":{"hunter2":1}}"#,
            r#"{"name":"","size":1,"secret":{"file":["hunter2"]}}"#,
            r#"{"name":"","size":1,"list":["hunter2"]}"#,
            r#"{"name":"","size":1,"secret":31337001}"#,
            r#"{"name":"","size":1,"secret":{"file":31337001.5}}"#,
        ] {
            let problems = read_all::<Outer>(serde_json::from_str(text).unwrap()).unwrap_err();
            let told = format!("{problems:?}");
            assert!(!told.contains("hunter2") && !told.contains("31337001"), "{told}");
        }
    }

    #[test]
    fn as_many_as_anybody_reads() {
        let list: Vec<u8> = vec![0; 10_000];
        let value = serde_json::json!({ "name": "", "size": 1, "list": list });
        let problems = read_all::<Outer>(value).unwrap_err();
        assert_eq!(problems.len(), crate::limits::MAX_SHAPE_PROBLEMS);
    }
}
