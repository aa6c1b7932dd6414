//! The closed list of reasons: one word each, the same in answers, metrics, logs, records and docs.
//! Adding one is a line in [`Reason::ALL`], one in [`Reason::status`] and a row in docs/status-codes.md.

use serde::{Deserialize, Serialize};

/// Why a request was allowed or denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Every check of the route passed.
    Allowed,
    /// The route is open by `allow: unauthenticated`.
    AllowedUnauthenticated,
    /// A dependency failed and the operator wrote `failure_mode: open`.
    AllowedByFailureMode,
    /// No credential was presented.
    TokenMissing,
    /// The credential is not what the route reads: not a token, or not a well-formed one.
    TokenMalformed,
    /// Past `exp`.
    TokenExpired,
    /// Before `nbf`, or issued in the future.
    TokenNotYetValid,
    /// The signature does not match the key.
    SignatureInvalid,
    /// No key of the issuer has the token's `kid`.
    KeyUnknown,
    /// The token's `alg` is not allowed by the issuer's policy or by the key.
    AlgorithmNotAllowed,
    /// The token's `iss` is none that this route accepts.
    IssuerUnknown,
    /// The token's `aud` does not name this service.
    AudienceMismatch,
    /// The token was issued to a client that is not accepted.
    ClientMismatch,
    /// A refresh, ID or other token where an access token is asked for.
    TokenTypeMismatch,
    /// From `iat` to `exp` is longer than the policy allows.
    TokenLifetimeExceeded,
    /// The provider says the token is not active (RFC 7662).
    TokenInactive,
    /// The token was revoked.
    TokenRevoked,
    /// The token is bound to another client (`cnf`).
    BindingMismatch,
    /// A scope that the route needs is not granted.
    ScopeMissing,
    /// A scope is granted that the route excludes.
    ScopeForbidden,
    /// A claim does not have the value that the route needs.
    ClaimMismatch,
    /// No role of the subject allows this.
    RoleMissing,
    /// The provider left the groups out of the token (Entra's overage).
    GroupsOverage,
    /// The rule says deny.
    DeniedByRule,
    /// No route matches the request.
    NoRoute,
    /// The patterns of two routes match the request, and neither is more specific.
    RuleAmbiguous,
    /// The cross-origin request is not allowed.
    CorsRefused,
    /// The security agent said no.
    AgentDenied,
    /// More than one credential of a kind.
    CredentialAmbiguous,
    /// Path, host or method cannot be judged safely.
    RequestMalformed,
    /// Identity provider, sidecar or store did not answer.
    DependencyUnavailable,
    /// No valid policy is loaded.
    PolicyUnavailable,
}

