//! A compact JWS (RFC 7515 section 7.1) that is read and not yet believed, and the checks that need no key.
//! Reading is strict: three parts, canonical base64url, JSON objects without duplicate members, no header extension.
//! What the header offers as key (`jku`, `jwk`, `x5u`, `x5c`) is ignored.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::json::{JsonError, JsonLimits, parse_json_object};
use crate::limits::{MAX_HEADER_BYTES, MAX_TOKEN_BYTES};
use crate::rules::{AudienceMatch, TokenRules};
use crate::time::UnixTime;
use crate::token_type;
use crate::validity::Validity;

/// A well-formed token that proves nothing. Borrows the token's text, from which the signature was made.
/// `Debug` shows no claim and no signature.
#[derive(Clone)]
pub struct Unverified<'t> {
    pub(crate) signing_input: &'t [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    pub(crate) claims: Claims,
    pub(crate) validity: Validity,
}

impl<'t> Unverified<'t> {
    /// Reads a token. Checks no rule: a token of another algorithm, issuer or time is still well-formed.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] alone.
    pub fn parse(token: &'t [u8]) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed("too long"));
        }
        let Parts { header, payload, signature, signing_input } =
            Parts::of(token).ok_or(TokenError::Malformed("not three parts"))?;
        let header =
            base64url::decode(header).ok_or(TokenError::Malformed("header is not base64url"))?;
        let header = parse_json_object(&header, JsonLimits::HEADER).map_err(in_header)?;
        let Header { algorithm, kid, typ } = Header::read(header)?;
        let payload =
            base64url::decode(payload).ok_or(TokenError::Malformed("payload is not base64url"))?;
        let claims = parse_json_object(&payload, JsonLimits::CLAIMS).map_err(in_payload)?;
        let claims = Claims::from_json_object(claims);
        check_shapes(&claims)?;
        let validity = Validity::of(&claims)?;
        let signature = base64url::decode(signature)
            .ok_or(TokenError::Malformed("signature is not base64url"))?;
        Ok(Self { signing_input, signature, algorithm, kid, typ, claims, validity })
    }

    /// The header's `alg`; `None` for `none`, HS* and everything else that is not ours.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `iss`: to choose the rules and keys with which the token is then verified.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.issuer()
    }

    /// What the token claims, and anybody may have written.
    pub const fn untrusted_claims(&self) -> &Claims {
        &self.claims
    }

    /// The checks that need no key, cheapest first; [`Unverified::verify`] makes them too. Passing proves nothing yet.
    ///
    /// # Errors
    /// Every variant but [`TokenError::KeyUnknown`] and [`TokenError::SignatureInvalid`].
    pub fn check(&self, rules: &TokenRules, now: UnixTime) -> Result<(), TokenError> {
        if !self.algorithm.is_some_and(|algorithm| rules.algorithms.contains(algorithm)) {
            return Err(TokenError::AlgorithmNotAllowed);
        }
        if self.issuer() != Some(rules.issuer.as_str()) {
            return Err(TokenError::IssuerUnknown);
        }
        self.validity.check(rules, now)?;
        check_audience(rules, &self.claims)?;
        token_type::check(rules.token_type, self.typ.as_deref(), &self.claims)
    }
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("algorithm", &self.algorithm)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// Whether a bearer token is meant as a JWS and not opaque: three parts, the first of them JSON with `alg`. Lenient, so
/// that a damaged JWS is refused as one instead of being asked about elsewhere. A JWE (five parts) is opaque to us.
pub fn looks_like_jws(token: &[u8]) -> bool {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    // Four characters of base64 hold three bytes.
    const MAX_HEADER_CHARACTERS: usize = MAX_HEADER_BYTES.div_ceil(3) * 4;

    Parts::of(token)
        .filter(|parts| !parts.payload.is_empty() && parts.header.len() <= MAX_HEADER_CHARACTERS)
        .and_then(|parts| LENIENT.decode(parts.header).ok())
        .and_then(|header| serde_json::from_slice::<Map<String, Value>>(&header).ok())
        .is_some_and(|header| header.contains_key("alg"))
}

struct Parts<'t> {
    header: &'t [u8],
    payload: &'t [u8],
    signature: &'t [u8],
    signing_input: &'t [u8],
}

impl<'t> Parts<'t> {
    fn of(token: &'t [u8]) -> Option<Self> {
        let (signing_input, signature) = split_at_last_dot(token)?;
        let (header, payload) = split_at_last_dot(signing_input)?;
        (!header.contains(&b'.')).then_some(Self { header, payload, signature, signing_input })
    }
}

fn split_at_last_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = text.iter().rposition(|byte| *byte == b'.')?;
    let (before, after) = text.split_at_checked(dot)?;
    Some((before, after.strip_prefix(b".")?))
}

struct Header {
    algorithm: Option<Algorithm>,
    kid: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn read(mut header: Map<String, Value>) -> Result<Self, TokenError> {
        // We know no extension, so every `crit` names one we do not know (RFC 7515 section 4.1.11). `b64` (RFC 7797) and
        // `zip` change what is signed or read.
        if header.contains_key("crit") {
            return Err(TokenError::Malformed("crit is not supported"));
        }
        if header.contains_key("b64") || header.contains_key("zip") {
            return Err(TokenError::Malformed("b64 and zip are not supported"));
        }
        let alg = header.get("alg").ok_or(TokenError::Malformed("alg is missing"))?;
        let alg = alg.as_str().ok_or(TokenError::Malformed("alg is not a string"))?;
        let algorithm = alg.parse().ok();
        let kid = take_string(&mut header, "kid", "kid is not a string")?;
        let typ = take_string(&mut header, "typ", "typ is not a string")?;
        Ok(Self { algorithm, kid, typ })
    }
}

fn take_string(
    header: &mut Map<String, Value>,
    name: &str,
    malformed: &'static str,
) -> Result<Option<String>, TokenError> {
    match header.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Malformed(malformed)),
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

fn in_header(error: JsonError) -> TokenError {
    TokenError::Malformed(match error {
        JsonError::TooLong => "header is too long",
        JsonError::TooDeep => "header is nested too deeply",
        JsonError::DuplicateMember => "header has a duplicate member",
        JsonError::Syntax => "header is not JSON",
        JsonError::NotAnObject => "header is not an object",
    })
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
