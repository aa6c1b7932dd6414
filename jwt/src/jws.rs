//! A compact JWS (RFC 7515 section 7.1) with any payload: read strictly, and its signature checked. What tokens are made of.
//! Reading is strict: three parts, canonical base64url, a JSON object without duplicate members, no header extension.
//! What the header offers as key (`jku`, `jwk`, `x5u`, `x5c`) is ignored.
//! [`Unverified`](crate::Unverified) is built on this; the claims are its part.

use std::fmt;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, AlgorithmSet};
use crate::base64url;
use crate::candidates;
use crate::error::TokenError;
use crate::json::{JsonError, JsonLimits, parse_json_leniently, parse_json_object};
use crate::key_set::KeySet;
use crate::limits::{MAX_HEADER_BYTES, MAX_TOKEN_BYTES};
use crate::signature::SignatureBackend;

/// A well-formed JWS that proves nothing. Borrows the text, from which the signature was made.
/// `Debug` shows nothing of payload and signature.
#[derive(Clone)]
pub struct Jws<'t> {
    pub(crate) signed: Signed<'t>,
    pub(crate) payload: Vec<u8>,
}

/// All of a JWS but its payload.
#[derive(Clone)]
pub(crate) struct Signed<'t> {
    pub(crate) signing_input: &'t [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

impl<'t> Jws<'t> {
    /// Reads a JWS. Checks no rule.
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
        let signature = base64url::decode(signature)
            .ok_or(TokenError::Malformed("signature is not base64url"))?;
        Ok(Self { signed: Signed { signing_input, signature, algorithm, kid, typ }, payload })
    }

    /// The header's `alg`; `None` for `none` and everything else that is not ours.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.signed.algorithm
    }

    /// The header's `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.signed.kid.as_deref()
    }

    /// Checks the signature with the candidate keys and gives the payload: those of the header's `kid`, then those
    /// without one; where the header names none, those without one, then the others; at most
    /// [`MAX_CANDIDATE_KEYS`](crate::limits::MAX_CANDIDATE_KEYS). A key's own `issuer` is not compared: there are no claims.
    ///
    /// # Errors
    /// [`TokenError::AlgorithmNotAllowed`] when `algorithms` or every key of the `kid` forbids the `alg`;
    /// [`TokenError::KeyUnknown`] when no key has the `kid` and none without one made the signature;
    /// [`TokenError::SignatureInvalid`] when no candidate made the signature.
    pub fn verify(
        self,
        algorithms: AlgorithmSet,
        keys: &KeySet,
        backend: &dyn SignatureBackend,
    ) -> Result<Vec<u8>, TokenError> {
        let algorithm = self.signed.allowed_algorithm(algorithms)?;
        candidates::verify(&self.signed, algorithm, keys, &|_| true, backend)?;
        Ok(self.payload)
    }
}

impl Signed<'_> {
    /// The header's `alg`, if it is a member.
    pub(crate) fn allowed_algorithm(
        &self,
        algorithms: AlgorithmSet,
    ) -> Result<Algorithm, TokenError> {
        self.algorithm
            .filter(|algorithm| algorithms.contains(*algorithm))
            .ok_or(TokenError::AlgorithmNotAllowed)
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("algorithm", &self.signed.algorithm).finish_non_exhaustive()
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
        .and_then(|header| parse_json_leniently(&header))
        .is_some_and(|header| header.get("alg").is_some())
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
    let dot = last_dot(text)?;
    let (before, after) = text.split_at_checked(dot)?;
    Some((before, after.strip_prefix(b".")?))
}

/// A block at a time, which compilers make a few instructions of: nearly all of a token is no dot.
fn last_dot(text: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let (head, blocks) = text.as_rchunks::<BLOCK>();
    let is_dot = |byte: &u8| *byte == b'.';
    let mut end = text.len();
    for block in blocks.iter().rev() {
        end = end.saturating_sub(BLOCK);
        if block.iter().fold(0, |found, byte| found | u8::from(is_dot(byte))) != 0 {
            return block.iter().rposition(is_dot).map(|at| end.saturating_add(at));
        }
    }
    head.iter().rposition(is_dot)
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

fn in_header(error: JsonError) -> TokenError {
    TokenError::Malformed(match error {
        JsonError::TooLong => "header is too long",
        JsonError::TooDeep => "header is nested too deeply",
        JsonError::DuplicateMember => "header has a duplicate member",
        JsonError::Syntax => "header is not JSON",
        JsonError::NotAnObject => "header is not an object",
    })
}
