//! Keys that a provider should not have published. Each of these tokens would pass if its key were used; the key is not.

use sallyport_policy::Reason::{AlgorithmNotAllowed, KeyUnknown};
use serde_json::{Value, json};

use super::forge::{self, ED, ES, Forge, RS, encode, join};
use super::{Attack, attack};
use crate::Result;

pub(super) const CASES: &[Attack] = &[
    attack("jwks-secret", secret, AlgorithmNotAllowed),
    attack("jwks-encryption", encryption, KeyUnknown),
    attack("jwks-weak-rsa", weak_rsa, KeyUnknown),
    attack("jwks-curve", curve, KeyUnknown),
    attack("jwks-small-order", small_order, KeyUnknown),
    attack("jwks-private", private, KeyUnknown),
    attack("jwks-other-issuer", other_issuer, KeyUnknown),
    attack("jwks-algorithm", algorithm, AlgorithmNotAllowed),
];

const SECRET: &[u8] = b"published-published-published-published";

impl Forge {
    /// The issuer's JWK set: three good keys, one with the exponent 3, and what should not be there.
    ///
    /// # Errors
    /// When a key has no such form.
    pub fn jwks(&self) -> Result<Value> {
        let (point, _) = self.ec_der()?;
        let (x, y) = (point.get(1..33).unwrap_or_default(), point.get(33..).unwrap_or_default());
        let rsa = |kid: &str, modulus: &[u8], e: &str| json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": encode(modulus), "e": e });
        let evil = self.evil_modulus()?;
        let with = |mut key: Value, name: &str, value: Value| {
            if let Some(members) = key.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
            key
        };
        let mut off_curve = x.to_vec();
        if let Some(byte) = off_curve.last_mut() {
            *byte ^= 1;
        }
        let mut identity = [0; 32];
        if let Some(byte) = identity.first_mut() {
            *byte = 1;
        }
        Ok(json!({ "keys": [
            with(rsa(RS, self.modulus()?, "AQAB"), "alg", json!("RS256")),
            { "kty": "EC", "crv": "P-256", "kid": ES, "use": "sig", "alg": "ES256", "x": encode(x), "y": encode(y) },
            { "kty": "OKP", "crv": "Ed25519", "kid": ED, "use": "sig", "x": encode(self.ed_public()) },
            rsa("a-e3", evil, "Aw"),
            { "kty": "oct", "kid": "k-oct", "use": "sig", "alg": "HS256", "k": encode(SECRET) },
            with(rsa("k-enc", evil, "AQAB"), "use", json!("enc")),
            with(rsa("k-ops", evil, "AQAB"), "key_ops", json!(["encrypt", "wrapKey"])),
            with(rsa("k-none", evil, "AQAB"), "alg", json!("none")),
            with(rsa("k-rs512", evil, "AQAB"), "alg", json!("RS512")),
            with(rsa("k-issuer", evil, "AQAB"), "issuer", json!("https://other.example/")),
            with(rsa("k-private", evil, "AQAB"), "d", json!("AQAB")),
            rsa("k-e1", evil, "AQ"),
            rsa("k-even", evil, "Ag"),
            rsa("k-1024", evil.get(..128).unwrap_or_default(), "AQAB"),
            { "kty": "EC", "crv": "P-256", "kid": "k-off", "x": encode(&off_curve), "y": encode(y) },
            { "kty": "EC", "crv": "P-256", "kid": "k-zero", "x": encode(&[0; 32]), "y": encode(&[0; 32]) },
            { "kty": "EC", "crv": "secp256k1", "kid": "k-k1", "x": encode(x), "y": encode(y) },
            { "kty": "OKP", "crv": "Ed25519", "kid": "k-small", "x": encode(&identity) },
        ] }))
    }
}

/// The published secret is one now, and it signs for anybody: HS256 is not even asked about it.
fn secret(forge: &Forge) -> Result<Vec<String>> {
    let header = br#"{"alg":"HS256","kid":"k-oct"}"#;
    let input = forge::input(header, forge.root().as_bytes());
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    Ok(vec![join(&input, tag.as_ref())])
}

fn by(forge: &Forge, kids: &[&str]) -> Result<Vec<String>> {
    kids.iter().map(|kid| forge.evil(&[("kid", json!(kid))])).collect()
}

fn encryption(forge: &Forge) -> Result<Vec<String>> {
    by(forge, &["k-enc", "k-ops", "k-none"])
}

/// With the exponent 1 the padded hash is its own signature.
fn weak_rsa(forge: &Forge) -> Result<Vec<String>> {
    let mut tokens = by(forge, &["k-1024", "k-even"])?;
    let header = br#"{"alg":"RS256","kid":"k-e1"}"#;
    let input = forge::input(header, forge.root().as_bytes());
    tokens.push(join(&input, &super::signatures::padded(input.as_bytes())));
    Ok(tokens)
}

fn curve(forge: &Forge) -> Result<Vec<String>> {
    let kids = ["k-off", "k-zero", "k-k1"];
    kids.iter().map(|kid| forge.with_header("ES256", &[("kid", json!(kid))])).collect()
}

/// Under the identity as public key, `S = 0` with the identity as `R` is a signature of every text.
fn small_order(forge: &Forge) -> Result<Vec<String>> {
    let mut signature = [0; 64];
    if let Some(byte) = signature.first_mut() {
        *byte = 1;
    }
    Ok(vec![forge.unsigned(&[("alg", json!("EdDSA")), ("kid", json!("k-small"))], &signature)])
}

fn private(forge: &Forge) -> Result<Vec<String>> {
    by(forge, &["k-private"])
}

fn other_issuer(forge: &Forge) -> Result<Vec<String>> {
    by(forge, &["k-issuer"])
}

fn algorithm(forge: &Forge) -> Result<Vec<String>> {
    by(forge, &["k-rs512"])
}
