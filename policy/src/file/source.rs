//! The policy file as it is written: wire structs, and [`Document`], the parsed but not yet compiled file.
//! Issuers, requirements, answers and credentials have files of their own, `*_source.rs`. Nothing here judges a request;
//! `compile/` compiles these structs, and only they know the file's spelling.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use crate::file::answer_source::{CorsSource, OnDenySource};
use crate::file::credential_source::CredentialSource;
use crate::file::issuer_source::IssuerSource;
use crate::file::require_source::{
    Authorization, ClaimSource, NamespaceNone, RbacSource, ScopesSource,
};
use crate::file::role_source::RoleDocument;
use crate::file::settings::{Level, Setting, innermost, with_settings};
use crate::file::wire_types::{wire_enum, wire_struct};
use crate::request::certificate::CertificateSubject;

/// How a file is written. JSON is read strictly (no duplicate members).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.2.
    Yaml,
}

wire_enum! {
    /// Who waits for the sidecar.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub enum Mode {
        /// Wait for the sidecar's verdict where a route needs it.
        #[default]
        Sync = "sync",
        /// Never wait: mirror, and let the sidecar judge in shadow. Inline checks still enforce.
        Async = "async",
    }
}

wire_enum! {
    /// What an unavailable dependency means. Says nothing about a refusal.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub enum FailureMode {
        /// 503.
        #[default]
        Closed = "closed",
        /// Allow, counted as `allowed_by_failure_mode`.
        Open = "open",
    }
}

wire_enum! {
    /// What an authenticator's refusal of a credential that it understood means for those after it.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub(crate) enum OnInvalid {
        /// The refusal is final.
        #[default]
        Stop = "stop",
        /// The next authenticator is tried.
        Next = "next",
    }
}

wire_enum! {
    /// A route that asks for nothing: it is open, or shut.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum Allow {
        /// Everybody: no credential is asked for, and none is checked. The only way to open a route.
        Unauthenticated = "unauthenticated",
        /// Nobody: 403 `denied_by_rule`, and no credential is read.
        Nobody = "nobody",
    }
}

wire_enum! {
    /// What an escaped slash (`%2F`) in a path means.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub(crate) enum EncodedSlashes {
        /// 400 `request_malformed`.
        #[default]
        Refuse = "refuse",
        /// A part of its segment, where the path with a plain slash in its place leads to the same route.
        Allow = "allow",
    }
}

