//! A JSON value into a wire struct, with the path of what is wrong in it. A member of a struct that is null is absent,
//! whatever its type. It stops at the first thing that is wrong; `shape.rs` goes on from there, and puts it into words.
//!
//! Not serde, whose derived readers would be a tenth of the filter's wasm: each of them is compiled whole for each struct.
//! Here a struct is a list of names (`wire_types.rs`), and reading a field is one call.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

/// What is wrong, and where. Boxed, because every function here hands it on.
#[derive(Debug)]
pub(crate) struct ReadError(Box<Wrong>);

#[derive(Debug)]
struct Wrong {
    kind: Kind,
    /// Innermost first.
    path: Vec<Part>,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A member that the type does not have; the path ends with it.
    UnknownField(&'static [&'static str]),
    /// A member that the type must have; the path leads to where it should be.
    MissingField(&'static str),
    /// A text that is none of these words.
    UnknownWord(Box<str>, &'static [&'static str]),
    /// Another kind of value than this one, which was expected.
    Unexpected { found: Found, expected: Box<str> },
    /// In the words of whoever refused it.
    Other(Box<str>),
}

/// A value that was not expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// `null`, `map`.
    Kind(&'static str),
    /// A number or a boolean: its kind, and how it is written.
    Scalar(&'static str, Box<str>),
    /// A text, which may be a secret.
    Text(Box<str>),
}

/// A step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Member(String),
    Element(usize),
}

/// What can be read from a value.
pub(crate) trait FromValue: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// The first thing that does not fit the type.
    fn from_value(value: &Value) -> Result<Self, ReadError>;

    /// What a field of this type is where nothing is written. None: something must be.
    fn absent() -> Option<Self> {
        None
    }
}

impl ReadError {
    /// What is wrong.
    pub(crate) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The way from the whole to what is wrong.
    pub(crate) fn path(&self) -> impl Iterator<Item = &Part> + Clone {
        self.0.path.iter().rev()
    }

    #[cold]
    pub(crate) fn of(kind: Kind) -> Self {
        Self(Box::new(Wrong { kind, path: Vec::new() }))
    }

    /// Another value than what was expected, in YAML's words.
    #[cold]
    pub(crate) fn unexpected(value: &Value, expected: &str) -> Self {
        let found = match value {
            Value::Null => Found::Kind("null"),
            Value::Bool(value) => Found::Scalar("boolean", value.to_string().into()),
            Value::Number(number) => {
                let kind = if number.is_f64() { "floating point" } else { "integer" };
                Found::Scalar(kind, number.to_string().into())
            }
            Value::String(text) => Found::Text(text.as_str().into()),
            Value::Array(_) => Found::Kind("sequence"),
            Value::Object(_) => Found::Kind("map"),
        };
        Self::of(Kind::Unexpected { found, expected: expected.into() })
    }

    /// A word with something in it that stands alone.
    #[cold]
    pub(crate) fn takes_no_value(word: &str) -> Self {
        Self::of(Kind::Other(format!("`{word}` takes no value").into()))
    }

    /// A word that does not stand alone.
    #[cold]
    pub(crate) fn needs_a_value(word: &str) -> Self {
        Self::of(Kind::Other(format!("`{word}` needs a value").into()))
    }

    /// The same, seen from what the value is a part of.
    #[cold]
    pub(crate) fn within(mut self, part: Part) -> Self {
        self.0.path.push(part);
        self
    }

    #[cold]
    fn within_member(self, name: &str) -> Self {
        self.within(Part::Member(name.to_owned()))
    }
}

/// The members of a struct.
pub(crate) struct Fields<'v>(&'v Map<String, Value>);

impl<'v> Fields<'v> {
    /// Those of a struct that has these and no others.
    pub(crate) fn of(value: &'v Value, names: &'static [&'static str]) -> Result<Self, ReadError> {
        let members = mapping(value)?;
        match members.keys().find(|name| !names.contains(&name.as_str())) {
            Some(unknown) => Err(ReadError::of(Kind::UnknownField(names)).within_member(unknown)),
            None => Ok(Self(members)),
        }
    }

    /// What stands there; absent, it is what the type says of that.
    // Not inlined, as little here is: each is called for many fields of one type.
    #[inline(never)]
    pub(crate) fn read<T: FromValue>(&self, name: &'static str) -> Result<T, ReadError> {
        match self.get(name) {
            Some(value) => member(name, value),
            None => T::absent().ok_or_else(|| ReadError::of(Kind::MissingField(name))),
        }
    }

    /// What stands there, or the type's default.
    #[inline(never)]
    pub(crate) fn read_or_default<T: FromValue + Default>(
        &self,
        name: &str,
    ) -> Result<T, ReadError> {
        match self.get(name) {
            Some(value) => member(name, value),
            None => Ok(T::default()),
        }
    }

    fn get(&self, name: &str) -> Option<&'v Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }
}

/// A member's value.
pub(crate) fn member<T: FromValue>(name: &str, value: &Value) -> Result<T, ReadError> {
    T::from_value(value).map_err(|error| error.within_member(name))
}

/// The members of a mapping.
pub(crate) fn mapping(value: &Value) -> Result<&Map<String, Value>, ReadError> {
    value.as_object().ok_or_else(|| ReadError::unexpected(value, MAPPING))
}

/// One of these words, alone or as the only member of a mapping, which is then the word's value.
pub(crate) fn variant<'v>(
    value: &'v Value,
    words: &'static [&'static str],
) -> Result<(&'static str, Option<&'v Value>), ReadError> {
    let alone = value.as_object().filter(|members| members.len() == 1);
    let member = alone.and_then(|members| members.iter().next());
    let (name, content) = match (value.as_str(), member) {
        (Some(name), _) => (name, None),
        (None, Some((name, content))) => (name.as_str(), Some(content)),
        (None, None) => {
            let expected = format!("exactly one of `{}`", words.join("`, `"));
            return Err(ReadError::unexpected(value, &expected));
        }
    };
    match words.iter().find(|word| **word == name) {
        Some(word) => Ok((word, content)),
        None => Err(ReadError::of(Kind::UnknownWord(name.into(), words))),
    }
}

