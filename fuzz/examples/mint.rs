//! Makes `seeds/token` and `seeds/keys` anew: three tokens for each algorithm, and the keys that verify them. The private
//! keys are thrown away, so nobody, a mutation included, can make another token that verifies.
//! `cargo run --manifest-path fuzz/Cargo.toml --example mint`

use std::error::Error;
use std::fs;
use std::path::Path;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

type Sign = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, Box<dyn Error>>>;
type Signer = (&'static str, &'static str, Sign);

fn main() -> Result<(), Box<dyn Error>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    fs::create_dir_all(seeds.join("token"))?;
    fs::create_dir_all(seeds.join("keys"))?;
    let mut jwks = Vec::new();
    let mut signers: Vec<Signer> = Vec::new();
    rsa(&mut jwks, &mut signers)?;
    curves(&mut jwks, &mut signers)?;
    let pair = Ed25519KeyPair::generate()?;
    let x = B64.encode(pair.public_key().as_ref());
    jwks.push(json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed25519", "x": x}));
    signers.push((
        "EdDSA",
        "ed25519",
        Box::new(move |input| Ok(pair.sign(input).as_ref().to_vec())),
    ));
    let mut secret = [0; 64];
    aws_lc_rs::rand::fill(&mut secret)?;
    for (name, kind) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        let key = hmac::Key::new(kind, &secret);
        signers.push((
            name,
            "secret",
            Box::new(move |input| Ok(hmac::sign(&key, input).as_ref().to_vec())),
        ));
    }
    fs::write(seeds.join("keys/jwks.json"), format!("{:#}\n", json!({"keys": jwks})))?;
    fs::write(seeds.join("keys/secret"), B64.encode(secret))?;
    for (name, kid, sign) in &signers {
        for (number, (header, claims)) in (1..).zip(texts(name, kid)) {
            let input =
                format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
            let token = format!("{input}.{}", B64.encode(sign(input.as_bytes())?));
            fs::write(seeds.join(format!("token/{name}-{number}.jwt")), token)?;
        }
    }
    Ok(())
}

fn rsa(jwks: &mut Vec<Value>, signers: &mut Vec<Signer>) -> Result<(), Box<dyn Error>> {
    let pair = std::rc::Rc::new(RsaKeyPair::generate(KeySize::Rsa2048)?);
    // RSAPublicKey of RFC 8017: 9 bytes of lengths and a zero, the modulus, 5 bytes for 65537.
    let modulus = pair.public_key().as_ref().get(9..265).ok_or("another encoding")?;
    jwks.push(
        json!({"kty": "RSA", "kid": "rsa", "use": "sig", "n": B64.encode(modulus), "e": "AQAB"}),
    );
    let encodings: [(&str, &'static dyn RsaEncoding); 6] = [
        ("RS256", &RSA_PKCS1_SHA256),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
        ("PS256", &RSA_PSS_SHA256),
        ("PS384", &RSA_PSS_SHA384),
        ("PS512", &RSA_PSS_SHA512),
    ];
    for (name, encoding) in encodings {
        let pair = std::rc::Rc::clone(&pair);
        let sign = move |input: &[u8]| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), input, &mut signature)?;
            Ok(signature)
        };
        signers.push((name, "rsa", Box::new(sign)));
    }
    Ok(())
}

fn curves(jwks: &mut Vec<Value>, signers: &mut Vec<Signer>) -> Result<(), Box<dyn Error>> {
    for (name, crv, kid, signing) in [
        ("ES256", "P-256", "p256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("ES384", "P-384", "p384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        ("ES512", "P-521", "p521", &ECDSA_P521_SHA512_FIXED_SIGNING),
    ] {
        let pair = EcdsaKeyPair::generate(signing)?;
        let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (B64.encode(x), B64.encode(y));
        jwks.push(json!({"kty": "EC", "crv": crv, "kid": kid, "alg": name, "x": x, "y": y}));
        let sign =
            move |input: &[u8]| Ok(pair.sign(&SystemRandom::new(), input)?.as_ref().to_vec());
        signers.push((name, kid, Box::new(sign)));
    }
    Ok(())
}

/// As Keycloak writes them, as RFC 9068 has them, and with nothing that need not be. All valid at 1,800,000,000.
fn texts(alg: &str, kid: &str) -> [(Value, Value); 3] {
    let (iss, exp, iat) = ("https://idp.example/realms/main", 4_102_444_800_u64, 1_799_999_900);
    [
        (
            json!({"alg": alg, "typ": "JWT", "kid": kid}),
            json!({"iss": iss, "exp": exp, "iat": iat, "nbf": iat, "jti": "0c1f", "typ": "Bearer", "azp": "web",
                "aud": ["orders", "account"], "sub": "f:1:alice", "scope": "orders.read profile",
                "realm_access": {"roles": ["staff"]}, "resource_access": {"my.client": {"roles": ["a", "b"]}}}),
        ),
        (
            json!({"alg": alg, "typ": "at+jwt", "kid": kid}),
            json!({"iss": iss, "exp": exp, "iat": iat, "aud": "orders", "sub": "5ba552d67", "client_id": "s6BhdRkqt3",
                "jti": "dbe39bf3a3ba4238a513f51d6e1691c4", "scp": ["orders.read"], "groups": ["g"]}),
        ),
        (json!({"alg": alg}), json!({"iss": iss, "exp": exp, "aud": "orders"})),
    ]
}
