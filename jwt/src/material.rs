//! Key material, parsed and checked once when a key set is read: the numbers of a JWK (RFC 7518 section 6, RFC 8037
//! section 2) as the types of the pure backend. What passes here is acceptable to every backend:
//! sizes, exponents, points and encodings that libraries judge differently are refused.

use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key::{KeyType, SkipReason};
use crate::limits::{MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_RSA_BITS, MIN_RSA_EXPONENT};
use crate::spki::Spki;

/// A public key of one of the five types.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl Material {
    /// Reads the members that belong to this type of key.
    pub(crate) fn from_jwk(
        key_type: KeyType,
        jwk: &Map<String, Value>,
    ) -> Result<(Self, Spki), SkipReason> {
        match key_type {
            KeyType::Rsa => rsa(jwk),
            KeyType::P256 => p256(jwk),
            KeyType::P384 => p384(jwk),
            KeyType::P521 => p521(jwk),
            KeyType::Ed25519 => ed25519(jwk),
        }
    }

    pub(crate) fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa(_) => KeyType::Rsa,
            Self::P256(_) => KeyType::P256,
            Self::P384(_) => KeyType::P384,
            Self::P521(_) => KeyType::P521,
            Self::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// The exact length of every signature by this key.
    pub(crate) fn signature_bytes(&self) -> usize {
        match self {
            Self::Rsa(key) => key.size(),
            Self::P256(_) | Self::Ed25519(_) => 64,
            Self::P384(_) => 96,
            Self::P521(_) => 132,
        }
    }
}

impl KeyType {
    /// Whether a key of this type can be used with the algorithm.
    pub(crate) fn fits(self, algorithm: Algorithm) -> bool {
        let needed = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Self::Rsa,
            Algorithm::Es256 => Self::P256,
            Algorithm::Es384 => Self::P384,
            Algorithm::Es512 => Self::P521,
            Algorithm::EdDsa => Self::Ed25519,
        };
        self == needed
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    // Leading zeros are against RFC 7518 section 6.3.1.1 and in the wild; the number is the same.
    let modulus = BigUint::from_bytes_be(&member(jwk, "n")?);
    let exponent = BigUint::from_bytes_be(&member(jwk, "e")?);
    match modulus.bits() {
        0..MIN_RSA_BITS => return Err(SkipReason::ModulusTooShort),
        MIN_RSA_BITS..=MAX_RSA_BITS => {}
        _ => return Err(SkipReason::ModulusTooLong),
    }
    if exponent < BigUint::from(MIN_RSA_EXPONENT) || exponent > BigUint::from(MAX_RSA_EXPONENT) {
        return Err(SkipReason::ExponentUnacceptable);
    }
    if exponent.to_bytes_le().first().is_none_or(|byte| byte & 1 == 0) {
        return Err(SkipReason::ExponentUnacceptable);
    }
    // Refuses an even modulus; the bounds above are narrower than its own.
    let key = RsaPublicKey::new_with_max_size(modulus, exponent, MAX_RSA_BITS)
        .map_err(|_| SkipReason::MemberMalformed)?;
    let spki = Spki::rsa(&key).ok_or(SkipReason::MemberMalformed)?;
    Ok((Material::Rsa(key), spki))
}

fn p256(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point::<32>(jwk)?)
        .map_err(|_| SkipReason::PointUnacceptable)?;
    let spki = Spki::p256(key.as_affine().to_sec1_point(false).as_bytes());
    Ok((Material::P256(key), spki))
}

fn p384(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point::<48>(jwk)?)
        .map_err(|_| SkipReason::PointUnacceptable)?;
    let spki = Spki::p384(key.as_affine().to_sec1_point(false).as_bytes());
    Ok((Material::P384(key), spki))
}

fn p521(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(&point::<66>(jwk)?)
        .map_err(|_| SkipReason::PointUnacceptable)?;
    let spki = Spki::p521(key.as_affine().to_sec1_point(false).as_bytes());
    Ok((Material::P521(Box::new(key)), spki))
}

/// The uncompressed point; both coordinates must have their full length (RFC 7518 section 6.2.1.2).
fn point<const COORDINATE_BYTES: usize>(jwk: &Map<String, Value>) -> Result<Vec<u8>, SkipReason> {
    let (x, y) = (member(jwk, "x")?, member(jwk, "y")?);
    if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
        return Err(SkipReason::MemberMalformed);
    }
    Ok([&[0x04], x.as_slice(), y.as_slice()].concat())
}

fn ed25519(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    let bytes: [u8; 32] = member(jwk, "x")?.try_into().map_err(|_| SkipReason::MemberMalformed)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
        .map_err(|_| SkipReason::PointUnacceptable)?;
    // Libraries differ on points of small order and on encodings that are not canonical (RFC 8032 section 5.1.3).
    if key.is_weak() || key.to_edwards().compress().as_bytes() != &bytes {
        return Err(SkipReason::PointUnacceptable);
    }
    Ok((Material::Ed25519(Box::new(key)), Spki::ed25519(&bytes)))
}

/// A base64url member that must be present and not empty.
fn member(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(SkipReason::MemberMalformed)?;
    base64url::decode(text.as_bytes())
        .filter(|bytes| !bytes.is_empty())
        .ok_or(SkipReason::MemberMalformed)
}
