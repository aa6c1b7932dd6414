//! Why a token was refused. Static text only: no part of a token gets into a message, log or metric.
//! The variants are one to one with the reasons of the same name in `policy`.

/// A refusal. Every variant blames the client, except that [`TokenError::KeyUnknown`] may also mean
/// that our copy of the issuer's keys is old: the caller may fetch them once and try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// Not a compact JWS with a JSON object as claims, or a member has the wrong shape; says which.
    #[error("malformed token: {0}")]
    Malformed(&'static str),
    /// The header's `alg` is not one of ours, not in the rules, or not what the key is for.
    #[error("algorithm not allowed")]
    AlgorithmNotAllowed,
    /// `iss` is absent or not exactly the configured issuer, or its tenant is not admitted or not the one of `tid`.
    #[error("issuer unknown")]
    IssuerUnknown,
    /// `aud` is absent or does not hold what is configured.
    #[error("audience mismatch")]
    AudienceMismatch,
    /// The client is absent or not one of those configured.
    #[error("client mismatch")]
    ClientMismatch,
    /// `exp` and the leeway have passed.
    #[error("token expired")]
    Expired,
    /// `nbf` or `iat` lies ahead by more than the leeway.
    #[error("token not yet valid")]
    NotYetValid,
    /// From `iat` to `exp` is longer than allowed.
    #[error("token lives too long")]
    LifetimeExceeded,
    /// An ID, refresh or logout token where an access token is needed.
    #[error("not an access token")]
    TypeMismatch,
    /// No key of the set has the token's `kid` and none without one fits, or none is for this issuer.
    #[error("key unknown")]
    KeyUnknown,
    /// No candidate key made this signature.
    #[error("signature invalid")]
    SignatureInvalid,
}
