//! A token whose signature and rules were checked. The one constructor is [`Admitted::verify`], in this file, so that
//! nothing else in this crate can make one either.
//! Scopes, roles and who may do what are `policy`'s part.

use crate::algorithm::Algorithm;
use crate::candidates;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::key::Key;
use crate::key_set::KeySet;
use crate::rules::TokenRules;
use crate::signature::SignatureBackend;
use crate::tenant::{is_template, tenant_of};
use crate::time::UnixTime;
use crate::token::{Admitted, Unverified};
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
    /// [`Unverified::admit`], then [`Admitted::verify`].
    ///
    /// # Errors
    /// What these find.
    pub fn verify(
        self,
        rules: &TokenRules,
        keys: &KeySet,
        now: UnixTime,
        backend: &dyn SignatureBackend,
    ) -> Result<Verified, TokenError> {
        self.admit(rules, now)?.verify(keys, backend)
    }
}

impl Admitted<'_> {
    /// Checks the signature as [`Jws::verify`](crate::Jws::verify) does, with those keys alone that are for this issuer.
    ///
    /// # Errors
    /// What [`Jws::verify`](crate::Jws::verify) finds; [`TokenError::KeyUnknown`] also when no key of the `kid` is for this
    /// issuer.
    pub fn verify(
        self,
        keys: &KeySet,
        backend: &dyn SignatureBackend,
    ) -> Result<Verified, TokenError> {
        let Self { token: Unverified { signed, claims, validity }, algorithm } = self;
        let eligible = |key: &Key| signs_for(key, &claims);
        candidates::verify(&signed, algorithm, keys, &eligible, backend)?;
        Ok(Verified { claims, algorithm, kid: signed.kid, validity })
    }
}

/// Whether the key is for the token's issuer. Entra writes an issuer beside each key: literal, or with `{tenantid}` in the
/// place of the tenant, which the token names in `tid`.
fn signs_for(key: &Key, claims: &Claims) -> bool {
    let (Some(owner), issuer) = (key.issuer(), claims.issuer()) else { return true };
    if !is_template(owner) {
        return issuer == Some(owner);
    }
    issuer
        .and_then(|issuer| tenant_of(owner, issuer))
        .is_some_and(|tenant| claims.str("tid") == Some(tenant))
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

    /// The token's `kid`: a key of the set with it, or with none, made the signature.
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
