//! One public key from a JWK (RFC 7517 section 4), and the closed list of reasons for leaving one out.
//! A key carries what it may be used for; a token only selects among that. `x5c`, `x5t` and `x5u` are not read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::limits::{MAX_KEY_ID_BYTES, MAX_KEY_ISSUER_BYTES};
use crate::material::Material;
use crate::secret::Secret;
use crate::spki::Spki;

/// The type and curve of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// RSA, 2048 to 8192 bits.
    Rsa,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// A secret for HMAC. Never from a JWK set.
    Octets,
}

/// Why a member of a key set is not used. A set with some of these is normal: providers publish encryption keys beside
/// signature keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The array element is not an object.
    NotAnObject,
    /// A member is absent, of the wrong type, not canonical base64url, too long, or of the wrong length.
    MemberMalformed,
    /// `kty` is none of RSA, EC, OKP; `oct` among others.
    KeyTypeUnsupported,
    /// `crv` is none of P-256, P-384, P-521, Ed25519.
    CurveUnsupported,
    /// The private part of the key is published with it: whoever reads the set can sign.
    PrivateMemberPresent,
    /// `use` is present and not `sig`.
    UseNotSignature,
    /// `key_ops` is present without `verify`.
    OperationsWithoutVerify,
    /// `key_ops` has `verify` and an operation other than `sign` beside it: a key for two purposes (RFC 7517 section 4.3).
    OperationsUnrelated,
    /// `alg` is present and not one of ours.
    AlgorithmUnsupported,
    /// `alg` is one of ours and needs another type of key.
    AlgorithmMismatch,
    /// RSA of fewer than 2048 bits.
    ModulusTooShort,
    /// RSA of more than 8192 bits.
    ModulusTooLong,
    /// RSA with a modulus that can be factored: CVE-2017-15361 (ROCA).
    ModulusWeak,
    /// RSA with an even exponent, one below 3 or one above 33 bits.
    ExponentUnacceptable,
    /// Not on the curve, of small order, or not canonically encoded.
    PointUnacceptable,
}

impl SkipReason {
    /// All, in order: for whoever counts them by name.
    pub const ALL: [Self; 15] = [
        Self::NotAnObject,
        Self::MemberMalformed,
        Self::KeyTypeUnsupported,
        Self::CurveUnsupported,
        Self::PrivateMemberPresent,
        Self::UseNotSignature,
        Self::OperationsWithoutVerify,
        Self::OperationsUnrelated,
        Self::AlgorithmUnsupported,
        Self::AlgorithmMismatch,
        Self::ModulusTooShort,
        Self::ModulusTooLong,
        Self::ModulusWeak,
        Self::ExponentUnacceptable,
        Self::PointUnacceptable,
    ];

    /// The word for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::MemberMalformed => "member_malformed",
            Self::KeyTypeUnsupported => "key_type_unsupported",
            Self::CurveUnsupported => "curve_unsupported",
            Self::PrivateMemberPresent => "private_member_present",
            Self::UseNotSignature => "use_not_signature",
            Self::OperationsWithoutVerify => "operations_without_verify",
            Self::OperationsUnrelated => "operations_unrelated",
            Self::AlgorithmUnsupported => "algorithm_unsupported",
            Self::AlgorithmMismatch => "algorithm_mismatch",
            Self::ModulusTooShort => "modulus_too_short",
            Self::ModulusTooLong => "modulus_too_long",
            Self::ModulusWeak => "modulus_weak",
            Self::ExponentUnacceptable => "exponent_unacceptable",
            Self::PointUnacceptable => "point_unacceptable",
        }
    }
}

/// A key that may verify signatures. Made by [`KeySet::parse`](crate::KeySet::parse), which makes public keys, and
/// [`KeySet::from_secret`](crate::KeySet::from_secret) alone. `Debug` shows nothing of a secret.
#[derive(Clone, Debug)]
pub struct Key {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    issuer: Option<String>,
    spki: Spki,
    material: Material,
}

impl Key {
    /// `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The JWK's `alg`; Entra publishes none.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Entra's per-key `issuer`: the only issuer this key signs for, perhaps with `{tenantid}` in it.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Type and curve.
    pub fn key_type(&self) -> KeyType {
        self.material.key_type()
    }

    /// Whether type and curve fit the algorithm and the key's own `alg`, where present, equals it. A secret must also be
    /// as long as the hash (RFC 7518 section 3.2).
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.material.allows(algorithm) && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether this is a secret shared with the issuer.
    pub(crate) fn is_secret(&self) -> bool {
        self.key_type() == KeyType::Octets
    }