with_settings! {
    // May stand in the file, under `hosts.NAME` and in a route. The innermost word wins, whole.
    {
        /// Whether requests wait for the sidecar. `async`: its part of a route never waits and never denies.
        mode: Mode,
        /// Longest wait for the sidecar or a provider, like `2s`; `200ms` where nothing is written.
        timeout: String,
        /// What an unavailable dependency means.
        failure_mode: FailureMode,
        /// Evaluate and count, never enforce.
        shadow: bool,
        /// Whether a refused credential is final, where an authenticator does not say.
        on_invalid: OnInvalid,
        /// Who may vouch for the caller, tried in order.
        authenticate: Vec<AuthenticatorSource>,
        /// Scopes the token needs.
        scopes: ScopesSource,
        /// Claims the token needs; all of them.
        claims: Vec<ClaimSource>,
        /// Whether roles are asked, where a route has `rbac`.
        authorization: Authorization,
        /// What the upstream gets.
        forward: ForwardSource,
        /// Who may ask across origins; none: the gate has no part in it.
        cors: CorsSource,
        /// How denials look. The file's also holds for those that no route makes.
        on_deny: OnDenySource,
    }

    /// The whole file.
    #[schemars(title = "Sallyport policy")]
    struct Source {
        /// Version of this format: 1.
        pub(crate) version: u32,
        /// Name of the protected service: realm of challenges, field of every mirrored record.
        pub(crate) service: Option<String>,
        /// Name of the environment, a field of every mirrored record.
        pub(crate) environment: Option<String>,
        /// Who vouches for tokens, by name.
        #[serde(default)]
        pub(crate) issuers: BTreeMap<String, IssuerSource>,
        /// Files of Role and RoleBinding documents, relative to this file. Read by the sidecar alone.
        pub(crate) roles: Option<Vec<String>>,
        /// Role and RoleBinding documents. Where there are no role files, the filter decides by them.
        #[serde(default)]
        pub(crate) role_documents: Vec<RoleDocument>,
        /// What a request without a namespace needs of a role.
        pub(crate) namespace_none: Option<NamespaceNone>,
        /// Files with more of `issuers`, `hosts`, `routes`, `roles` and `role_documents`, relative to this one. The last
        /// part of a name may hold `*`.
        #[serde(default)]
        pub(crate) include: Vec<String>,
        /// Settings of all routes that name a host, by the host as routes spell it.
        #[serde(default)]
        pub(crate) hosts: BTreeMap<String, HostSource>,
        /// The rules. The most specific match wins, whatever the order.
        #[serde(default)]
        pub(crate) routes: RouteSources,
        /// What is copied to the sidecar or an exporter.
        pub(crate) mirror: Option<MirrorSource>,
    }

    /// Settings of one host's routes. What a route says itself comes before them, what the file says after them.
    struct HostSource {}

    /// One rule.
    struct RouteSource {
        /// Its name in answers, metrics and logs: 1 to 63 letters, digits, `-`, `_`, `.`, and like no other route's.
        pub(crate) name: String,
        /// Which requests it judges.
        pub(crate) r#match: MatchSource,
        /// Opens the route, or shuts it. Excludes every requirement.
        pub(crate) allow: Option<Allow>,
        /// A role that must allow the request.
        pub(crate) rbac: Option<RbacSource>,
    }
}

/// The rules of a file, each in a box: the filter gives it back as soon as it is compiled.
pub(crate) type RouteSources = Vec<Box<RouteSource>>;

wire_struct! {
    /// Which requests a rule judges.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct MatchSource {
        /// `api.example.com` or `*.example.com`; none: every host.
        pub(crate) hosts: Option<Vec<String>>,
        /// Methods in upper case; none: every method.
        pub(crate) methods: Option<Vec<String>>,
        /// `/healthz`, `/orders/{id}`, or `/files/{**}` for everything below `/files`. Or instead of it `regex` or `glob`.
        pub(crate) path: Option<String>,
        /// Regular expression of whole paths as they are sent; named groups are variables. Asked after all `path`s of the host.
        pub(crate) regex: Option<String>,
        /// `*` and `?` stop at `/` and `.`, `**` does not; `[a-z]`, `[!a]`, `{a,b}`. Asked like `regex`.
        pub(crate) glob: Option<String>,
        /// What `%2F` in the path means.
        #[serde(default)]
        pub(crate) encoded_slashes: EncodedSlashes,
    }
}

impl MatchSource {
    /// None: every host.
    pub(crate) fn hosts(&self) -> &[String] {
        self.hosts.as_deref().unwrap_or_default()
    }

    /// None: every method.
    pub(crate) fn methods(&self) -> &[String] {
        self.methods.as_deref().unwrap_or_default()
    }
}

wire_struct! {
    /// One authenticator: exactly one of `jwt`, `introspection`, `client_certificate` and `anonymous`.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct AuthenticatorSource {
        /// Verify by signature, with this issuer's keys.
        pub(crate) jwt: Option<String>,
        /// Ask this issuer's introspection endpoint.
        pub(crate) introspection: Option<String>,
        /// Take a name from the certificate that the client showed to the TLS listener.
        pub(crate) client_certificate: Option<ClientCertificateSource>,
        /// Let whoever shows no credential be somebody. The last of the list.
        pub(crate) anonymous: Option<AnonymousSource>,
        /// Where the token stands; none: `Authorization: Bearer`.
        pub(crate) from: Option<PlaceSource>,
        /// Whether its refusal is final.
        pub(crate) on_invalid: Option<OnInvalid>,
    }
}

