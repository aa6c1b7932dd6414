//! What becomes of the client's credential, as written in the policy file: `forward.credential`. Compiled by
//! `compile/credential.rs`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::file::issuer_source::SecretSource;

/// What happens to the client's credential on allow. Instead of it, the upstream may get one of the gate's own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
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

/// A user of the upstream. The filter's copy has none of these fields; all others need both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicSource {
    /// Without a colon.
    pub(crate) username: Option<String>,
    /// Where the password is.
    pub(crate) password: Option<SecretSource>,
}

/// A token for the upstream. The filter's copy has none of these fields.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BearerSource {
    /// Where the token is.
    pub(crate) token: Option<SecretSource>,
}

/// A header that the upstream takes for a credential.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretHeaderSource {
    /// Its name, like `x-api-key`.
    pub(crate) name: String,
    /// Where its value is. Not in the filter's copy.
    pub(crate) value: Option<SecretSource>,
}
