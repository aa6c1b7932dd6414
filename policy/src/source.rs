//! The policy file as it is written: wire structs, and [`Document`], the parsed but not yet compiled file.
//! Nothing here judges a request; `policy.rs` compiles these structs, and only they know the file's spelling.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a file is written. JSON is read strictly (no duplicate members).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// Who waits for the sidecar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Wait for the sidecar's verdict where a route needs it.
    #[default]
    Sync,
    /// Never wait: mirror, and let the sidecar judge in shadow. Inline checks still enforce.
    Async,
}

/// What an unavailable dependency means. Says nothing about a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureMode {
    /// 503.
    #[default]
    Closed,
    /// Allow, counted as `allowed_by_failure_mode`.
    Open,
}

/// What an authenticator's refusal of a credential that it understood means for those after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnInvalid {
    /// The refusal is final.
    #[default]
    Stop,
    /// The next authenticator is tried.
    Next,
}

/// `allow: unauthenticated`, the only way to open a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Open {
    /// No credential is asked for, and none is checked.
    Unauthenticated,
}

/// What happens to the client's credential on allow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialForwarding {
    /// It is removed; the upstream never sees it.
    #[default]
    None,
    /// It goes on to the upstream as the client sent it.
    Original,
}

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Sallyport policy")]
pub(crate) struct Source {
    /// Version of this format: 1.
    pub(crate) version: u32,
    /// Whether requests wait for the sidecar.
    #[serde(default)]
    pub(crate) mode: Mode,
    /// Name of the protected service: realm of challenges, field of every mirrored record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<String>,
    /// Name of the environment, a field of every mirrored record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<String>,
    /// Longest wait for the sidecar or a provider, like `200ms` or `2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// What an unavailable dependency means, where a route does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_mode: Option<FailureMode>,
    /// Evaluate and count, never enforce, where a route does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<bool>,
    /// Whether a refused credential is final, where a route does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_invalid: Option<OnInvalid>,
    /// Who vouches for tokens, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) issuers: BTreeMap<String, IssuerSource>,
    /// Files of Role and RoleBinding documents, relative to this file. Read by the sidecar alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    /// The rules. The most specific match wins, whatever the order.
    #[serde(default)]
    pub(crate) routes: Vec<RouteSource>,
    /// What is copied to the sidecar or an exporter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mirror: Option<MirrorSource>,
}

/// One issuer: either tokens checked by signature (`issuer`, `jwks`) or tokens asked about (`introspection`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuerSource {
    /// The `iss` of its tokens, compared exactly (RFC 8414). For introspection: checked where the reply has `iss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// Where its keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jwks: Option<JwksSource>,
    /// Where its tokens are asked about (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) introspection: Option<IntrospectionSource>,
    /// Audiences of which a token must name one; empty: `aud` is not checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) audiences: Vec<String>,
    /// Signature algorithms that are accepted. Default: RS256 and ES256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) algorithms: Vec<String>,
    /// Clock difference that is forgiven, like `30s`; at most 5 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) leeway: Option<String>,
}

/// Where an issuer's keys are: `discovery: true` or `uri`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JwksSource {
    /// Read `ISSUER/.well-known/openid-configuration` and follow its `jwks_uri`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) discovery: bool,
    /// The JWK set's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri: Option<String>,
    /// Envoy cluster by which the filter reaches the issuer's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<String>,
}

/// An RFC 7662 endpoint. The filter's copy has none of these fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionSource {
    /// The endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Our client id there (HTTP Basic, RFC 6749 section 2.3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// Our client secret there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<SecretSource>,
    /// Longest reuse of an active reply, like `60s`; never beyond the token's `exp`. Default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache: Option<String>,
}

