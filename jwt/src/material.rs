//! Key material, parsed and checked once when a key set is read: the numbers of a JWK (RFC 7518 section 6, RFC 8037
//! section 2) as the types of the pure backend. What passes here is acceptable to every backend:
//! sizes, exponents, points and encodings that libraries judge differently are refused.

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::ed25519::Ed25519Key;
use crate::key::{KeyType, SkipReason};
use crate::limits::{MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_RSA_BITS, MIN_RSA_EXPONENT};
use crate::pure::{Curve, EcKey, P256, P384, P521, RsaKey};
use crate::roca;
use crate::secret::{self, Secret};
use crate::spki::Spki;

/// A key of one of the six types; all are public but the last.
#[derive(Clone, Debug)]
pub(crate) enum Material {
    Rsa(RsaKey),
    Ec(EcKey),
    Ed25519(Box<Ed25519Key>),
    Octets(Secret),
}

impl Material {
    /// Reads the members that belong to this type of key.
    pub(crate) fn from_jwk(
        key_type: KeyType,
        jwk: &Map<String, Value>,
    ) -> Result<(Self, Spki), SkipReason> {
        match key_type {
            KeyType::Rsa => rsa(jwk),
            KeyType::P256 => ec(&P256, jwk),
            KeyType::P384 => ec(&P384, jwk),
            KeyType::P521 => ec(&P521, jwk),
            KeyType::Ed25519 => ed25519(jwk),
            // RFC 7518 section 6.4. A published secret is none.
            KeyType::Octets => Err(SkipReason::KeyTypeUnsupported),
        }
    }

    pub(crate) fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ec(key) => key.curve().key_type,
            Self::Ed25519(_) => KeyType::Ed25519,
            Self::Octets(_) => KeyType::Octets,
        }
    }

    /// Whether it can be used with the algorithm.
    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.key_type().fits(algorithm)
            && match self {
                Self::Octets(secret) => secret.suffices(algorithm),
                Self::Rsa(_) | Self::Ec(_) | Self::Ed25519(_) => true,
            }
    }

    /// The exact length of every signature by this key with an algorithm that it allows.
    pub(crate) fn signature_bytes(&self, algorithm: Algorithm) -> usize {
        match self {
            Self::Rsa(key) => key.bytes(),
            Self::Ec(key) => key.curve().bytes().saturating_mul(2),
            Self::Ed25519(_) => 64,
            Self::Octets(_) => secret::hash_bytes(algorithm),
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
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Self::Octets,
        };
        self == needed
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    // Leading zeros are against RFC 7518 section 6.3.1.1 and in the wild; the number is the same.
    let (modulus, exponent) = (number(member(jwk, "n")?), number(member(jwk, "e")?));
    match bits(&modulus) {
        0..MIN_RSA_BITS => return Err(SkipReason::ModulusTooShort),
        MIN_RSA_BITS..=MAX_RSA_BITS => {}
        _ => return Err(SkipReason::ModulusTooLong),
    }
    if roca::is_weak(&modulus) {
        return Err(SkipReason::ModulusWeak);
    }
    if exponent.len() > 8 {
        return Err(SkipReason::ExponentUnacceptable);
    }
    let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if !(MIN_RSA_EXPONENT..=MAX_RSA_EXPONENT).contains(&value) || value & 1 == 0 {
        return Err(SkipReason::ExponentUnacceptable);
    }
    // Refuses an even modulus.
    let key = RsaKey::new(&modulus, value).ok_or(SkipReason::MemberMalformed)?;
    let spki = Spki::rsa(&modulus, &exponent);
    Ok((Material::Rsa(key), spki))
}

fn number(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

/// Length in bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros());
    number.len().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

fn ec(curve: &'static Curve, jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    // Both coordinates must have their full length (RFC 7518 section 6.2.1.2).
    let coordinate = |name| {
        let bytes = member(jwk, name)?;
        if bytes.len() == curve.bytes() { Ok(bytes) } else { Err(SkipReason::MemberMalformed) }
    };
    let (x, y) = (coordinate("x")?, coordinate("y")?);
    let spki = Spki::ec(curve.key_type, &uncompressed(&x, &y));
    let key = EcKey::new(curve, x, y).ok_or(SkipReason::PointUnacceptable)?;
    Ok((Material::Ec(key), spki))
}

/// SEC 1 section 2.3.3.
fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[0x04], x, y].concat()
}

fn ed25519(jwk: &Map<String, Value>) -> Result<(Material, Spki), SkipReason> {
    let bytes: [u8; 32] = member(jwk, "x")?.try_into().map_err(|_| SkipReason::MemberMalformed)?;
    let key = Ed25519Key::from_bytes(&bytes).ok_or(SkipReason::PointUnacceptable)?;
    Ok((Material::Ed25519(Box::new(key)), Spki::ed25519(&bytes)))
}

/// A base64url member that must be present and not empty.
fn member(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    let text = jwk.get(name).and_then(Value::as_str).ok_or(SkipReason::MemberMalformed)?;
    base64url::decode(text.as_bytes())
        .filter(|bytes| !bytes.is_empty())
        .ok_or(SkipReason::MemberMalformed)
}
