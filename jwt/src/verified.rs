//! A token whose signature and rules were checked. The one constructor is [`Unverified::verify`], in this file, so that
//! nothing else in this crate can make one either.
//! Scopes, roles and who may do what are `policy`'s part.

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::key::Key;
use crate::key_set::KeySet;
use crate::limits::MAX_CANDIDATE_KEYS;
use crate::rules::TokenRules;
use crate::signature::SignatureBackend;
use crate::time::UnixTime;
use crate::token::Unverified;
use crate::validity::Validity;

/// The claims of a token that was signed by a key of the set and satisfied the rules at the time it was verified.
/// When it is kept, ask [`Verified::still_valid`] at each use.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Claims,
    algorithm: Algorithm,
    kid: Option<String>,
    validity: Validity,
}

impl Unverified<'_> {
    /// Checks rules, then the signature with the candidate keys: those of the token's `kid`, or all where it names none,
    /// at most [`MAX_CANDIDATE_KEYS`].
    ///
    /// # Errors
    /// What [`Unverified::check`] finds; [`TokenError::KeyUnknown`] when no key has the `kid` or is for this issuer;
    /// [`TokenError::AlgorithmNotAllowed`] when keys of the `kid` exist and none allows the token's `alg`;
    /// [`TokenError::SignatureInvalid`] when no candidate made the signature.
    pub fn verify(
        self,
        rules: &TokenRules,
        keys: &KeySet,
        now: UnixTime,
        backend: &dyn SignatureBackend,
    ) -> Result<Verified, TokenError> {
        self.check(rules, now)?;
        let algorithm = self.algorithm.ok_or(TokenError::AlgorithmNotAllowed)?;
        let signed = self
            .candidates(keys, algorithm)?
            .into_iter()
            // Libraries are lenient about lengths: Envoy's accepts a byte after an ECDSA signature.
            .filter(|key| self.signature.len() == key.signature_bytes())
            .take(MAX_CANDIDATE_KEYS)
            .any(|key| backend.verify(key, algorithm, self.signing_input, &self.signature).is_ok());
        if !signed {
            return Err(TokenError::SignatureInvalid);
        }
        Ok(Verified { claims: self.claims, algorithm, kid: self.kid, validity: self.validity })
    }

    /// The keys that may have made the signature, of any modulus length.
    fn candidates<'k>(
        &self,
        keys: &'k KeySet,
        algorithm: Algorithm,
    ) -> Result<Vec<&'k Key>, TokenError> {
        let named =
            || keys.keys().iter().filter(|key| self.kid.is_none() || self.kid() == key.kid());
        let allowed = || named().filter(|key| key.allows(algorithm));
        if named().next().is_none() || (self.kid.is_none() && allowed().next().is_none()) {
            return Err(TokenError::KeyUnknown);
        }
        if allowed().next().is_none() {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        let candidates: Vec<&Key> = allowed().filter(|key| signs_for(key, &self.claims)).collect();
        if candidates.is_empty() { Err(TokenError::KeyUnknown) } else { Ok(candidates) }
    }
}

/// Whether the key is for the token's issuer. Entra writes an issuer beside each key: literal, or with `{tenantid}` in the
/// place of the tenant, which the token names in `tid`.
fn signs_for(key: &Key, claims: &Claims) -> bool {
    let (Some(owner), issuer) = (key.issuer(), claims.issuer()) else { return true };
    match owner.split_once("{tenantid}") {
        None => issuer == Some(owner),
        Some((before, after)) => issuer
            .and_then(|issuer| issuer.strip_prefix(before)?.strip_suffix(after))
            .is_some_and(|tenant| is_guid(tenant) && claims.str("tid") == Some(tenant)),
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Verified {
    /// The claims, now to be believed.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, without the evidence.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// The algorithm of the signature.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The token's `kid`: a key of the set with it made the signature.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `exp` without leeway, its fraction cut off.
    pub const fn expires(&self) -> Option<UnixTime> {
        self.validity.expires
    }

    /// `nbf` without leeway, its fraction rounded up.
    pub const fn not_before(&self) -> Option<UnixTime> {
        self.validity.not_before
    }

    /// The dates again, for a token that was kept since it was verified. Keys and other rules are not asked again: drop
    /// what is kept when they change.
    ///
    /// # Errors
    /// [`TokenError::Expired`], [`TokenError::NotYetValid`], or [`TokenError::Malformed`] when the rules need an `exp`.
    pub fn still_valid(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        self.validity.check(rules, now)
    }
}