wire_struct! {
    /// A caller with a certificate, which the listener has verified.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct ClientCertificateSource {
        /// Which of its names is the subject.
        pub(crate) subject: CertificateSubject,
    }
}

wire_struct! {
    /// A caller without a credential.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct AnonymousSource {
        /// Its subject; none: `anonymous`.
        pub(crate) subject: Option<String>,
    }
}

wire_struct! {
    /// Where a token stands: exactly one of the four.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct PlaceSource {
        /// In the Authorization header.
        pub(crate) authorization: Option<AuthorizationScheme>,
        /// In a header of its own, by name.
        pub(crate) header: Option<String>,
        /// What stands before the token in that header, like `Token `; compared without case.
        pub(crate) prefix: Option<String>,
        /// In the query, by key.
        pub(crate) query: Option<String>,
        /// In a cookie, by name.
        pub(crate) cookie: Option<String>,
    }
}

wire_enum! {
    /// How a token stands in the Authorization header.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum AuthorizationScheme {
        /// `Bearer TOKEN`.
        Bearer = "bearer",
        /// The token alone.
        Raw = "raw",
    }
}

wire_struct! {
    /// What the upstream gets on allow.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct ForwardSource {
        /// Header to template. The client's own copies are always removed, on every route.
        #[serde(default)]
        pub(crate) headers: BTreeMap<String, String>,
        /// Header to template, added after what the client sent. Not from the identity.
        #[serde(default)]
        pub(crate) append_headers: BTreeMap<String, String>,
        /// Headers of the client that end here.
        #[serde(default)]
        pub(crate) remove_headers: Vec<String>,
        /// Cookie to template. The client's own of these names are removed on every route.
        #[serde(default)]
        pub(crate) cookies: BTreeMap<String, String>,
        /// Cookies of the client that end here.
        #[serde(default)]
        pub(crate) remove_cookies: Vec<String>,
        /// Query key to template. The client's own are removed here.
        #[serde(default)]
        pub(crate) query: BTreeMap<String, String>,
        /// Query keys of the client that end here.
        #[serde(default)]
        pub(crate) remove_query: Vec<String>,
        /// The path, a template; the query stays.
        pub(crate) path: Option<String>,
        /// What happens to the client's credential.
        #[serde(default)]
        pub(crate) credential: CredentialSource,
    }
}

wire_struct! {
    /// Mirroring of traffic. Never delays and never changes a verdict.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct MirrorSource {
        /// Where records go.
        #[expect(dead_code, reason = "there is one sink yet; the file must name it")]
        pub(crate) sink: SinkSource,
        /// Which bodies are copied; without it none are.
        pub(crate) bodies: Option<BodiesSource>,
        /// What is blanked besides the defaults.
        #[serde(default)]
        pub(crate) redact: RedactSource,
    }
}

wire_struct! {
    /// Where records go.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct SinkSource {
        /// To our sidecar, which exports them.
        #[expect(dead_code, reason = "there is one sink yet; the file must name it")]
        pub(crate) sidecar: SidecarSinkSource,
    }
}

wire_struct! {
    /// The sidecar as sink; its address is the deployment's business.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct SidecarSinkSource {}
}

wire_struct! {
    /// Which bodies are copied.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct BodiesSource {
        /// A longer body is not exported, and the record says so. Default 131072.
        pub(crate) max_bytes: Option<usize>,
        /// Of which content types: `json`, `x-www-form-urlencoded`.
        #[serde(default)]
        pub(crate) content_types: Vec<String>,
    }
}

wire_struct! {
    /// What is blanked before a record leaves the proxy.
    #[derive(Debug, Clone, Default, JsonSchema)]
    pub(crate) struct RedactSource {
        /// Header names, besides Authorization, Cookie and their like.
        #[serde(default)]
        pub(crate) headers: Vec<String>,
        /// Member names of JSON bodies and form fields, at any depth.
        #[serde(default)]
        pub(crate) json: Vec<String>,
        /// Query keys, besides `access_token` and its like.
        #[serde(default)]
        pub(crate) query: Vec<String>,
    }
}
