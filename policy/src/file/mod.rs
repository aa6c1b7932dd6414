//! The policy file as it is written: its wire structs, how they are read, and what is wrong with them.
//! Nothing here judges a request, and nothing outside knows the file's spelling; `compile/` makes a policy of it.

pub(crate) mod answer_source;
pub(crate) mod credential_source;
pub(crate) mod digest;
pub(crate) mod document;
pub(crate) mod filter_copy;
pub(crate) mod issuer_source;
#[cfg(feature = "lint")]
mod json_place;
pub(crate) mod part;
pub(crate) mod plugin;
pub(crate) mod problem;
pub(crate) mod require_source;
pub(crate) mod role_source;
pub(crate) mod scalar;
pub(crate) mod schema;
pub(crate) mod settings;
pub(crate) mod shape;
pub(crate) mod source;
pub(crate) mod value_reader;
pub(crate) mod variables;
pub(crate) mod wire_types;
