//! The strict JSON reader: one object, no duplicate member at any depth, depth and size bounded.
//! `serde_json` does the parsing (RFC 8259, UTF-8, no trailing text); this adds the visitor that refuses what it would
//! merge silently. Two readers that disagree on which duplicate counts are an attack (RFC 8725 section 2.4).
//! Tokens and key sets use it here; discovery and introspection replies are read with it by the adapters.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::limits;

/// Bounds for one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Longest input in bytes.
    pub max_bytes: usize,
    /// Deepest nesting; the outermost object is depth 1.
    pub max_depth: usize,
}

impl JsonLimits {
    /// For JOSE headers.
    pub const HEADER: Self = Self::with_bytes(limits::MAX_HEADER_BYTES);
    /// For claims.
    pub const CLAIMS: Self = Self::with_bytes(limits::MAX_TOKEN_BYTES);
    /// For JWK sets.
    pub const JWKS: Self = Self::with_bytes(limits::MAX_JWKS_BYTES);
    /// For discovery documents and introspection replies.
    pub const DOCUMENT: Self = Self::with_bytes(limits::MAX_DOCUMENT_BYTES);

    const fn with_bytes(max_bytes: usize) -> Self {
        Self { max_bytes, max_depth: limits::MAX_JSON_DEPTH }
    }
}

/// Why a document was refused. Holds nothing of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Longer than [`JsonLimits::max_bytes`].
    #[error("too long")]
    TooLong,
    /// Nested deeper than [`JsonLimits::max_depth`].
    #[error("nested too deeply")]
    TooDeep,
    /// An object has two members of one name.
    #[error("duplicate member")]
    DuplicateMember,
    /// Not JSON, not UTF-8, a number out of range, or text after the end.
    #[error("not JSON")]
    Syntax,
    /// JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
}

/// Reads one JSON object.
///
/// # Errors
/// See [`JsonError`]. Whitespace around the object is allowed, other text is not.
pub fn parse_json_object(
    bytes: &[u8],
    limits: JsonLimits,
) -> Result<Map<String, Value>, JsonError> {
    object(parse(bytes, limits, None, Reading::strict(&[], &mut |_| {}))?)
}

/// Reads any JSON: of members of one name the last one counts, as most readers have it. For what is passed on or looked at
/// and decides nothing. None: it is not JSON, or nested deeper than 127, where `serde_json` stops.
pub fn parse_json_leniently(bytes: &[u8]) -> Option<Value> {
    let limits = JsonLimits { max_bytes: usize::MAX, max_depth: usize::MAX };
    let mut take = |_| {};
    let reading = Reading { lenient: true, ..Reading::strict(&[], &mut take) };
    parse(bytes, limits, None, reading).ok()
}

/// Reads one JSON object with a long list somewhere in it, without ever holding that: `path` leads to the array, member
/// by member, and `take` gets its elements as they come. In what is returned the array is empty.
///
/// # Errors
/// As [`parse_json_object`]; what `take` got is then void.
pub fn parse_json_object_with_list(
    bytes: &[u8],
    limits: JsonLimits,
    path: &[&str],
    take: &mut dyn FnMut(Value),
) -> Result<Map<String, Value>, JsonError> {
    object(parse(bytes, limits, Some(0), Reading::strict(path, take))?)
}

fn parse(
    bytes: &[u8],
    limits: JsonLimits,
    on_path: Option<usize>,
    mut reading: Reading<'_>,
) -> Result<Value, JsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonError::TooLong);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict { depth_left: limits.max_depth, on_path, reading: &mut reading };
    match seed.deserialize(&mut reader) {
        Err(_) => Err(reading.refused.unwrap_or(JsonError::Syntax)),
        Ok(_) if reader.end().is_err() => Err(JsonError::Syntax),
        Ok(value) => Ok(value),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, JsonError> {
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonError::NotAnObject)
        }
    }
}

/// What all of one reading shares. The reason of a refusal travels beside serde's error, which is text.
struct Reading<'l> {
    refused: Option<JsonError>,
    /// Members may stand twice.
    lenient: bool,
    /// The way to the list that is handed over.
    path: &'l [&'l str],
    take: &'l mut dyn FnMut(Value),
}

