//! Who the caller is: [`Identity`], made only from a verified token, from an active introspection reply, from a name in a
//! client certificate, or, where a route says so, from the absence of any credential.

pub(crate) mod issuer;
pub(crate) mod key_times;
pub(crate) mod token_cache;
pub(crate) mod token_key;

use std::sync::Arc;

use sallyport_jwt::{Claims, JsonLimits, UnixTime, Verified, parse_json_object};
use serde_json::Value;

use crate::answer::reason::Reason;
use crate::identity::issuer::{IntrospectionRules, Issuer, IssuerId, well_formed};
use crate::request::certificate::CertificateName;

/// What an identity rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A token of this issuer, verified or introspected.
    Token(IssuerId),
    /// A client certificate that the TLS listener verified.
    Certificate,
    /// Nothing: the route lets callers without a credential be somebody.
    Anonymous,
}

/// Name that stands for the issuer of whoever is anonymous. No issuer may have it.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// The same for whoever shows a client certificate.
pub(crate) const CLIENT_CERTIFICATE: &str = "client_certificate";

/// A caller as the evidence shows it. One constructor for each kind of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    evidence: Evidence,
    issuer_name: Arc<str>,
    claims: Claims,
    scopes: Vec<Box<str>>,
    not_before: Option<UnixTime>,
    expires: Option<UnixTime>,
    /// Clock difference that its issuer forgives, in seconds.
    leeway: i64,
    /// From when on a verified token is verified anew, whatever it says; none: it is not remembered here.
    verify_again: Option<UnixTime>,
}

/// What an introspection endpoint said, read strictly.
#[derive(Debug, Clone, PartialEq)]
pub enum Introspected {
    /// Active, an access token, in time, for us.
    Active(Arc<Identity>),
    /// Not to be accepted, and why.
    Refused(Reason),
    /// No RFC 7662 reply: the dependency is broken, the token is not judged.
    Junk,
}

impl Identity {
    /// From a token that was verified now.
    #[must_use]
    #[inline]
    pub fn from_verified(issuer: &Issuer, verified: Verified, now: UnixTime) -> Self {
        let (not_before, expires) = (verified.not_before(), verified.expires());
        let verify_again = Some(UnixTime(now.0.saturating_add(issuer.cache_seconds())));
        let identity = Self::of_token(issuer, verified.into_claims(), not_before, expires);
        Self { verify_again, ..identity }
    }

    /// From an RFC 7662 reply to a question about one token. Checks `active`, the token's kind, its times, its
    /// audience and its issuer. Scopes are the route's business.
    #[must_use]
    #[inline]
    pub fn from_introspection(
        issuer: &Issuer,
        rules: &IntrospectionRules,
        reply: &[u8],
        now: UnixTime,
    ) -> Introspected {
        let Ok(object) = parse_json_object(reply, JsonLimits::DOCUMENT) else {
            return Introspected::Junk;
        };
        match object.get("active").and_then(Value::as_bool) {
            None => return Introspected::Junk,
            Some(false) => return Introspected::Refused(Reason::TokenInactive),
            Some(true) => {}
        }
        let claims = Claims::from_json_object(object);
        if !well_formed(&claims) {
            return Introspected::Junk;
        }
        match rules.check(&claims, now) {
            Ok((not_before, expires)) => {
                Introspected::Active(Arc::new(Self::of_token(issuer, claims, not_before, expires)))
            }
            Err(reason) => Introspected::Refused(reason),
        }
    }

    /// From a name in the certificate that the client showed.
    #[inline]
    pub(crate) fn from_certificate(name: &CertificateName<'_>) -> Self {
        Self::named(Evidence::Certificate, CLIENT_CERTIFICATE, name.as_str())
    }

    /// Who comes without a credential. Made when the policy is loaded, by the routes that let such callers be somebody.
    #[inline]
    pub(crate) fn anonymous(subject: &str) -> Self {
        Self::named(Evidence::Anonymous, ANONYMOUS, subject)
    }

    /// With `sub` as the one claim.
    #[inline]
    fn named(evidence: Evidence, issuer_name: &str, subject: &str) -> Self {
        let mut claims = serde_json::Map::new();
        claims.insert("sub".to_owned(), Value::String(subject.to_owned()));
        Self {
            evidence,
            issuer_name: issuer_name.into(),
            claims: Claims::from_json_object(claims),
            scopes: Vec::new(),
            not_before: None,
            expires: None,
            leeway: 0,
            verify_again: None,
        }
    }