impl Reason {
    /// All of them, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Allowed,
        Self::AllowedUnauthenticated,
        Self::AllowedByFailureMode,
        Self::TokenMissing,
        Self::TokenMalformed,
        Self::TokenExpired,
        Self::TokenNotYetValid,
        Self::SignatureInvalid,
        Self::KeyUnknown,
        Self::AlgorithmNotAllowed,
        Self::IssuerUnknown,
        Self::AudienceMismatch,
        Self::ClientMismatch,
        Self::TokenTypeMismatch,
        Self::TokenLifetimeExceeded,
        Self::TokenInactive,
        Self::TokenRevoked,
        Self::BindingMismatch,
        Self::ScopeMissing,
        Self::ScopeForbidden,
        Self::ClaimMismatch,
        Self::RoleMissing,
        Self::GroupsOverage,
        Self::DeniedByRule,
        Self::NoRoute,
        Self::RuleAmbiguous,
        Self::CorsRefused,
        Self::AgentDenied,
        Self::CredentialAmbiguous,
        Self::RequestMalformed,
        Self::DependencyUnavailable,
        Self::PolicyUnavailable,
    ];

    /// The word itself.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::AllowedUnauthenticated => "allowed_unauthenticated",
            Self::AllowedByFailureMode => "allowed_by_failure_mode",
            Self::TokenMissing => "token_missing",
            Self::TokenMalformed => "token_malformed",
            Self::TokenExpired => "token_expired",
            Self::TokenNotYetValid => "token_not_yet_valid",
            Self::SignatureInvalid => "signature_invalid",
            Self::KeyUnknown => "key_unknown",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::IssuerUnknown => "issuer_unknown",
            Self::AudienceMismatch => "audience_mismatch",
            Self::ClientMismatch => "client_mismatch",
            Self::TokenTypeMismatch => "token_type_mismatch",
            Self::TokenLifetimeExceeded => "token_lifetime_exceeded",
            Self::TokenInactive => "token_inactive",
            Self::TokenRevoked => "token_revoked",
            Self::BindingMismatch => "binding_mismatch",
            Self::ScopeMissing => "scope_missing",
            Self::ScopeForbidden => "scope_forbidden",
            Self::ClaimMismatch => "claim_mismatch",
            Self::RoleMissing => "role_missing",
            Self::GroupsOverage => "groups_overage",
            Self::DeniedByRule => "denied_by_rule",
            Self::NoRoute => "no_route",
            Self::RuleAmbiguous => "rule_ambiguous",
            Self::CorsRefused => "cors_refused",
            Self::AgentDenied => "agent_denied",
            Self::CredentialAmbiguous => "credential_ambiguous",
            Self::RequestMalformed => "request_malformed",
            Self::DependencyUnavailable => "dependency_unavailable",
            Self::PolicyUnavailable => "policy_unavailable",
        }
    }

    /// The reason with this word, if it is one of the list.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }

    /// HTTP status of the answer: 200 for an allow; 400 nobody may send this; 401 present another credential;
    /// 403 this credential will not do; 503 try later.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Allowed | Self::AllowedUnauthenticated | Self::AllowedByFailureMode => 200,
            Self::CredentialAmbiguous | Self::RequestMalformed => 400,
            Self::TokenMissing
            | Self::TokenMalformed
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::SignatureInvalid
            | Self::KeyUnknown
            | Self::AlgorithmNotAllowed
            | Self::IssuerUnknown
            | Self::AudienceMismatch
            | Self::ClientMismatch
            | Self::TokenTypeMismatch
            | Self::TokenLifetimeExceeded
            | Self::TokenInactive
            | Self::TokenRevoked
            | Self::BindingMismatch => 401,
            Self::ScopeMissing
            | Self::ScopeForbidden
            | Self::ClaimMismatch
            | Self::RoleMissing
            | Self::GroupsOverage
            | Self::DeniedByRule
            | Self::NoRoute
            | Self::RuleAmbiguous
            | Self::CorsRefused
            | Self::AgentDenied => 403,
            Self::DependencyUnavailable | Self::PolicyUnavailable => 503,
        }
    }

    /// The gRPC status code of a denial; 0 for an allow. Envoy would make 13 of 400, which blames the server.
    #[must_use]
    pub const fn grpc_status(self) -> u8 {
        match self.status() {
            200 => 0,
            400 => 3,
            401 => 16,
            403 => 7,
            _ => 14,
        }
    }

    /// Whether this word belongs to an allow.
    #[must_use]
    pub const fn allows(self) -> bool {
        self.status() == 200
    }

    /// One sentence for the caller. Says what to do next, nothing about the inside.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Allowed | Self::AllowedUnauthenticated | Self::AllowedByFailureMode => "allowed",
            Self::TokenMissing => "no access token was presented",
            Self::TokenMalformed => "the access token is malformed",
            Self::TokenExpired => "the access token has expired",
            Self::TokenNotYetValid => "the access token is not valid yet",
            Self::SignatureInvalid => "the access token's signature is not valid",
            Self::KeyUnknown => "the access token is signed with an unknown key",
            Self::AlgorithmNotAllowed => "the access token's algorithm is not allowed",
            Self::IssuerUnknown => "the access token's issuer is not accepted here",
            Self::AudienceMismatch => "the access token is meant for another audience",
            Self::ClientMismatch => "the access token was issued to a client that is not accepted",
            Self::TokenTypeMismatch => "an access token is needed, this is another kind of token",
            Self::TokenLifetimeExceeded => "the access token lives longer than is accepted here",
            Self::TokenInactive => "the access token is not active",
            Self::TokenRevoked => "the access token was revoked",
            Self::BindingMismatch => "the access token is bound to another client",
            Self::ScopeMissing => "the access token lacks a scope that is needed here",
            Self::ScopeForbidden => "the access token has a scope that is refused here",
            Self::ClaimMismatch => "a claim of the access token does not fit",
            Self::RoleMissing => "no role allows this",
            Self::GroupsOverage => "the access token does not carry its groups",
            Self::DeniedByRule => "denied by rule",
            Self::NoRoute => "no rule allows this request",
            Self::RuleAmbiguous => "two rules match this request",
            Self::CorsRefused => "the cross-origin request is not allowed",
            Self::AgentDenied => "denied by the security agent",
            Self::CredentialAmbiguous => "more than one credential was presented",
            Self::RequestMalformed => "the request cannot be judged safely",
            Self::DependencyUnavailable => "a service needed for this decision did not answer",
            Self::PolicyUnavailable => "no policy is loaded",
        }
    }
}

/// By hand: derived, every word would stand in the filter twice.
impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl From<&sallyport_jwt::TokenError> for Reason {
    fn from(error: &sallyport_jwt::TokenError) -> Self {
        use sallyport_jwt::TokenError as E;
        match error {
            E::Malformed(_) => Self::TokenMalformed,
            E::AlgorithmNotAllowed => Self::AlgorithmNotAllowed,
            E::IssuerUnknown => Self::IssuerUnknown,
            E::AudienceMismatch => Self::AudienceMismatch,
            E::Expired => Self::TokenExpired,
            E::NotYetValid => Self::TokenNotYetValid,
            E::ClientMismatch => Self::ClientMismatch,
            E::TypeMismatch => Self::TokenTypeMismatch,
            E::LifetimeExceeded => Self::TokenLifetimeExceeded,
            E::KeyUnknown => Self::KeyUnknown,
            E::SignatureInvalid => Self::SignatureInvalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn every_reason_has_one_word_and_comes_back_from_it() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_word(reason.word()), Some(*reason));
            assert!(matches!(reason.status(), 200 | 400 | 401 | 403 | 503));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
        }
        let mut words: Vec<_> = Reason::ALL.iter().map(|r| r.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