/// Where a secret is read from: exactly one of the two. A secret is never written in the policy file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSource {
    /// A file; a trailing line end is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// An environment variable of the sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSource {
    /// Its name in answers, metrics and logs: lower-case letters, digits, `-`, `_`, `.`.
    pub(crate) name: String,
    /// Which requests it judges.
    pub(crate) r#match: MatchSource,
    /// Opens the route. Excludes every requirement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow: Option<Open>,
    /// Who may vouch for the caller, tried in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) authenticate: Vec<AuthenticatorSource>,
    /// Scopes the token needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<ScopesSource>,
    /// Claims the token needs; all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<ClaimSource>,
    /// A role that must allow the request; judged by the sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rbac: Option<RbacSource>,
    /// What the upstream gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forward: Option<ForwardSource>,
    /// `async`: the sidecar's part of this route never waits and never denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
    /// What an unavailable dependency means here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_mode: Option<FailureMode>,
    /// Longest wait for the sidecar or a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<String>,
    /// Evaluate and count, never enforce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<bool>,
    /// Whether a refused credential is final here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_invalid: Option<OnInvalid>,
}

/// Which requests a rule judges.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchSource {
    /// `api.example.com` or `*.example.com`; none: every host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hosts: Vec<String>,
    /// Methods in upper case; none: every method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) methods: Vec<String>,
    /// `/healthz`, `/orders/{id}`, or `/files/{**}` for everything below `/files`.
    pub(crate) path: String,
}

/// One authenticator: exactly one of the two, naming an issuer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthenticatorSource {
    /// Verify by signature, with this issuer's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jwt: Option<String>,
    /// Ask this issuer's introspection endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) introspection: Option<String>,
    /// Whether its refusal is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_invalid: Option<OnInvalid>,
}

/// Scopes, compared exactly. Read from `scope`, `scp` and `scopes`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopesSource {
    /// Every one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) all_of: Vec<String>,
    /// At least one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) any_of: Vec<String>,
}

/// One claim's requirement.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimSource {
    /// Path of the claim: `realm_access.roles`, `resource_access."my.client".roles`.
    pub(crate) claim: String,
    /// The claim, or one element of it, equals one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) any_of: Vec<serde_json::Value>,
    /// Each of these equals the claim or an element of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) all_of: Vec<serde_json::Value>,
}

/// What is asked of the roles. Templates: `{subject}`, `{client}`, `{issuer}`, `{claims.PATH}`, `{path.NAME}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RbacSource {
    /// API of the resource.
    pub(crate) api: String,
    /// The resource.
    pub(crate) resource: String,
    /// Its namespace, a template; none: cluster-scoped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    /// The verb. Default: GET and HEAD get, POST create, PUT and PATCH update, DELETE delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verb: Option<String>,
    /// The user that bindings name, a template. Default `{subject}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
}

/// What the upstream gets on allow.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForwardSource {
    /// Header to template. The client's own copies are always removed, on every route.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// What happens to the client's credential.
    #[serde(default)]
    pub(crate) credential: CredentialForwarding,
}

/// Mirroring of traffic. Never delays and never changes a verdict.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MirrorSource {
    /// Where records go.
    pub(crate) sink: SinkSource,
    /// Which bodies are copied; without it none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bodies: Option<BodiesSource>,
    /// What is blanked besides the defaults.
    #[serde(default)]
    pub(crate) redact: RedactSource,
}

/// Where records go.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkSource {
    /// To our sidecar, which exports them.
    pub(crate) sidecar: SidecarSinkSource,
}

/// The sidecar as sink; its address is the deployment's business.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SidecarSinkSource {}

/// Which bodies are copied.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodiesSource {
    /// A longer body is not exported, and the record says so. Default 131072.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_bytes: Option<usize>,
    /// Of which content types: `json`, `x-www-form-urlencoded`.
    #[serde(default)]
    pub(crate) content_types: Vec<String>,
}

/// What is blanked before a record leaves the proxy.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactSource {
    /// Header names, besides Authorization, Cookie and their like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<String>,
    /// Member names of JSON bodies and form fields, at any depth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) json: Vec<String>,
    /// Query keys, besides `access_token` and its like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) query: Vec<String>,
}
