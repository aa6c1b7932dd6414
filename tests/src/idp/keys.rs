//! The provider's keys: generating, signing, and their JWK form (RFC 7517, 7518, 8037).
//! The first set is `rs-1`, `es-1` and `ed-1`, and `enc-1`, an RSA-OAEP key for encryption, as
//! Keycloak lists it: a verifier must not pick it.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Result;

/// A signature algorithm of RFC 7518 or 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Alg {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Alg {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    fn rsa_encoding(self) -> Option<&'static dyn signature::RsaEncoding> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_SHA512),
            Self::Es256 | Self::Es384 | Self::Es512 | Self::EdDsa => None,
        }
    }

    /// The curve's name, its coordinate's length and how to sign with it.
    fn curve(self) -> Option<(&'static str, usize, &'static signature::EcdsaSigningAlgorithm)> {
        match self {
            Self::Es256 => Some(("P-256", 32, &signature::ECDSA_P256_SHA256_FIXED_SIGNING)),
            Self::Es384 => Some(("P-384", 48, &signature::ECDSA_P384_SHA384_FIXED_SIGNING)),
            Self::Es512 => Some(("P-521", 66, &signature::ECDSA_P521_SHA512_FIXED_SIGNING)),
            Self::Rs256
            | Self::Rs384
            | Self::Rs512
            | Self::Ps256
            | Self::Ps384
            | Self::Ps512
            | Self::EdDsa => None,
        }
    }
}

/// One key. It can sign with every algorithm of its kind, whatever its JWK says.
#[derive(Debug)]
pub(super) struct Key {
    kid: String,
    /// None for the encryption key.
    alg: Option<Alg>,
    material: Material,
    listed: bool,
}

#[derive(Debug)]
enum Material {
    Rsa(RsaKeyPair),
    Ec { pair: EcdsaKeyPair, curve: &'static str, coordinate: usize },
    Ed(Ed25519KeyPair),
}

impl Key {
    fn generate(kid: &str, alg: Option<Alg>) -> Result<Self> {
        let material = match alg {
            Some(Alg::EdDsa) => Material::Ed(Ed25519KeyPair::generate()?),
            Some(alg) => match alg.curve() {
                Some((curve, coordinate, how)) => {
                    Material::Ec { pair: EcdsaKeyPair::generate(how)?, curve, coordinate }
                }
                None => rsa()?,
            },
            None => rsa()?,
        };
        Ok(Self { kid: kid.to_owned(), alg, material, listed: true })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the JWKS has it as a signing key.
    pub(super) fn is_listed(&self) -> bool {
        self.listed && self.alg.is_some()
    }

    /// The JWS signature over `input`.
    pub(super) fn sign(&self, alg: Alg, input: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match (&self.material, alg.rsa_encoding(), alg.curve()) {
            (Material::Rsa(pair), Some(encoding), _) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, input, &mut signature)?;
                Ok(signature)
            }
            (Material::Ec { pair, curve, .. }, _, Some((wanted, _, _))) if *curve == wanted => {
                Ok(pair.sign(&random, input)?.as_ref().to_vec())
            }
            (Material::Ed(pair), None, None) => Ok(pair.sign(input).as_ref().to_vec()),
            _ => Err(format!("key `{}` cannot sign with {}", self.kid, alg.name()).into()),
        }
    }

