//! Issuers, compiled: what their tokens must satisfy, and where their keys or answers come from.
//! Fetching is the adapters' business; this module only says what to fetch.

use std::collections::BTreeMap;
use std::sync::Arc;

use sallyport_jwt::{Claims, IssuerRule, TokenRules, UnixTime};

use crate::answer::reason::Reason;
use crate::file::issuer_source::{SecretEncoding, SecretSource};
use crate::file::scalar::authority;
use crate::identity::key_times::KeyTimes;

/// Index of an issuer in its policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssuerId(pub(crate) u32);

impl IssuerId {
    /// The index, for adapters that keep state beside the policy.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// One issuer.
#[derive(Debug, Clone)]
pub struct Issuer {
    pub(crate) id: IssuerId,
    pub(crate) name: Arc<str>,
    pub(crate) kind: IssuerKind,
}

/// How an issuer's tokens are judged.
#[derive(Debug, Clone)]
pub enum IssuerKind {
    /// By signature.
    Jwt(JwtIssuer),
    /// By a shared secret, in the sidecar alone.
    Hmac(HmacIssuer),
    /// By asking (RFC 7662).
    Introspection(IntrospectionIssuer),
}

/// An issuer of JWTs.
#[derive(Debug, Clone)]
pub struct JwtIssuer {
    /// What its tokens must satisfy.
    pub rules: TokenRules,
    /// Where its keys are.
    pub keys: KeyLocation,
    /// Envoy cluster by which the filter reaches the host of `keys`. Of any host: [`JwtIssuer::cluster_for`].
    pub cluster: Option<String>,
    /// Envoy clusters by host, as it stands in an address; lower case.
    pub clusters: BTreeMap<String, String>,
    /// How long its keys live.
    pub times: KeyTimes,
    /// Longest time that a verified token is remembered, in seconds; 0: not at all.
    pub cache_seconds: u32,
}

impl JwtIssuer {
    /// The Envoy cluster by which the filter reaches a host (with the port, as both stand in the address that is
    /// fetched): the host's own line in `clusters`, or `cluster`, which serves the host of the configured address alone.
    /// None: keys from there must not be fetched.
    #[must_use]
    pub fn cluster_for(&self, host: &str) -> Option<&str> {
        let own = self.clusters.iter().find(|(name, _)| name.eq_ignore_ascii_case(host));
        let configured = || self.keys.host().eq_ignore_ascii_case(host).then_some(&self.cluster);
        own.map(|(_, cluster)| cluster.as_str()).or_else(|| configured()?.as_deref())
    }
}

/// An issuer that signs with a secret which it shares with us.
#[derive(Debug, Clone)]
pub struct HmacIssuer {
    /// What its tokens must satisfy.
    pub rules: TokenRules,
    /// Where the secret is; none in the filter's copy.
    pub secret: Option<SecretSource>,
    /// How it is written there.
    pub encoding: SecretEncoding,
    /// Longest time that a verified token is remembered, in seconds; 0: not at all.
    pub cache_seconds: u32,
}

/// Where keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// Named by the discovery document at this address.
    Discovery(String),
    /// At this address.
    Uri(String),
}

impl KeyLocation {
    /// Host and port of the address, as they stand there.
    #[must_use]
    pub fn host(&self) -> &str {
        match self {
            Self::Discovery(url) | Self::Uri(url) => authority(url),
        }
    }
}

/// An issuer that is asked.
#[derive(Debug, Clone)]
pub struct IntrospectionIssuer {
    /// How to ask; none in the filter's copy.
    pub endpoint: Option<IntrospectionEndpoint>,
    /// What its replies must satisfy.
    pub rules: IntrospectionRules,
    /// Longest reuse of an active reply, in seconds.
    pub cache_seconds: u64,
}

/// An RFC 7662 endpoint and our credentials there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IntrospectionEndpoint {
    /// Its address, without user information.
    pub url: String,
    /// Our client id.
    pub client_id: String,
    /// Where our client secret is.
    pub client_secret: SecretSource,
}

/// What an active introspection reply must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntrospectionRules {
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: i64,
}

/// The issuer with this name. Those of a policy are sorted by it: `issuers` is a map of the file.
pub(crate) fn named<'i>(issuers: &'i [Issuer], name: &str) -> Option<&'i Issuer> {
    let at = issuers.binary_search_by(|issuer| (*issuer.name).cmp(name)).ok()?;
    issuers.get(at)
}

impl Issuer {
    /// Its index.
    #[must_use]
    pub fn id(&self) -> IssuerId {
        self.id
    }

    /// Its name in the policy.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How its tokens are judged.
    #[must_use]
    pub fn kind(&self) -> &IssuerKind {
        &self.kind
    }

