//! What attacks are made with: an issuer's keys, an attacker's key, and tokens put together part by part.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Result;
use crate::idp::{Claims, now};

/// Key ids of the issuer's three good keys.
pub(super) const RS: &str = "a-rs";
pub(super) const ES: &str = "a-es";
pub(super) const ED: &str = "a-ed";
/// The RSA keys' length.
pub(super) const RSA_BYTES: usize = 256;

/// An issuer under attack.
#[derive(Debug)]
pub struct Forge {
    issuer: String,
    rs: RsaKeyPair,
    es: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    /// The attacker's own key.
    evil: RsaKeyPair,
    good: String,
}

/// A member changed, or taken away by `null`.
pub(super) type Change<'c> = (&'c str, Value);

impl Forge {
    /// Keys for an issuer.
    ///
    /// # Errors
    /// When no keys can be generated.
    pub fn new(issuer: &str) -> Result<Self> {
        let mut forge = Self {
            issuer: issuer.to_owned(),
            rs: RsaKeyPair::generate(KeySize::Rsa2048)?,
            es: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            ed: Ed25519KeyPair::generate()?,
            evil: RsaKeyPair::generate(KeySize::Rsa2048)?,
            good: String::new(),
        };
        forge.good = forge.with_header("RS256", &[])?;
        Ok(forge)
    }

    /// A token with nothing wrong; always the same one, so that it is remembered.
    #[must_use]
    pub fn good(&self) -> &str {
        &self.good
    }

    /// Good tokens of the other algorithms.
    ///
    /// # Errors
    /// When nothing can be signed.
    pub fn other_good(&self) -> Result<Vec<String>> {
        ["ES256", "EdDSA"].iter().map(|alg| self.with_header(alg, &[])).collect()
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn claims(&self) -> Claims {
        let mut claims = Claims::new();
        let now = now();
        let members = [
            ("iss", json!(self.issuer)),
            ("aud", json!("orders")),
            ("sub", json!("alice")),
            ("azp", json!("shop")),
            ("scope", json!("orders.read")),
            ("iat", json!(now)),
            ("exp", json!(now.saturating_add(300))),
        ];
        claims.extend(members.map(|(name, value)| (name.to_owned(), value)));
        claims
    }

    /// A token by the issuer's own key for the algorithm, whose header is changed.
    pub(super) fn with_header(&self, alg: &str, changes: &[Change<'_>]) -> Result<String> {
        let header = Value::Object(changed(header(alg), changes)).to_string();
        self.signed(alg, header.as_bytes(), Value::Object(self.claims()).to_string().as_bytes())
    }

    /// A token by the issuer's RS256 key, whose claims are changed.
    pub(super) fn with_claims(&self, changes: &[Change<'_>]) -> Result<String> {
        let claims = Value::Object(changed(self.claims(), changes)).to_string();
        self.signed_payload(claims.as_bytes())
    }

    /// A token by the issuer's RS256 key with any payload.
    pub(super) fn signed_payload(&self, payload: &[u8]) -> Result<String> {
        let header = Value::Object(header("RS256")).to_string();
        self.signed("RS256", header.as_bytes(), payload)
    }

    /// A token by the issuer's own key for the algorithm, with any header and payload.
    pub(super) fn signed(&self, alg: &str, header: &[u8], payload: &[u8]) -> Result<String> {
        let input = input(header, payload);
        Ok(join(&input, &self.sign(alg, input.as_bytes())?))
    }

    /// A token by the attacker's key: RS256 unless the header says otherwise, with an administrator's claims.
    pub(super) fn evil(&self, changes: &[Change<'_>]) -> Result<String> {
        let header = Value::Object(changed(header("RS256"), changes)).to_string();
        let input = input(header.as_bytes(), self.root().as_bytes());
        Ok(join(&input, &rsa(&self.evil, &RSA_PKCS1_SHA256, input.as_bytes())?))
    }

    /// A token with an administrator's claims and any signature.
    pub(super) fn unsigned(&self, changes: &[Change<'_>], signature: &[u8]) -> String {
        let header = Value::Object(changed(header("RS256"), changes)).to_string();
        join(&input(header.as_bytes(), self.root().as_bytes()), signature)
    }

    /// What an attacker wants to claim.
    pub(super) fn root(&self) -> String {
        let wanted = [("sub", json!("root")), ("scope", json!("orders.read admin"))];
        Value::Object(changed(self.claims(), &wanted)).to_string()
    }

    pub(super) fn sign(&self, alg: &str, input: &[u8]) -> Result<Vec<u8>> {
        match alg {
            "RS256" => rsa(&self.rs, &RSA_PKCS1_SHA256, input),
            "RS384" => rsa(&self.rs, &RSA_PKCS1_SHA384, input),
            "PS256" => rsa(&self.rs, &RSA_PSS_SHA256, input),
            "ES256" => Ok(self.es.sign(&SystemRandom::new(), input)?.as_ref().to_vec()),
            "EdDSA" => Ok(self.ed.sign(input).as_ref().to_vec()),
            _ => Err(format!("no key signs `{alg}`").into()),
        }
    }

    /// The attacker's modulus.
    pub(super) fn evil_modulus(&self) -> Result<&[u8]> {
        modulus(&self.evil)
    }

    /// The issuer's RSA modulus.
    pub(super) fn modulus(&self) -> Result<&[u8]> {
        modulus(&self.rs)
    }

    /// The issuer's RSA key as DER `RSAPublicKey`, and as DER `SubjectPublicKeyInfo`.
    pub(super) fn rsa_der(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let key = self.rs.public_key();
        Ok((key.as_ref().to_vec(), key.as_der()?.as_ref().to_vec()))
    }

    /// The issuer's P-256 key as a point, and as DER `SubjectPublicKeyInfo`.
    pub(super) fn ec_der(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let key = self.es.public_key();
        Ok((key.as_ref().to_vec(), key.as_der()?.as_ref().to_vec()))
    }

    pub(super) fn ed_public(&self) -> &[u8] {
        self.ed.public_key().as_ref()
    }
}

fn rsa(pair: &RsaKeyPair, how: &'static dyn RsaEncoding, input: &[u8]) -> Result<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(how, &SystemRandom::new(), input, &mut signature)?;
    Ok(signature)
}

/// Of a key of 2048 bits with the exponent 65537, whose DER `RSAPublicKey` has one shape.
fn modulus(pair: &RsaKeyPair) -> Result<&[u8]> {
    let der = pair.public_key().as_ref();
    Ok(der.get(9..).and_then(|rest| rest.get(..RSA_BYTES)).ok_or("an RSA key of another shape")?)
}

/// The header of an honest token.
pub(super) fn header(alg: &str) -> Claims {
    let kid = match alg {
        "ES256" => ES,
        "EdDSA" => ED,
        _ => RS,
    };
    let members = [("alg", alg), ("kid", kid), ("typ", "JWT")];
    members.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

pub(super) fn changed(mut members: Claims, changes: &[Change<'_>]) -> Claims {
    for (name, value) in changes {
        if value.is_null() {
            members.remove(*name);
        } else {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    members
}

/// base64url without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>> {
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

/// What is signed.
pub(super) fn input(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

pub(super) fn join(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", encode(signature))
}

/// What is signed, and the signature.
pub(super) fn split(token: &str) -> Result<(&str, Vec<u8>)> {
    let (input, signature) = token.rsplit_once('.').ok_or("no compact JWS")?;
    Ok((input, decode(signature)?))
}

/// A PEM text with lines of 64 characters, as OpenSSL writes it.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