/// The value that stands for a word. Both lists have the same order.
pub(crate) fn word<T: Copy>(
    value: &Value,
    words: &'static [&'static str],
    values: &[T],
) -> Result<T, ReadError> {
    let (word, content) = variant(value, words)?;
    let known = words.iter().zip(values).find(|(known, _)| **known == word);
    match (known, content) {
        (Some((_, known)), None) => Ok(*known),
        (_, _) => Err(ReadError::takes_no_value(word)),
    }
}

/// What an operator calls a struct.
pub(crate) const MAPPING: &str = "a mapping";

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        let text = value.as_str().ok_or_else(|| ReadError::unexpected(value, "a string"))?;
        Ok(text.to_owned())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        value.as_bool().ok_or_else(|| ReadError::unexpected(value, "a boolean"))
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        let number = value.as_u64().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| ReadError::unexpected(value, COUNT))
    }
}

impl FromValue for usize {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        let number = value.as_u64().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| ReadError::unexpected(value, COUNT))
    }
}

const COUNT: &str = "a whole number that is not negative";

impl FromValue for Number {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        value.as_number().cloned().ok_or_else(|| ReadError::unexpected(value, "a number"))
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        Ok(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromValue> FromValue for Box<T> {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        T::from_value(value).map(Self::new)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        let items = value.as_array().ok_or_else(|| ReadError::unexpected(value, "a sequence"))?;
        // No more memory than it needs: lists of a policy are kept.
        let mut all = Self::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            all.push(T::from_value(item).map_err(|error| error.within(Part::Element(index)))?);
        }
        Ok(all)
    }
}

impl<T: FromValue> FromValue for BTreeMap<String, T> {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        let mut all = Self::new();
        for (name, value) in mapping(value)? {
            all.insert(name.clone(), member(name, value)?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::json;

    use super::FromValue;
    use crate::file::wire_types::{wire_enum, wire_struct};

    wire_struct! {
        #[derive(Debug, PartialEq, JsonSchema)]
        struct Outer {
            name: String,
            #[serde(default)]
            list: Vec<Inner>,
            #[serde(default)]
            by_name: BTreeMap<String, Inner>,
            mode: Option<Mode>,
            #[serde(default)]
            any: serde_json::Value,
            r#match: Option<bool>,
        }
    }

    wire_struct! {
        #[derive(Debug, PartialEq, JsonSchema)]
        struct Inner {
            size: u32,
        }
    }

    wire_enum! {
        #[derive(Debug, Clone, Copy, PartialEq, JsonSchema)]
        enum Mode {
            Sync = "sync",
        }
    }

    #[test]
    fn null_is_absent_in_a_struct_alone() {
        let value =
            json!({ "name": "n", "list": null, "by_name": null, "mode": null, "any": null });
        let outer = Outer::from_value(&value).unwrap();
        assert_eq!((outer.list, outer.by_name.len(), outer.mode), (Vec::new(), 0, None));
        for value in [
            json!({ "name": null }),
            json!({ "name": "n", "other": null }),
            json!({ "name": "n", "list": [null] }),
            json!({ "name": "n", "by_name": { "a": null } }),
        ] {
            assert!(Outer::from_value(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn what_fits_is_read() {
        let value = json!({
            "name": "n", "list": [{"size": 1}], "by_name": {"a": {"size": 2}}, "mode": "sync",
            "any": [1, -2, 0.5, null, {"x": true}], "match": true,
        });
        let outer = Outer::from_value(&value).unwrap();
        assert_eq!((outer.list[0].size, outer.by_name["a"].size), (1, 2));
        assert_eq!(
            (outer.mode, outer.any, outer.r#match),
            (Some(Mode::Sync), value["any"].clone(), Some(true))
        );
    }

    #[test]
    fn a_value_of_another_shape_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"name":5}"#,
            r#"{"name":"","nam":1}"#,
            r#"{"name":"","r#match":true}"#,
            r#"{"name":"","mode":{"sync":null}}"#,
        ] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(Outer::from_value(&value).is_err(), "{text}");
        }
    }
}