    #[inline]
    fn of_token(
        issuer: &Issuer,
        claims: Claims,
        not_before: Option<UnixTime>,
        expires: Option<UnixTime>,
    ) -> Self {
        let mut scopes: Vec<Box<str>> = claims.scopes().into_iter().map(Box::from).collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self {
            evidence: Evidence::Token(issuer.id()),
            issuer_name: Arc::clone(issuer.name()),
            claims,
            scopes,
            not_before,
            expires,
            leeway: issuer.leeway(),
            verify_again: None,
        }
    }

    /// What it rests on.
    #[must_use]
    #[inline]
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Which issuer vouched; none: no token did.
    #[must_use]
    #[inline]
    pub fn issuer(&self) -> Option<IssuerId> {
        match self.evidence {
            Evidence::Token(issuer) => Some(issuer),
            Evidence::Certificate | Evidence::Anonymous => None,
        }
    }

    /// Name of the issuer in the policy, or the word that stands for other evidence.
    #[must_use]
    #[inline]
    pub fn issuer_name(&self) -> &Arc<str> {
        &self.issuer_name
    }

    /// `sub`.
    #[must_use]
    #[inline]
    pub fn subject(&self) -> Option<&str> {
        self.claims.subject()
    }

    /// The client the token was issued to.
    #[must_use]
    #[inline]
    pub fn client(&self) -> Option<&str> {
        self.claims.client()
    }

    /// Granted scopes, sorted.
    #[must_use]
    #[inline]
    pub fn scopes(&self) -> &[Box<str>] {
        &self.scopes
    }

    /// Whether a scope is granted, compared exactly.
    #[must_use]
    #[inline]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.binary_search_by(|granted| (**granted).cmp(scope)).is_ok()
    }

    /// All claims.
    #[must_use]
    #[inline]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// End of the evidence, without leeway; none: it does not say.
    #[must_use]
    #[inline]
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires
    }

    /// Whether its signature was checked so recently that it need not be again. Never true of an introspected one.
    #[inline]
    pub(crate) fn fresh(&self, now: UnixTime) -> bool {
        self.verify_again.is_some_and(|end| now < end)
    }

    /// Bytes that it takes, nearly: what the claims and scopes allocate, and the parts that do not grow.
    #[must_use]
    #[inline]
    pub fn estimated_bytes(&self) -> usize {
        let scopes = self.scopes.iter().map(|scope| scope.len().saturating_add(ALLOCATION));
        let fixed = size_of::<Self>().saturating_add(ALLOCATION);
        scopes.fold(fixed.saturating_add(object(self.claims.as_object())), usize::saturating_add)
    }

    /// Whether evidence that was accepted before still stands.
    ///
    /// # Errors
    /// [`Reason::TokenExpired`] or [`Reason::TokenNotYetValid`].
    #[inline]
    pub fn still_valid(&self, now: UnixTime) -> Result<(), Reason> {
        if self.expires.is_some_and(|end| now.0 >= end.0.saturating_add(self.leeway)) {
            return Err(Reason::TokenExpired);
        }
        if self.not_before.is_some_and(|start| now.0.saturating_add(self.leeway) < start.0) {
            return Err(Reason::TokenNotYetValid);
        }
        Ok(())
    }

    /// Role names that the token itself carries: `roles` and Keycloak's `realm_access.roles`. For display; what they
    /// allow is the business of claim rules and bindings.
    #[must_use]
    #[inline]
    pub fn roles(&self) -> Vec<String> {
        let object = self.claims.as_object();
        let realm = object.get("realm_access").and_then(|access| access.get("roles"));
        [object.get("roles"), realm]
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect()
    }
}

/// What one allocation takes besides its bytes: the allocator's header and rounding, and the pointer to it.
const ALLOCATION: usize = 32;

/// Bytes that the members of an object take: nodes of a B-tree with 11 slots each, half empty at worst.
#[inline]
fn object(members: &serde_json::Map<String, Value>) -> usize {
    if members.is_empty() {
        return 0;
    }
    let slots = members.len().saturating_mul(2).max(11);
    let nodes = size_of::<(String, Value)>().saturating_mul(slots).saturating_add(ALLOCATION);
    members
        .iter()
        .map(|(name, value)| name.len().saturating_add(ALLOCATION).saturating_add(heap(value)))
        .fold(nodes, usize::saturating_add)
}

/// Bytes that a value takes besides its own slot. Tokens nest at most 32 deep (`sallyport_jwt::limits::MAX_JSON_DEPTH`).
#[inline]
fn heap(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len().saturating_add(ALLOCATION),
        Value::Array(items) => {
            // A vector that grew may be half empty.
            let item = |item| size_of::<Value>().saturating_mul(2).saturating_add(heap(item));
            items.iter().map(item).fold(ALLOCATION, usize::saturating_add)
        }
        Value::Object(members) => object(members),
    }
}
