//! Untrusted text to verified claims: compact JWS (RFC 7515), JWK sets (RFC 7517), algorithms (RFC 7518), claims (RFC 7519).
//!
//! The chain is [`Unverified`] -> [`Admitted`] -> [`Verified`]; each has private fields and one constructor, so holding a
//! [`Verified`] is the proof that signature, algorithm, issuer, audience, times and type were checked.
//! Nothing here knows HTTP, policy, logs, the clock or randomness: time is an argument, and a signature is checked
//! by a [`SignatureBackend`], of which [`Pure`] is the one that runs everywhere.
//!
//! `none`, `jku`, `x5u`, `x5c` and an embedded `jwk` have no representation here: they cannot be used by mistake.
//! HS* exists for a [`KeySet`] made of a secret, never for one that was read: a public key is no secret.
//! The filter and the sidecar call this; `policy` reads [`Claims`] through [`ClaimPath`].

mod algorithm;
mod base64url;
mod candidates;
mod claim_path;
mod claims;
mod discovery;
mod ed25519;
mod error;
mod json;
mod jws;
mod key;
mod key_set;
pub mod limits;
mod material;
mod pure;
mod roca;
mod rules;
mod secret;
mod signature;
mod spki;
mod tenant;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod token_type;
mod validity;
mod verified;

pub use algorithm::{Algorithm, AlgorithmSet, AlgorithmUnknown};
pub use base64url::decode as decode_base64url;
pub use claim_path::{ClaimPath, ClaimPathError};
pub use claims::{Claims, strings};
pub use discovery::{DiscoveryError, discovered_jwks_uri};
pub use error::TokenError;
pub use json::{
    JsonError, JsonLimits, parse_json_leniently, parse_json_object, parse_json_object_with_list,
};
pub use jws::{Jws, looks_like_jws};
pub use key::{Key, KeyType, SkipReason};
pub use key_set::{KeySet, KeySetError, SkippedKey};
pub use pure::Pure;
pub use rules::{AudienceMatch, IssuerRule, TokenRules, TokenTypeRule};
pub use secret::SecretUnusable;
pub use signature::{SignatureBackend, SignatureInvalid, ecdsa_der};
pub use tenant::tenant_template;
pub use time::UnixTime;
pub use token::{Admitted, Unverified};
pub use verified::Verified;