impl<'l> Reading<'l> {
    fn strict(path: &'l [&'l str], take: &'l mut dyn FnMut(Value)) -> Self {
        Self { refused: None, lenient: false, path, take }
    }
}

/// Builds a [`Value`], refusing what [`JsonError`] names.
struct Strict<'r, 'l> {
    depth_left: usize,
    /// How much of the list's path led here; none: another way was taken.
    on_path: Option<usize>,
    reading: &'r mut Reading<'l>,
}

impl<'l> Strict<'_, 'l> {
    /// The seed for what lies inside an array or object.
    fn inner<E: serde::de::Error>(&mut self, on_path: Option<usize>) -> Result<Strict<'_, 'l>, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Strict { depth_left, on_path, reading: self.reading }),
            None => Err(self.refuse(JsonError::TooDeep)),
        }
    }

    fn refuse<E: serde::de::Error>(&mut self, why: JsonError) -> E {
        self.reading.refused = Some(why);
        E::custom(why)
    }

    /// How much of the list's path leads to a member.
    fn on_path_to(&self, name: &str) -> Option<usize> {
        let at = self.on_path?;
        self.reading.path.get(at).filter(|next| **next == name)?;
        at.checked_add(1)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let handed_over = self.on_path == Some(self.reading.path.len());
        let mut values = Vec::new();
        loop {
            let seed = self.inner(None)?;
            match access.next_element_seed(seed)? {
                Some(value) if handed_over => (self.reading.take)(value),
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        // Also an empty object counts as a level.
        self.inner::<A::Error>(None)?;
        while let Some(name) = access.next_key::<String>()? {
            let on_path = self.on_path_to(&name);
            let value = access.next_value_seed(self.inner::<A::Error>(on_path)?)?;
            match map.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(value);
                }
                Entry::Occupied(mut place) if self.reading.lenient => {
                    place.insert(value);
                }
                Entry::Occupied(_) => return Err(self.refuse(JsonError::DuplicateMember)),
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &str, Result<(), JsonError>)] = &[
        ("empty object", "{}", Ok(())),
        ("whitespace around", " \n{\"a\":1}\t", Ok(())),
        (
            "all kinds",
            r#"{"a":null,"b":true,"c":-1,"d":1.5,"e":"\u00e9","f":[{}],"g":18446744073709551615}"#,
            Ok(()),
        ),
        ("same name at different places", r#"{"a":{"a":1},"b":[{"a":1},{"a":1}]}"#, Ok(())),
        ("duplicate", r#"{"a":1,"a":1}"#, Err(JsonError::DuplicateMember)),
        ("duplicate by escape", r#"{"a":1,"\u0061":2}"#, Err(JsonError::DuplicateMember)),
        ("duplicate inside an object", r#"{"o":{"a":1,"a":2}}"#, Err(JsonError::DuplicateMember)),
        (
            "duplicate inside an array",
            r#"{"o":[[{"a":1,"b":2,"a":3}]]}"#,
            Err(JsonError::DuplicateMember),
        ),
        ("trailing text", "{} x", Err(JsonError::Syntax)),
        ("two objects", "{}{}", Err(JsonError::Syntax)),
        ("trailing comma", r#"{"a":1,}"#, Err(JsonError::Syntax)),
        ("comment", "{/**/}", Err(JsonError::Syntax)),
        ("byte order mark", "\u{feff}{}", Err(JsonError::Syntax)),
        ("half a surrogate pair", r#"{"a":"\ud800"}"#, Err(JsonError::Syntax)),
        ("number out of range", r#"{"a":1e999}"#, Err(JsonError::Syntax)),
        ("nan", r#"{"a":NaN}"#, Err(JsonError::Syntax)),
        ("nothing", "", Err(JsonError::Syntax)),
        ("single quotes", "{'a':1}", Err(JsonError::Syntax)),
        ("bare name", "{a:1}", Err(JsonError::Syntax)),
        ("unknown escape", r#"{"a":"\x41"}"#, Err(JsonError::Syntax)),
        ("escaped newline", "{\"a\":\"\\\n\"}", Err(JsonError::Syntax)),
        ("control character", "{\"a\":\"\u{1}\"}", Err(JsonError::Syntax)),
        ("other whitespace", "{\u{a0}}", Err(JsonError::Syntax)),
        ("vertical tab", "{\u{b}}", Err(JsonError::Syntax)),
        ("NUL after", "{}\0", Err(JsonError::Syntax)),
        ("missing comma", r#"{"a":1 "b":2}"#, Err(JsonError::Syntax)),
        ("missing value", r#"{"a":}"#, Err(JsonError::Syntax)),
        ("not closed", r#"{"a":1"#, Err(JsonError::Syntax)),
        (
            "duplicate of a name with NUL",
            r#"{"a\u0000":1,"a\u0000":2}"#,
            Err(JsonError::DuplicateMember),
        ),
        ("names that differ by NUL", r#"{"a":1,"a\u0000":2}"#, Ok(())),
        ("names that differ by case", r#"{"a":1,"A":2}"#, Ok(())),
        ("names that differ by form", "{\"\u{e9}\":1,\"e\u{301}\":2}", Ok(())),
        ("duplicate of the empty name", r#"{"":1,"":2}"#, Err(JsonError::DuplicateMember)),
        (
            "duplicate by surrogate pair",
            "{\"\u{1f600}\":1,\"\\ud83d\\ude00\":2}",
            Err(JsonError::DuplicateMember),
        ),
        ("array", "[]", Err(JsonError::NotAnObject)),
        ("string", "\"{}\"", Err(JsonError::NotAnObject)),
    ];

    fn parse(text: &str) -> Result<(), JsonError> {
        parse_json_object(text.as_bytes(), JsonLimits::CLAIMS).map(drop)
    }

    #[test]
    fn cases() {
        for (name, text, expected) in CASES {
            assert_eq!(parse(text), *expected, "{name}");
        }
    }

    #[test]
    fn leniently() {
        let deep = |depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        for (text, expected) in [
            (r#"{"a":1,"a":{"b":1,"b":2}}"#, Some(r#"{"a":{"b":2}}"#)),
            (" [1,null] ", Some("[1,null]")),
            ("\"x\"", Some("\"x\"")),
            ("{} x", None),
            ("{a:1}", None),
            ("", None),
            (&deep(128), None),
        ] {
            let read = parse_json_leniently(text.as_bytes()).map(|value| value.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
        assert!(parse_json_leniently(deep(127).as_bytes()).is_some());
    }

    /// RFC 8259 section 6, with nothing of ECMAScript, YAML or Rust.
    #[test]
    fn numbers() {
        let good = [
            "0",
            "-0",
            "1",
            "-1",
            "10",
            "1.5",
            "-0.0",
            "1e5",
            "1E5",
            "1e+5",
            "1e-5",
            "0e0",
            "1.0e00",
            "0.1e-400",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "1e308",
            "0.00000000000000000000000000000000000000000000000001",
        ];
        let bad = [
            "00",
            "01",
            "-01",
            "+1",
            "-",
            "--1",
            ".5",
            "-.5",
            "1.",
            "1.e5",
            "1e",
            "1e+",
            "1e1.0",
            "0x10",
            "0b1",
            "0o7",
            "1_000",
            "1,000",
            "1f",
            "1L",
            "1n",
            "NaN",
            "nan",
            "-NaN",
            "Infinity",
            "-Infinity",
            "inf",
            "1e309",
            "-1e309",
            "1 2",
            "1- ",
            "\u{661}",
            "\u{ff11}",
            "1\u{a0}",
            "1e\u{2212}5",
            "True",
            "nil",
        ];
        for number in good {
            let text = format!("{{\"a\":{number},\"b\":[{number} ]}}");
            assert_eq!(parse(&text), Ok(()), "{number}");
        }
        for number in bad {
            assert_eq!(parse(&format!("{{\"a\":{number}}}")), Err(JsonError::Syntax), "{number}");
            assert_eq!(parse(&format!("{{\"a\":[{number}]}}")), Err(JsonError::Syntax), "{number}");
        }
        // Longer than any number is, and still only a number.
        assert_eq!(parse(&format!("{{\"a\":0.{}}}", "1".repeat(15_000))), Ok(()));
        assert_eq!(parse(&format!("{{\"a\":{}}}", "1".repeat(15_000))), Err(JsonError::Syntax));
        assert_eq!(parse(&format!("{{\"a\":1e{}}}", "9".repeat(15_000))), Err(JsonError::Syntax));
    }

    #[test]
    fn a_list_is_handed_over_where_its_path_leads() {
        const CASES: &[(&str, &str, &str)] = &[
            (
                r#"{"p":{"l":[1,{"l":[2]},[3]],"m":[4]},"l":[5]}"#,
                r#"[1,{"l":[2]},[3]]"#,
                r#"{"p":{"l":[],"m":[4]},"l":[5]}"#,
            ),
            (r#"{"p":{"l":{"l":[1]}}}"#, "[]", r#"{"p":{"l":{"l":[1]}}}"#),
            (r#"{"p":[{"l":[1]}]}"#, "[]", r#"{"p":[{"l":[1]}]}"#),
            (r#"{"p":{"l":null}}"#, "[]", r#"{"p":{"l":null}}"#),
            (r#"{"l":[1],"q":{"p":{"l":[2]}}}"#, "[]", r#"{"l":[1],"q":{"p":{"l":[2]}}}"#),
        ];
        for (text, list, rest) in CASES {
            let mut taken = Vec::new();
            let read = parse_json_object_with_list(
                text.as_bytes(),
                JsonLimits::CLAIMS,
                &["p", "l"],
                &mut |value| taken.push(value),
            );
            assert_eq!(Value::Array(taken), serde_json::from_str::<Value>(list).unwrap(), "{text}");
            assert_eq!(Value::Object(read.unwrap()), serde_json::from_str::<Value>(rest).unwrap());
        }
        for (text, expected) in [
            (r#"{"p":{"l":[1],"l":[2]}}"#, JsonError::DuplicateMember),
            (r#"{"p":{"l":[{"a":1,"a":2}]}}"#, JsonError::DuplicateMember),
            (r#"{"p":{"l":[1}}"#, JsonError::Syntax),
            (r#"{"p":{"l":[1]}} x"#, JsonError::Syntax),
        ] {
            let read = parse_json_object_with_list(
                text.as_bytes(),
                JsonLimits::CLAIMS,
                &["p", "l"],
                &mut drop,
            );
            assert_eq!(read, Err(expected), "{text}");
        }
    }

    #[test]
    fn invalid_utf8_is_refused() {
        assert_eq!(
            parse_json_object(b"{\"a\":\"\xff\"}", JsonLimits::CLAIMS),
            Err(JsonError::Syntax)
        );
    }

    #[test]
    fn depth_is_bounded_for_arrays_objects_and_both() {
        let nest = |open: &str, close: &str, levels: usize| {
            format!("{{\"a\":{}0{}}}", open.repeat(levels), close.repeat(levels))
        };
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            assert_eq!(parse(&nest(open, close, limits::MAX_JSON_DEPTH - 1)), Ok(()));
            assert_eq!(parse(&nest(open, close, limits::MAX_JSON_DEPTH)), Err(JsonError::TooDeep));
            // Far beyond serde_json's own bound of 128, and without a stack overflow.
            assert_eq!(parse(&nest(open, close, 2000)), Err(JsonError::TooDeep));
        }
        let empty = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
        assert_eq!(parse(&empty), Err(JsonError::TooDeep));
    }

    #[test]
    fn size_is_bounded() {
        let text = format!("{{}}{}", " ".repeat(limits::MAX_TOKEN_BYTES));
        assert_eq!(parse(&text), Err(JsonError::TooLong));
    }

    #[test]
    fn agrees_with_serde_json_on_what_both_accept() {
        for (_, text, expected) in CASES {
            if expected.is_ok() {
                let ours = parse_json_object(text.as_bytes(), JsonLimits::CLAIMS).unwrap();
                assert_eq!(Value::Object(ours), serde_json::from_str::<Value>(text).unwrap());
            }
        }
    }
}
