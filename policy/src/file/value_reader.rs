//! A JSON value into a wire struct, with the path of what is wrong in it. `serde_path_to_error` does the same by
//! wrapping another deserializer, and each wrapped type is compiled twice: 110 KB of the filter's wasm. This one reads
//! the value itself and adds to the path while an error passes by. It is stricter in one thing, an array is no struct, and
//! kinder in another: a member of a struct that is null is absent, whatever its type.
//! It stops at the first thing that is wrong; `shape.rs` goes on from there, and puts it into words.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_json::{Map, Number, Value, map};

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
    /// Another kind of value than this one, which was expected. A text that was found may be a secret.
    Unexpected { found: Box<str>, text: bool, expected: Box<str> },
    /// In the words of whoever refused it.
    Other(Box<str>),
}

/// A step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Member(String),
    Element(usize),
}

/// Reads a value.
///
/// # Errors
/// The first thing that does not fit the type.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ReadError> {
    T::deserialize(Reader(value))
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
    fn of(kind: Kind) -> Self {
        Self(Box::new(Wrong { kind, path: Vec::new() }))
    }

    /// The same, seen from what the value is a part of.
    #[cold]
    pub(crate) fn within(mut self, part: Part) -> Self {
        self.0.path.push(part);
        self
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.kind)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::of(Kind::Other(message.to_string().into()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string().into();
        Self::of(if let Unexpected::Str(found) = found {
            Kind::Unexpected { found: found.into(), text: true, expected }
        } else {
            let found =
                if found == Unexpected::Unit { "null".to_owned() } else { found.to_string() };
            Kind::Unexpected { found: found.into(), text: false, expected }
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::of(Kind::UnknownWord(found.into(), expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::of(Kind::UnknownField(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Kind::MissingField(field))
    }
}

#[derive(Clone, Copy)]
struct Reader<'v>(&'v Value);

impl Reader<'_> {
    /// Not generic, as little here is: what is, is compiled for each type of the policy file.
    fn unexpected(&self, expected: &dyn Expected) -> ReadError {
        let found = match self.0 {
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

impl Reader<'_> {
    #[cold]
    fn no_word(&self, words: &[&str]) -> ReadError {
        let expected = format!("exactly one of `{}`", words.join("`, `"));
        self.unexpected(&expected.as_str())
    }
}

/// Methods that take one kind of value each.
macro_rules! one_kind {
    ($($method:ident($kind:ident($value:ident)) => $visit:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            if let Value::$kind($value) = self.0 {
                let visit: fn(V, &_) -> Result<V::Value, ReadError> = $visit;
                return visit(visitor, $value);
            }
            Err(self.unexpected(&visitor))
        })*
    };
}

fn number<'de, V: Visitor<'de>>(visitor: V, number: &Number) -> Result<V::Value, ReadError> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(value), _, _) => visitor.visit_u64(value),
        (None, Some(value), _) => visitor.visit_i64(value),
        (None, None, Some(value)) => visitor.visit_f64(value),
        (None, None, None) => Err(de::Error::custom("a number that cannot be held")),
    }
}

fn items<'de, V: Visitor<'de>>(visitor: V, items: &[Value]) -> Result<V::Value, ReadError> {
    visitor.visit_seq(Items { all: items, next: 0 })
}

fn members<'de, V: Visitor<'de>>(
    visitor: V,
    members: &Map<String, Value>,
    fields: &'static [&'static str],
) -> Result<V::Value, ReadError> {
    visitor.visit_map(Members { rest: members.iter(), value: None, fields })
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => number(visitor, value),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(value) => items(visitor, value),
            Value::Object(value) => members(visitor, value, &[]),
        }
    }

    one_kind! {
        deserialize_bool(Bool(value)) => |visitor, value| visitor.visit_bool(*value);
        deserialize_string(String(text)) => |visitor, text: &String| visitor.visit_str(text);
        deserialize_str(String(text)) => |visitor, text: &String| visitor.visit_str(text);
        deserialize_identifier(String(text)) => |visitor, text: &String| visitor.visit_str(text);
        deserialize_u32(Number(value)) => number;
        deserialize_u64(Number(value)) => number;
        deserialize_i64(Number(value)) => number;
        deserialize_f64(Number(value)) => number;
        deserialize_seq(Array(value)) => |visitor, value: &Vec<Value>| items(visitor, value);
        deserialize_map(Object(value)) => |visitor, value: &Map<String, Value>| members(visitor, value, &[]);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.0 {
            Value::Object(value) => members(visitor, value, fields),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(self.unexpected(&visitor)),
        }
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
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let object = self.0.as_object().filter(|object| object.len() == 1);
        let word = match (self.0.as_str(), object.and_then(|object| object.iter().next())) {
            (Some(name), _) => Some(Word { name, value: None }),
            (None, Some((name, value))) => Some(Word { name, value: Some(value) }),
            (None, None) => None,
        };
        match word {
            Some(word) => visitor.visit_enum(word),
            None => Err(self.no_word(words)),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

struct Items<'v> {
    all: &'v [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let index = self.next;
        let Some(value) = self.all.get(index) else { return Ok(None) };
        self.next = index.saturating_add(1);
        seed.deserialize(Reader(value))
            .map(Some)
            .map_err(|error| error.within(Part::Element(index)))
    }

    /// So that lists take no more memory than they need.
    fn size_hint(&self) -> Option<usize> {
        self.all.len().checked_sub(self.next)
    }
}

