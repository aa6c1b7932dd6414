//! What becomes of the client's credential, as written in the policy file: `forward.credential`. Compiled by
//! `compile/credential.rs`.

use schemars::JsonSchema;
use serde_json::Value;

use crate::file::issuer_source::SecretSource;
use crate::file::value_reader::{FromValue, ReadError, member, variant};
use crate::file::wire_types::wire_struct;

/// What happens to the client's credential on allow. Instead of it, the upstream may get one of the gate's own.
#[derive(Debug, Clone, Default, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CredentialSource {
    /// It is removed; the upstream never sees it.
    #[default]
    None,
    /// It goes on to the upstream as the client sent it.
    Original,
    /// `Authorization: Basic` (RFC 7617) with a password of our own.
    Basic(BasicSource),
    /// `Authorization: Bearer` (RFC 6750) with a token of our own.
    Bearer(BearerSource),
    /// Any header with a secret of our own.
    Header(SecretHeaderSource),
}

impl FromValue for CredentialSource {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        const WORDS: &[&str] = &["none", "original", "basic", "bearer", "header"];
        match variant(value, WORDS)? {
            ("none", None) => Ok(Self::None),
            ("original", None) => Ok(Self::Original),
            ("basic", Some(basic)) => member("basic", basic).map(Self::Basic),
            ("bearer", Some(bearer)) => member("bearer", bearer).map(Self::Bearer),
            ("header", Some(header)) => member("header", header).map(Self::Header),
            (word, Some(_)) => Err(ReadError::takes_no_value(word)),
            (word, None) => Err(ReadError::needs_a_value(word)),
        }
    }
}

wire_struct! {
    /// A user of the upstream. The filter's copy has none of these fields; all others need both.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct BasicSource {
        /// Without a colon.
        pub(crate) username: Option<String>,
        /// Where the password is.
        pub(crate) password: Option<SecretSource>,
    }
}

wire_struct! {
    /// A token for the upstream. The filter's copy has none of these fields.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct BearerSource {
        /// Where the token is.
        pub(crate) token: Option<SecretSource>,
    }
}

wire_struct! {
    /// A header that the upstream takes for a credential.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct SecretHeaderSource {
        /// Its name, like `x-api-key`.
        pub(crate) name: String,
        /// Where its value is. Not in the filter's copy.
        pub(crate) value: Option<SecretSource>,
    }
}
