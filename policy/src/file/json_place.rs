//! Where a JSON file is wrong, for its operator: line and column, and which member stands twice. The strict reader, which
//! judges, says neither, since what it reads elsewhere is a stranger's. Called when that one has refused a file.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What is wrong with a file that the strict reader refused with `otherwise`.
pub(super) fn message(bytes: &[u8], otherwise: &str) -> String {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return "it begins with a byte order mark, at line 1, column 1".to_owned();
    }
    match serde_json::from_slice::<Anything>(bytes) {
        Ok(_) => otherwise.to_owned(),
        Err(error) => error.to_string().replace(" column ", ", column "),
    }
}

/// Any value that names no member twice.
struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Anything;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_unit<E: Error>(self) -> Result<Anything, E> {
        Ok(Anything)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Anything, A::Error> {
        while items.next_element::<Anything>()?.is_some() {}
        Ok(Anything)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Anything, A::Error> {
        let mut known = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !known.insert(name.clone()) {
                return Err(Error::custom(format!("the member `{name}` stands twice")));
            }
            members.next_value::<Anything>()?;
        }
        Ok(Anything)
    }
}

#[cfg(test)]
mod tests {
    use super::message;

    /// File, what is said of it.
    const CASES: &[(&str, &str)] = &[
        ("{\n \"a\": {\"b\": 1,\n \"b\": 2}}", "the member `b` stands twice at line 3, column 4"),
        ("{\"a\": [1,]}", "trailing comma at line 1, column 10"),
        ("{\"a\": 1,}", "trailing comma at line 1, column 9"),
        ("{\n// x\n\"a\": 1}", "key must be a string at line 2, column 1"),
        ("\u{feff}{}", "it begins with a byte order mark, at line 1, column 1"),
        ("{} {}", "trailing characters at line 1, column 4"),
        ("{", "EOF while parsing an object at line 1, column 1"),
        ("[]", "not a JSON object"),
    ];

    #[test]
    fn the_place_is_told() {
        for (text, expected) in CASES {
            assert_eq!(message(text.as_bytes(), "not a JSON object"), *expected, "{text}");
        }
    }
}
