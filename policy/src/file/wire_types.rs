//! The structs and enums of the policy file, each from one list: `wire_struct` and `wire_enum` write the type, its reader
//! and what its schema is made of. Attributes are spelled as serde's, because `schemars` reads those.

/// A struct that is read from a mapping with its fields and nothing else. A field must be there, unless it is an `Option`
/// or has `#[serde(default)]`: then what is absent is the type's default.
macro_rules! wire_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])* $(#[serde($default:ident)])? $(#[expect $why:tt])?
            $field_vis:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[serde(deny_unknown_fields)]
        $vis struct $name {
            $($(#[doc = $doc])* $(#[serde($default)])? $(#[expect $why])? $field_vis $field: $type,)*
        }

        impl $crate::file::value_reader::FromValue for $name {
            fn from_value(
                value: &serde_json::Value,
            ) -> Result<Self, $crate::file::value_reader::ReadError> {
                const NAMES: &[&str] = &[$($crate::file::wire_types::plain(stringify!($field)),)*];
                let _fields = $crate::file::value_reader::Fields::of(value, NAMES)?;
                Ok(Self {
                    $($field: wire_struct!(@read _fields $field $($default)?),)*
                })
            }
        }
    };
    (@read $fields:ident $field:ident default) => {
        $fields.read_or_default(const { $crate::file::wire_types::plain(stringify!($field)) })?
    };
    (@read $fields:ident $field:ident) => {
        $fields.read(const { $crate::file::wire_types::plain(stringify!($field)) })?
    };
}
pub(crate) use wire_struct;

/// An enum of words.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$attribute:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$attribute])* #[serde(rename = $word)] $variant,)*
        }

        impl $crate::file::value_reader::FromValue for $name {
            fn from_value(
                value: &serde_json::Value,
            ) -> Result<Self, $crate::file::value_reader::ReadError> {
                const WORDS: &[&str] = &[$($word,)*];
                $crate::file::value_reader::word(value, WORDS, &[$(Self::$variant,)*])
            }
        }
    };
}
pub(crate) use wire_enum;

/// A field's name as it is written: `match`, not `r#match`.
pub(crate) const fn plain(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}