    /// Clock difference that is forgiven, in seconds.
    #[must_use]
    pub fn leeway(&self) -> i64 {
        match &self.kind {
            IssuerKind::Jwt(JwtIssuer { rules, .. })
            | IssuerKind::Hmac(HmacIssuer { rules, .. }) => i64::from(rules.leeway),
            IssuerKind::Introspection(introspection) => introspection.rules.leeway,
        }
    }

    /// The `iss` of its tokens, where they are JWTs that we verify.
    pub(crate) fn issuer_rule(&self) -> Option<&IssuerRule> {
        match &self.kind {
            IssuerKind::Jwt(JwtIssuer { rules, .. })
            | IssuerKind::Hmac(HmacIssuer { rules, .. }) => Some(&rules.issuer),
            IssuerKind::Introspection(_) => None,
        }
    }

    /// Longest time that a verified token is remembered, in seconds.
    pub(crate) fn cache_seconds(&self) -> i64 {
        match &self.kind {
            IssuerKind::Jwt(JwtIssuer { cache_seconds, .. })
            | IssuerKind::Hmac(HmacIssuer { cache_seconds, .. }) => i64::from(*cache_seconds),
            IssuerKind::Introspection(_) => 0,
        }
    }
}

impl IntrospectionRules {
    /// Checks the members of an active reply; gives `nbf` and `exp`.
    pub(crate) fn check(
        &self,
        claims: &Claims,
        now: UnixTime,
    ) -> Result<(Option<UnixTime>, Option<UnixTime>), Reason> {
        if !access_token(claims) {
            return Err(Reason::TokenTypeMismatch);
        }
        if bound(claims) {
            return Err(Reason::BindingMismatch);
        }
        // What is issued in the future is not valid before, as with tokens checked by signature.
        let not_before = time(claims, "nbf").max(time(claims, "iat"));
        let expires = time(claims, "exp");
        if expires.is_some_and(|end| now.0 >= end.0.saturating_add(self.leeway)) {
            return Err(Reason::TokenExpired);
        }
        if not_before.is_some_and(|start| now.0.saturating_add(self.leeway) < start.0) {
            return Err(Reason::TokenNotYetValid);
        }
        if let (Some(expected), Some(actual)) = (&self.issuer, claims.as_object().get("iss"))
            && actual.as_str() != Some(expected)
        {
            return Err(Reason::IssuerUnknown);
        }
        if !self.audiences.is_empty() {
            let named =
                claims.as_object().get("aud").map(sallyport_jwt::strings).unwrap_or_default();
            if !named.iter().any(|audience| self.audiences.iter().any(|ours| ours == audience)) {
                return Err(Reason::AudienceMismatch);
            }
        }
        Ok((not_before, expires))
    }
}

/// RFC 7662 has no member for the kind of a token: Hydra and Cognito write `token_use`, Keycloak `typ`, and
/// `token_type` may hold the introspected kind (`refresh_token`) or the scheme (`Bearer`, `DPoP`).
fn access_token(claims: &Claims) -> bool {
    let member = |name: &str| claims.member(name).map(|value| value.as_str().unwrap_or("?"));
    let usage =
        member("token_use").is_none_or(|usage| matches!(usage, "access_token" | "access" | ""));
    let typ = member("typ").is_none_or(|typ| {
        ["bearer", "at+jwt", "jwt", "dpop"].iter().any(|known| typ.eq_ignore_ascii_case(known))
    });
    let kind = member("token_type").is_none_or(|kind| {
        !["refresh_token", "refresh", "id_token"]
            .iter()
            .any(|other| kind.eq_ignore_ascii_case(other))
    });
    usage && typ && kind && claims.member("at_hash").is_none()
}

/// A token that its holder must prove to hold, which nobody here can check: RFC 8705 section 3, RFC 9449 section 6.
fn bound(claims: &Claims) -> bool {
    claims.member("cnf").is_some()
        || claims.str("token_type").is_some_and(|scheme| scheme.eq_ignore_ascii_case("dpop"))
}

/// Whether the members that are read have the types of RFC 7662 section 2.2. One that has not makes the reply junk: the
/// provider is broken, and the token is not judged by it.
pub(crate) fn well_formed(claims: &Claims) -> bool {
    use serde_json::Value;
    let time = |name| match claims.member(name) {
        None | Some(Value::Null) => true,
        Some(value) => UnixTime::from_numeric_date(value).is_some(),
    };
    let text = |name| claims.member(name).is_none_or(|value| value.is_string() || value.is_null());
    let audience = match claims.member("aud") {
        None | Some(Value::Null | Value::String(_)) => true,
        Some(Value::Array(items)) => items.iter().all(Value::is_string),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
    };
    ["exp", "nbf", "iat"].into_iter().all(time)
        && ["sub", "iss", "client_id", "username"].into_iter().all(text)
        && audience
}

fn time(claims: &Claims, name: &str) -> Option<UnixTime> {
    claims.member(name).and_then(UnixTime::from_numeric_date)
}
