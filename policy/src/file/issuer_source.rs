//! `issuers.NAME` as it is written: wire structs alone. `compile/issuer.rs` compiles them, and only they know the
//! file's spelling. A secret has no field here, only the place of one has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::file::value_reader::{FromValue, ReadError};
use crate::file::wire_types::{wire_enum, wire_struct};

wire_struct! {
    /// One issuer: tokens checked by signature (`issuer` with `jwks` or `hmac`), or tokens asked about (`introspection`).
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct IssuerSource {
        /// The `iss` of its tokens, compared exactly (RFC 8414), or with `{tenantid}` in the place of Entra's tenant. For
        /// introspection: checked where the reply has `iss`.
        pub(crate) issuer: Option<String>,
        /// Tenants whose tokens are accepted, GUIDs in lower case; `["*"]`: every tenant of the provider. Needed where
        /// `issuer` holds `{tenantid}`, and only there.
        #[serde(default)]
        pub(crate) tenants: Vec<String>,
        /// Where its keys are.
        pub(crate) jwks: Option<JwksSource>,
        /// The secret that signs its tokens (HS256, HS384, HS512); judged by the sidecar alone.
        pub(crate) hmac: Option<HmacSource>,
        /// Where its tokens are asked about (RFC 7662).
        pub(crate) introspection: Option<IntrospectionSource>,
        /// Audiences of which a token must name one; empty: `aud` is not checked.
        #[serde(default)]
        pub(crate) audiences: Vec<String>,
        /// Whether a token must name one of `audiences` or all of them. Default: any.
        pub(crate) audience_match: Option<AudienceMatchSource>,
        /// Clients whose tokens are accepted, by `azp`, `client_id`, `appid` or `cid`; empty: not checked.
        #[serde(default)]
        pub(crate) clients: Vec<String>,
        /// The kind of token that is accepted. Default: access.
        pub(crate) token_type: Option<TokenTypeSource>,
        /// Longest time between `iat` and `exp`, like `1h`. Tokens then need both.
        pub(crate) max_lifetime: Option<String>,
        /// Whether a token without `exp` is refused. Default: true.
        pub(crate) require_exp: Option<bool>,
        /// Signature algorithms that are accepted. Default: RS256 and ES256; with `hmac`: HS256.
        #[serde(default)]
        pub(crate) algorithms: Vec<String>,
        /// Clock difference that is forgiven; `30s` where nothing is written, at most 5 minutes.
        pub(crate) leeway: Option<String>,
        /// Longest time that a verified token is remembered, like `10m`; never beyond its `exp`. Default: 1h; `0s`: not at all.
        pub(crate) cache: Option<String>,
    }
}

wire_enum! {
    /// How `audiences` are compared with `aud`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum AudienceMatchSource {
        /// One of them is in `aud`.
        Any = "any",
        /// All of them are in `aud`.
        All = "all",
    }
}

wire_enum! {
    /// Which tokens are accepted.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub(crate) enum TokenTypeSource {
        /// What does not say that it is an ID, refresh or logout token.
        #[default]
        Access = "access",
        /// What says that it is an access token (RFC 9068).
        AtJwt = "at+jwt",
        /// Every kind.
        Any = "any",
    }
}

wire_struct! {
    /// Where an issuer's keys are: `discovery` or `uri`.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct JwksSource {
        /// `true`: read `ISSUER/.well-known/openid-configuration` and follow its `jwks_uri`; or the address of that document.
        #[serde(default)]
        pub(crate) discovery: DiscoverySource,
        /// The JWK set's address.
        pub(crate) uri: Option<String>,
        /// Envoy cluster by which the filter reaches the host of the discovery document, or of `uri`.
        pub(crate) cluster: Option<String>,
        /// Envoy clusters of other hosts, by host as it stands in the address: `jwks_uri` may name one.
        #[serde(default)]
        pub(crate) clusters: BTreeMap<String, String>,
        /// How long keys are fresh, like `10m`; 1s to 24h. Default: what the provider's Cache-Control says, 1 minute to 1 hour.
        pub(crate) refresh: Option<String>,
        /// How old keys may become while newer ones cannot be fetched, like `1h`; at most 7d.
        pub(crate) max_stale: Option<String>,
        /// Shortest time between two fetches because of a key that is not known, like `30s`; 1s to 10m.
        pub(crate) cool_down: Option<String>,
    }
}

/// `discovery`: a yes, or an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum DiscoverySource {
    #[default]
    Off,
    /// Below the issuer's address.
    OfIssuer,
    /// At this address.
    At(String),
}

impl DiscoverySource {
    /// Whether the issuer's own address leads to the document.
    pub(crate) fn is_below_issuer(&self) -> bool {
        *self == Self::OfIssuer
    }
}

impl FromValue for DiscoverySource {
    fn from_value(value: &Value) -> Result<Self, ReadError> {
        match value {
            Value::Bool(true) => Ok(Self::OfIssuer),
            Value::Bool(false) => Ok(Self::Off),
            Value::String(address) => Ok(Self::At(address.clone())),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(ReadError::unexpected(value, "true, or the address of the discovery document"))
            }
        }
    }
}

impl JsonSchema for DiscoverySource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DiscoverySource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"] })
    }
}

wire_struct! {
    /// A shared secret. The filter's copy has none of these fields.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct HmacSource {
        /// Where it is: at least 32 bytes for HS256, 48 for HS384, 64 for HS512 (RFC 7518 section 3.2).
        pub(crate) secret: Option<SecretSource>,
        /// How the secret is written there. Default: utf8.
        #[serde(default)]
        pub(crate) encoding: SecretEncoding,
    }
}

wire_enum! {
    /// How a shared secret is written.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, JsonSchema)]
    pub enum SecretEncoding {
        /// Its bytes are the secret.
        #[default]
        Utf8 = "utf8",
        /// RFC 4648 section 4.
        Base64 = "base64",
        /// RFC 4648 section 5.
        Base64url = "base64url",
    }
}

wire_struct! {
    /// An RFC 7662 endpoint. The filter's copy has none of these fields.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct IntrospectionSource {
        /// The endpoint.
        pub(crate) url: Option<String>,
        /// Our client id there (HTTP Basic, RFC 6749 section 2.3.1).
        pub(crate) client_id: Option<String>,
        /// Our client secret there.
        pub(crate) client_secret: Option<SecretSource>,
        /// Longest reuse of an active reply, like `60s`; at most 24h, never beyond the token's `exp`. Default 60s.
        pub(crate) cache: Option<String>,
    }
}

wire_struct! {
    /// Where a secret is read from: exactly one of the two. A secret is never written in the policy file.
    #[derive(Debug, Clone, PartialEq, Eq, Hash, JsonSchema)]
    pub struct SecretSource {
        /// A file; a trailing line end is dropped.
        pub file: Option<String>,
        /// An environment variable of the sidecar.
        pub env: Option<String>,
    }
}
