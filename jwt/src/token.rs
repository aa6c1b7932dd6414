//! A token that is read and not yet believed: a JWS whose payload is claims, and the checks that need no key.
//! Claims are a JSON object without duplicate members, the registered ones of the type they must have.
//! Times, audience, client and type are checked here; signatures in `verified`.

use std::fmt;

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::json::{JsonError, JsonLimits, parse_json_object};
use crate::jws::{Jws, Signed};
use crate::rules::{AudienceMatch, TokenRules};
use crate::time::UnixTime;
use crate::token_type;
use crate::validity::Validity;

/// A well-formed token that proves nothing. Borrows the token's text, from which the signature was made.
/// `Debug` shows no claim and no signature.
#[derive(Clone)]
pub struct Unverified<'t> {
    pub(crate) signed: Signed<'t>,
    pub(crate) claims: Claims,
    pub(crate) validity: Validity,
}

impl<'t> Unverified<'t> {
    /// Reads a token. Checks no rule: a token of another algorithm, issuer or time is still well-formed.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] alone.
    pub fn parse(token: &'t [u8]) -> Result<Self, TokenError> {
        let Jws { signed, payload } = Jws::parse(token)?;
        let claims = parse_json_object(&payload, JsonLimits::CLAIMS).map_err(in_payload)?;
        let claims = Claims::from_json_object(claims);
        check_shapes(&claims)?;
        let validity = Validity::of(&claims)?;
        Ok(Self { signed, claims, validity })
    }

    /// The header's `alg`; `None` for `none` and everything else that is not ours.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.signed.algorithm
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.signed.kid.as_deref()
    }

    /// `iss`: to choose the rules and keys with which the token is then verified.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.issuer()
    }

    /// What the token claims, and anybody may have written.
    pub const fn untrusted_claims(&self) -> &Claims {
        &self.claims
    }

    /// The checks that need no key, cheapest first. Passing proves nothing yet.
    ///
    /// # Errors
    /// Every variant but [`TokenError::KeyUnknown`] and [`TokenError::SignatureInvalid`].
    pub fn admit(self, rules: &TokenRules, now: UnixTime) -> Result<Admitted<'t>, TokenError> {
        let algorithm = self.check(rules, now)?;
        Ok(Admitted { token: self, algorithm })
    }

    pub(crate) fn check(&self, rules: &TokenRules, now: UnixTime) -> Result<Algorithm, TokenError> {
        let algorithm = self.signed.allowed_algorithm(rules.algorithms)?;
        if !rules.issuer.admits(&self.claims) {
            return Err(TokenError::IssuerUnknown);
        }
        self.validity.check(rules, now)?;
        check_audience(rules, &self.claims)?;
        check_client(rules, &self.claims)?;
        token_type::check(rules.token_type, self.signed.typ.as_deref(), &self.claims)?;
        Ok(algorithm)
    }
}

/// A token that satisfies its rules and proves nothing: anybody may have written it. The one constructor is
/// [`Unverified::admit`]; [`Admitted::verify`] asks for the signature.
#[derive(Clone, Debug)]
pub struct Admitted<'t> {
    pub(crate) token: Unverified<'t>,
    /// One that the rules allow.
    pub(crate) algorithm: Algorithm,
}

impl Admitted<'_> {
    /// What the token claims, and anybody may have written.
    pub const fn untrusted_claims(&self) -> &Claims {
        self.token.untrusted_claims()
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("algorithm", &self.signed.algorithm)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// The types of registered claims that others than this crate read as what they should be (RFC 7519 section 4.1).
fn check_shapes(claims: &Claims) -> Result<(), TokenError> {
    if claims.member("iss").is_some_and(|iss| !iss.is_string()) {
        return Err(TokenError::Malformed("iss is not a string"));
    }
    if claims.member("sub").is_some_and(|sub| !sub.is_string()) {
        return Err(TokenError::Malformed("sub is not a string"));
    }
    match claims.member("aud") {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(audiences)) if audiences.iter().all(Value::is_string) => Ok(()),
        Some(_) => Err(TokenError::Malformed("aud is not a string or an array of strings")),
    }
}

fn check_audience(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    let held = |audience: &String| claims.audiences().any(|held| held == audience);
    let matches = match rules.audience_match {
        AudienceMatch::Unchecked => true,
        AudienceMatch::Any => rules.audiences.iter().any(held),
        AudienceMatch::All => !rules.audiences.is_empty() && rules.audiences.iter().all(held),
    };
    if matches { Ok(()) } else { Err(TokenError::AudienceMismatch) }
}

fn check_client(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    let admitted = |client: &str| rules.clients.iter().any(|admitted| admitted == client);
    if rules.clients.is_empty() || claims.client().is_some_and(admitted) {
        Ok(())
    } else {
        Err(TokenError::ClientMismatch)
    }
}

fn in_payload(error: JsonError) -> TokenError {
    TokenError::Malformed(match error {
        JsonError::TooLong => "payload is too long",
        JsonError::TooDeep => "payload is nested too deeply",
        JsonError::DuplicateMember => "payload has a duplicate member",
        JsonError::Syntax => "payload is not JSON",
        JsonError::NotAnObject => "payload is not an object",
    })
}