struct Members<'v> {
    rest: map::Iter<'v>,
    value: Option<(&'v String, &'v Value)>,
    /// Of a struct: null is absent. Not of a mapping, whose names are the operator's.
    fields: &'static [&'static str],
}

impl<'v> Members<'v> {
    fn next(&mut self) -> Option<(&'v String, &'v Value)> {
        let fields = self.fields;
        self.rest.find(|(name, value)| !value.is_null() || !fields.contains(&name.as_str()))
    }
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((name, value)) = self.next() else { return Ok(None) };
        let key = seed
            .deserialize(StrDeserializer::new(name))
            .map_err(|error: ReadError| error.within(Part::Member(name.clone())))?;
        self.value = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((name, value)) = self.value.take() else {
            return Err(de::Error::custom("a value without its name"));
        };
        seed.deserialize(Reader(value)).map_err(|error| error.within(Part::Member(name.clone())))
    }
}

/// A variant of an enum: a word, or a mapping with one member, which is the variant's value.
struct Word<'v> {
    name: &'v str,
    value: Option<&'v Value>,
}

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let variant = seed.deserialize(StrDeserializer::<ReadError>::new(self.name))?;
        Ok((variant, self))
    }
}

impl Word<'_> {
    fn without_value(&self) -> ReadError {
        de::Error::custom(format!("`{}` needs a value", self.name))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.value {
            None => Ok(()),
            Some(_) => Err(de::Error::custom(format!("`{}` takes no value", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        let Some(value) = self.value else { return Err(self.without_value()) };
        seed.deserialize(Reader(value))
            .map_err(|error| error.within(Part::Member(self.name.to_owned())))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ReadError> {
        Err(self.without_value())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ReadError> {
        Err(self.without_value())
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
    fn null_is_absent_in_a_struct_alone() {
        let value =
            json!({ "name": "n", "list": null, "by_name": null, "mode": null, "any": null });
        let outer: Outer = read(&value).unwrap();
        assert_eq!((outer.list, outer.by_name.len(), outer.mode), (Vec::new(), 0, None));
        for value in [
            json!({ "name": null }),
            json!({ "name": "n", "other": null }),
            json!({ "name": "n", "list": [null] }),
            json!({ "name": "n", "by_name": { "a": null } }),
        ] {
            assert!(read::<Outer>(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn what_fits_is_read() {
        let value = json!({
            "name": "n", "list": [{"size": 1}], "by_name": {"a": {"size": 2}}, "mode": "sync",
            "any": [1, -2, 0.5, null, {"x": true}],
        });
        let outer: Outer = read(&value).unwrap();
        assert_eq!((outer.list[0].size, outer.by_name["a"].size), (1, 2));
        assert_eq!((outer.mode, outer.any), (Some(Mode::Sync), value["any"].clone()));
    }

    #[test]
    fn a_value_of_another_shape_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"name":5}"#,
            r#"{"name":"","nam":1}"#,
            r#"{"name":"","mode":{"sync":null}}"#,
        ] {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert!(read::<Outer>(&value).is_err(), "{text}");
        }
    }
}