    /// The exact length of every signature by this key: the RSA modulus, or 64, 96, 132 for the curves, 64 for Ed25519,
    /// and the hash for HMAC. Zero where the key does not allow the algorithm.
    pub fn signature_bytes(&self, algorithm: Algorithm) -> usize {
        if self.allows(algorithm) { self.material.signature_bytes(algorithm) } else { 0 }
    }

    /// DER `SubjectPublicKeyInfo`, computed when the set was read: for Envoy's `verify_signature`. Empty for a secret.
    pub fn spki_der(&self) -> &[u8] {
        self.spki.der()
    }

    /// The bare key: PKCS#1 `RSAPublicKey` in DER, an uncompressed SEC 1 point, or 32 bytes. What aws-lc-rs's
    /// `UnparsedPublicKey` takes for each type. Empty for a secret.
    pub fn public_key_bytes(&self) -> &[u8] {
        self.spki.inner()
    }

    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }

    /// The key that `secret` is, without `kid` and `alg`.
    pub(crate) fn from_secret(secret: Secret) -> Self {
        Self {
            kid: None,
            algorithm: None,
            issuer: None,
            spki: Spki::absent(),
            material: Material::Octets(secret),
        }
    }

    /// Reads one element of `keys`.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, SkipReason> {
        let jwk = jwk.as_object().ok_or(SkipReason::NotAnObject)?;
        let kid = text(jwk, "kid", MAX_KEY_ID_BYTES)?;
        let issuer = text(jwk, "issuer", MAX_KEY_ISSUER_BYTES)?;
        let key_type = key_type(jwk)?;
        if PRIVATE_MEMBERS.iter().any(|name| jwk.contains_key(*name)) {
            return Err(SkipReason::PrivateMemberPresent);
        }
        check_use(jwk)?;
        let algorithm = algorithm(jwk, key_type)?;
        let (material, spki) = Material::from_jwk(key_type, jwk)?;
        Ok(Self { kid, algorithm, issuer, spki, material })
    }
}

/// Private members of RSA, EC, OKP and oct (RFC 7518 sections 6.2.2, 6.3.2, 6.4; RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn key_type(jwk: &Map<String, Value>) -> Result<KeyType, SkipReason> {
    let kty = required_text(jwk, "kty")?;
    match kty {
        "RSA" => Ok(KeyType::Rsa),
        "EC" => match required_text(jwk, "crv")? {
            "P-256" => Ok(KeyType::P256),
            "P-384" => Ok(KeyType::P384),
            "P-521" => Ok(KeyType::P521),
            _ => Err(SkipReason::CurveUnsupported),
        },
        "OKP" => match required_text(jwk, "crv")? {
            "Ed25519" => Ok(KeyType::Ed25519),
            _ => Err(SkipReason::CurveUnsupported),
        },
        _ => Err(SkipReason::KeyTypeUnsupported),
    }
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), SkipReason> {
    if jwk.get("use").is_some_and(|value| value != "sig") {
        return Err(SkipReason::UseNotSignature);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) => check_operations(operations),
        Some(_) => Err(SkipReason::MemberMalformed),
    }
}

/// RFC 7517 section 4.3: strings, none of them twice, none unrelated to the others. The private half of a signature key
/// signs, and some say so beside the public half.
fn check_operations(operations: &[Value]) -> Result<(), SkipReason> {
    let mut seen = BTreeSet::new();
    for operation in operations {
        let operation = operation.as_str().ok_or(SkipReason::MemberMalformed)?;
        if !seen.insert(operation) {
            return Err(SkipReason::MemberMalformed);
        }
    }
    if !seen.contains("verify") {
        return Err(SkipReason::OperationsWithoutVerify);
    }
    let related = seen.iter().all(|operation| matches!(*operation, "verify" | "sign"));
    if related { Ok(()) } else { Err(SkipReason::OperationsUnrelated) }
}

fn algorithm(jwk: &Map<String, Value>, key_type: KeyType) -> Result<Option<Algorithm>, SkipReason> {
    let Some(value) = jwk.get("alg") else { return Ok(None) };
    let name = value.as_str().ok_or(SkipReason::MemberMalformed)?;
    let algorithm: Algorithm = name.parse().map_err(|_| SkipReason::AlgorithmUnsupported)?;
    if !key_type.fits(algorithm) {
        return Err(SkipReason::AlgorithmMismatch);
    }
    Ok(Some(algorithm))
}

fn required_text<'j>(jwk: &'j Map<String, Value>, name: &str) -> Result<&'j str, SkipReason> {
    jwk.get(name).and_then(Value::as_str).ok_or(SkipReason::MemberMalformed)
}

fn text(
    jwk: &Map<String, Value>,
    name: &str,
    max_bytes: usize,
) -> Result<Option<String>, SkipReason> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= max_bytes => Ok(Some(text.clone())),
        Some(_) => Err(SkipReason::MemberMalformed),
    }
}
