//! A JSON value into a wire struct, with the path of what is wrong in it. `serde_path_to_error` does the same by
//! wrapping another deserializer, and each wrapped type is compiled twice: 110 KB of the filter's wasm. This one reads
//! the value itself and adds to the path while an error passes by. It is stricter in one thing: an array is no struct.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value};

/// What is wrong, and where. Boxed, because every function here hands it on.
#[derive(Debug)]
pub(crate) struct ReadError(Box<Wrong>);

#[derive(Debug)]
struct Wrong {
    message: String,
    /// Innermost first.
    path: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Member(String),
    Element(usize),
}

/// Reads a value.
///
/// # Errors
/// The first thing that does not fit the type.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, ReadError> {
    T::deserialize(Reader(value))
}

impl ReadError {
    /// What is wrong, in serde's words.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// `issuers.main.leeway`, `routes[3].match`; `$` for the whole.
    pub(crate) fn path(&self) -> String {
        let mut out = String::new();
        for part in self.0.path.iter().rev() {
            match part {
                Part::Member(name) if out.is_empty() => out.push_str(name),
                Part::Member(name) => {
                    out.push('.');
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

    #[cold]
    fn within(mut self, part: Part) -> Self {
        self.0.path.push(part);
        self
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self(Box::new(Wrong { message: message.to_string(), path: Vec::new() }))
    }
}

struct Reader(Value);

impl Reader {
    /// Not generic, as little here is: what is, is compiled for each type of the policy file.
    fn unexpected(&self, expected: &dyn Expected) -> ReadError {
        let found = match &self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => Unexpected::Unsigned(value),
                (None, Some(value), _) => Unexpected::Signed(value),
                (None, None, value) => Unexpected::Float(value.unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        de::Error::invalid_type(found, expected)
    }
}

/// Methods that take one kind of value each.
macro_rules! one_kind {
    ($($method:ident($kind:ident($value:ident)) => $visit:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            if let Value::$kind($value) = self.0 {
                let visit: fn(V, _) -> Result<V::Value, ReadError> = $visit;
                return visit(visitor, $value);
            }
            Err(self.unexpected(&visitor))
        })*
    };
}

fn number<'de, V: Visitor<'de>>(visitor: V, number: Number) -> Result<V::Value, ReadError> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(value), _, _) => visitor.visit_u64(value),
        (None, Some(value), _) => visitor.visit_i64(value),
        (None, None, Some(value)) => visitor.visit_f64(value),
        (None, None, None) => Err(de::Error::custom("a number that cannot be held")),
    }
}

fn items<'de, V: Visitor<'de>>(visitor: V, items: Vec<Value>) -> Result<V::Value, ReadError> {
    visitor.visit_seq(Items { rest: items, next: 0 })
}

fn members<'de, V: Visitor<'de>>(
    visitor: V,
    members: Map<String, Value>,
) -> Result<V::Value, ReadError> {
    visitor.visit_map(Members { rest: listed(members), value: None })
}

fn listed(members: Map<String, Value>) -> Vec<(String, Value)> {
    members.into_iter().rev().collect()
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(value) => number(visitor, value),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(value) => items(visitor, value),
            Value::Object(value) => members(visitor, value),
        }
    }

    one_kind! {
        deserialize_bool(Bool(value)) => |visitor, value| visitor.visit_bool(value);
        deserialize_string(String(text)) => |visitor, text| visitor.visit_string(text);
        deserialize_str(String(text)) => |visitor, text| visitor.visit_string(text);
        deserialize_identifier(String(text)) => |visitor, text| visitor.visit_string(text);
        deserialize_u32(Number(value)) => number;
        deserialize_u64(Number(value)) => number;
        deserialize_i64(Number(value)) => number;
        deserialize_f64(Number(value)) => number;
        deserialize_seq(Array(value)) => items;
        deserialize_map(Object(value)) => members;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if let Value::String(name) = self.0 {
            return visitor.visit_enum(Word(name));
        }
        Err(self.unexpected(&visitor))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

struct Items {
    rest: Vec<Value>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let index = self.next;
        let Some(value) = self.rest.get_mut(index) else { return Ok(None) };
        let value = std::mem::take(value);
        self.next = index.saturating_add(1);
        seed.deserialize(Reader(value))
            .map(Some)
            .map_err(|error| error.within(Part::Element(index)))
    }
}

struct Members {
    /// Last first.
    rest: Vec<(String, Value)>,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((name, value)) = self.rest.pop() else { return Ok(None) };
        let key = seed
            .deserialize(StrDeserializer::new(&name))
            .map_err(|error: ReadError| error.within(Part::Member(name.clone())))?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (name, value) = self.value.take().unwrap_or_default();
        seed.deserialize(Reader(value)).map_err(|error| error.within(Part::Member(name)))
    }
}

/// An enum of which no variant holds anything.
struct Word(String);

impl<'de> EnumAccess<'de> for Word {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let variant = seed.deserialize(StrDeserializer::<ReadError>::new(&self.0))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Word {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, ReadError> {
        Err(de::Error::custom(format!("`{}` needs a value", self.0)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(de::Error::custom(format!("`{}` needs a value", self.0)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(de::Error::custom(format!("`{}` needs a value", self.0)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::read;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        by_name: BTreeMap<String, Inner>,
        mode: Option<Mode>,
        #[serde(default)]
        any: serde_json::Value,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        size: u32,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Sync,
    }

    #[test]
    fn what_fits_is_read() {
        let value = json!({
            "name": "n", "list": [{"size": 1}], "by_name": {"a": {"size": 2}}, "mode": "sync",
            "any": [1, -2, 0.5, null, {"x": true}],
        });
        let outer: Outer = read(value.clone()).unwrap();
        assert_eq!((outer.list[0].size, outer.by_name["a"].size), (1, 2));
        assert_eq!((outer.mode, outer.any), (Some(Mode::Sync), value["any"].clone()));
    }

    /// Value, path, message.
    const CASES: &[(&str, &str, &str)] = &[
        ("[]", "$", "invalid type: sequence, expected struct Outer"),
        ("{}", "$", "missing field `name`"),
        (r#"{"name":5}"#, "name", "invalid type: integer `5`, expected a string"),
        (r#"{"name":"","nam":1}"#, "nam", "unknown field `nam`, expected one of"),
        (
            r#"{"name":"","list":[{"size":1},{"size":-1}]}"#,
            "list[1].size",
            "invalid value: integer `-1`, expected u32",
        ),
        (r#"{"name":"","list":[[1]]}"#, "list[0]", "invalid type: sequence, expected struct Inner"),
        (r#"{"name":"","list":{"size":1}}"#, "list", "invalid type: map, expected a sequence"),
        (
            r#"{"name":"","by_name":{"a.b":{"x":1}}}"#,
            "by_name.a.b.x",
            "unknown field `x`, expected `size`",
        ),
        (r#"{"name":"","mode":"asink"}"#, "mode", "unknown variant `asink`, expected `sync`"),
        (r#"{"name":"","mode":{"sync":null}}"#, "mode", "invalid type: map, expected enum Mode"),
    ];

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        for (text, path, message) in CASES {
            let error = read::<Outer>(serde_json::from_str(text).unwrap()).unwrap_err();
            assert_eq!(error.path(), *path, "{text}");
            assert!(error.message().starts_with(message), "{text}: {}", error.message());
        }
    }
}
