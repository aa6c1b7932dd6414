//! ES256 tokens of the quickstart's issuer, signed with a key of this process.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair, SanType};
use serde_json::{Value, json};

/// The time of all tests.
pub(crate) const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

/// The key set that the issuer would serve.
pub(crate) fn key_set() -> String {
    let point = KEY.public_key().as_ref();
    let coordinate = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
        "x": coordinate(1..33), "y": coordinate(33..65),
    }] })
    .to_string()
}

/// Alice of tenant acme, with one scope.
pub(crate) fn claims(scope: &str) -> Value {
    json!({
        "iss": "http://127.0.0.1:18080/realms/main", "aud": "orders", "sub": "5f1c0c1e-alice", "azp": "shop",
        "scope": scope, "iat": NOW - 10, "exp": NOW + 300, "tenant": "acme",
        "realm_access": { "roles": ["customer"] },
    })
}

/// Signs.
pub(crate) fn sign(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" });
    let input = format!("{}.{}", part(&header), part(claims));
    let signature = KEY.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A client's certificate with a SPIFFE id and no other name, as PEM.
pub(crate) fn certificate() -> String {
    let mut params = CertificateParams::default();
    let id = "spiffe://example.org/orders".try_into().unwrap();
    params.subject_alt_names = vec![SanType::URI(id)];
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}
