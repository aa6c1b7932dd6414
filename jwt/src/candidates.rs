//! Which keys of a set are tried for a signature, in which order, and what it means that none made it
//! (RFC 7517 section 4.5, RFC 8725 sections 3.1 and 3.5). A key is tried only for what it is for: type and curve, its own
//! `alg`, its issuer, the length of its signatures. The token only selects among that.

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::jws::Signed;
use crate::key::Key;
use crate::key_set::KeySet;
use crate::limits::MAX_CANDIDATE_KEYS;
use crate::signature::SignatureBackend;

/// Checks the signature with the keys that are `eligible`, at most [`MAX_CANDIDATE_KEYS`] of them: those of the token's
/// `kid`, then those without one; for a token without `kid` those without one, then the others.
pub(crate) fn verify(
    signed: &Signed<'_>,
    algorithm: Algorithm,
    keys: &KeySet,
    eligible: &dyn Fn(&Key) -> bool,
    backend: &dyn SignatureBackend,
) -> Result<(), TokenError> {
    let kid = signed.kid.as_deref();
    let first = keys.keys().iter().filter(|key| key.kid() == kid);
    // No key is in both, so none is tried twice.
    let then =
        keys.keys().iter().filter(|key| key.kid() != kid && (kid.is_none() || key.kid().is_none()));
    let made = first
        .chain(then)
        .filter(|key| key.allows(algorithm) && eligible(key))
        // Libraries are lenient about lengths: Envoy's accepts a byte after an ECDSA signature.
        .filter(|key| signed.signature.len() == key.signature_bytes(algorithm))
        .take(MAX_CANDIDATE_KEYS)
        .any(|key| backend.verify(key, algorithm, signed.signing_input, &signed.signature).is_ok());
    if made { Ok(()) } else { Err(why_none(kid, algorithm, keys, eligible)) }
}

/// A token that names a key we do not have may be signed with one that is newer than our copy of the set.
fn why_none(
    kid: Option<&str>,
    algorithm: Algorithm,
    keys: &KeySet,
    eligible: &dyn Fn(&Key) -> bool,
) -> TokenError {
    // A shared secret is the only one there is, whatever the token calls it.
    let meant = |key: &&Key| kid.is_none() || key.kid() == kid || key.is_secret();
    let meant = || keys.keys().iter().filter(meant);
    let named = kid.is_some() || meant().any(Key::is_secret);
    if meant().any(|key| key.allows(algorithm) && eligible(key)) {
        TokenError::SignatureInvalid
    } else if named && meant().next().is_some() && !meant().any(|key| key.allows(algorithm)) {
        TokenError::AlgorithmNotAllowed
    } else {
        TokenError::KeyUnknown
    }
}