    fn jwk(&self) -> Result<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.material {
            Material::Rsa(pair) => {
                let (n, e) = rsa_components(pair.public_key().as_ref())
                    .ok_or("an RSA public key that is no RSAPublicKey")?;
                json!({ "kty": "RSA", "n": encode(n), "e": encode(e) })
            }
            Material::Ec { pair, curve, coordinate } => {
                let point = pair.public_key().as_ref();
                let xy = point.strip_prefix(&[4]).unwrap_or(point);
                let (x, y) = xy.split_at_checked(*coordinate).ok_or("a short curve point")?;
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Material::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        if let Some(fields) = jwk.as_object_mut() {
            let (usage, alg) = self.alg.map_or(("enc", "RSA-OAEP"), |alg| ("sig", alg.name()));
            fields.insert("kid".to_owned(), Value::from(self.kid.as_str()));
            fields.insert("use".to_owned(), Value::from(usage));
            fields.insert("alg".to_owned(), Value::from(alg));
        }
        Ok(jwk)
    }

    /// The public key as a PEM SubjectPublicKeyInfo, for RSA keys.
    pub(super) fn spki_pem(&self) -> Result<String> {
        let Material::Rsa(pair) = &self.material else {
            return Err(format!("key `{}` is no RSA key", self.kid).into());
        };
        let der = pair.public_key().as_der()?;
        let text = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        Ok(pem)
    }
}

fn rsa() -> Result<Material> {
    Ok(Material::Rsa(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048)?))
}

/// Modulus and exponent of a DER `RSAPublicKey` (RFC 8017, A.1.1), without leading zeros.
fn rsa_components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_value(der, 0x30)?;
    let (n, rest) = der_value(sequence, 0x02)?;
    let (e, _) = der_value(rest, 0x02)?;
    Some((n.strip_prefix(&[0]).unwrap_or(n), e.strip_prefix(&[0]).unwrap_or(e)))
}

/// The content of a DER value with this tag, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match usize::from(first) {
        short @ ..0x80 => (short, rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(long & 0x7f)?;
            let length = bytes.iter().try_fold(0_usize, |length, byte| {
                length.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

/// All keys, oldest first.
#[derive(Debug)]
pub(super) struct KeyRing {
    keys: Vec<Key>,
    generation: u32,
}

const ROTATED: &[(Alg, &str)] = &[(Alg::Rs256, "rs"), (Alg::Es256, "es"), (Alg::EdDsa, "ed")];
/// The id of the encryption key.
pub(super) const ENCRYPTION_KID: &str = "enc-1";

impl KeyRing {
    pub(super) fn generate() -> Result<Self> {
        let mut ring = Self { keys: Vec::new(), generation: 0 };
        ring.rotate()?;
        ring.keys.push(Key::generate(ENCRYPTION_KID, None)?);
        Ok(ring)
    }

    pub(super) fn rotate(&mut self) -> Result<Vec<String>> {
        let generation = self.generation.saturating_add(1);
        let mut names = Vec::new();
        for (alg, prefix) in ROTATED {
            let kid = format!("{prefix}-{generation}");
            self.add(*alg, &kid)?;
            names.push(kid);
        }
        self.generation = generation;
        Ok(names)
    }

    pub(super) fn add(&mut self, alg: Alg, kid: &str) -> Result<()> {
        if self.by_id(kid).is_ok() {
            return Err(format!("there is a key `{kid}` already").into());
        }
        self.keys.push(Key::generate(kid, Some(alg))?);
        Ok(())
    }

    pub(super) fn retire(&mut self, kid: &str) -> Result<()> {
        match self.keys.iter_mut().find(|key| key.kid == kid) {
            Some(key) => {
                key.listed = false;
                Ok(())
            }
            None => Err(format!("no key `{kid}`").into()),
        }
    }

    pub(super) fn by_id(&self, kid: &str) -> Result<&Key> {
        self.keys.iter().find(|key| key.kid == kid).ok_or_else(|| format!("no key `{kid}`").into())
    }

    /// The newest listed key of an algorithm.
    pub(super) fn current(&self, alg: Alg) -> Result<&Key> {
        let found = self.keys.iter().rev().find(|key| key.listed && key.alg == Some(alg));
        found.ok_or_else(|| format!("no key for {}; add one with add_key", alg.name()).into())
    }

    pub(super) fn jwks(&self) -> Value {
        let listed = self.keys.iter().filter(|key| key.listed);
        // A key that has no JWK form is none of ours; leaving it out shows in every test.
        json!({ "keys": listed.filter_map(|key| key.jwk().ok()).collect::<Vec<_>>() })
    }
}
