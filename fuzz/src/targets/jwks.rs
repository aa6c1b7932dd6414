//! JWK sets. Every element is used or skipped; a key that is used has an SPKI that AWS-LC reads as the same key, reads back
//! from its own bytes, and is one that Pure and Native judge signatures by alike.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use sallyport_jwt::{Algorithm, Key, KeySet, KeyType, Pure, SignatureBackend, limits};
use serde_json::{Value, json};

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::native::Native;
use crate::seeds;

pub(super) const JWKS: Target = Target {
    name: "jwks",
    about: "JWK sets: which keys are used, their SPKI, and both backends with them",
    run,
    seeds: || {
        let mut all = seeds::folder("fuzz/seeds/jwks")?;
        all.push(seeds::file("fuzz/seeds/keys/jwks.json")?);
        all.extend(seeds::files_below("tests/fixtures/providers", "jwks.json")?);
        Ok(all)
    },
    words: no_words,
    mutate: Mutator::json,
    grows: true,
};

/// Keys of one input that are looked at closely: the cost is per key, and 100 copies of one tell nothing.
const CLOSELY: usize = 8;

fn run(input: &[u8]) -> Outcome {
    let Ok(set) = KeySet::parse(input) else { return Ok(false) };
    let value: Value =
        serde_json::from_slice(input).map_err(|error| format!("accepted, but no JSON: {error}"))?;
    let count = value.get("keys").and_then(Value::as_array).map_or(0, Vec::len);
    must(set.keys().len() + set.skipped().len() == count, || {
        format!("{count} keys, not all told of")
    })?;
    must(count <= limits::MAX_KEYS, || format!("{count} keys"))?;
    must(set.skipped().iter().all(|key| key.index < count), || {
        "an index beyond the end".to_owned()
    })?;
    for key in set.keys().iter().take(CLOSELY) {
        is_sound(key)?;
    }
    Ok(!set.keys().is_empty())
}

fn is_sound(key: &Key) -> Result<(), String> {
    let native = native_algorithm(key.key_type()).ok_or("a secret from a JWK set")?;
    for (what, bytes) in [("SPKI", key.spki_der()), ("bare key", key.public_key_bytes())] {
        let parsed = ParsedPublicKey::new(native, bytes);
        must(parsed.is_ok(), || {
            format!("AWS-LC does not read the {what} of a {:?} key", key.key_type())
        })?;
    }
    must(key.spki_der().ends_with(key.public_key_bytes()), || "two keys in one".to_owned())?;
    reads_back(key)?;
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| key.allows(*algorithm)) {
        let length = key.signature_bytes(algorithm);
        for byte in [0, 1, 0xff] {
            let mut signature = vec![byte; length];
            agree(key, algorithm, &signature)?;
            if let (1, Some((last, before))) = (byte, signature.split_last_mut()) {
                before.fill(0);
                *last = 1;
                agree(key, algorithm, &signature)?;
            }
        }
    }
    Ok(())
}

/// No signature of these shapes was made with any key.
fn agree(key: &Key, algorithm: Algorithm, signature: &[u8]) -> Result<(), String> {
    for (name, answer) in [
        ("Pure", Pure.verify(key, algorithm, b"text", signature)),
        ("Native", Native.verify(key, algorithm, b"text", signature)),
    ] {
        must(answer.is_err(), || format!("{name} accepts a made-up {algorithm} signature"))?;
    }
    Ok(())
}

fn native_algorithm(key_type: KeyType) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match key_type {
        KeyType::Rsa => &RSA_PKCS1_2048_8192_SHA256,
        KeyType::P256 => &ECDSA_P256_SHA256_FIXED,
        KeyType::P384 => &ECDSA_P384_SHA384_FIXED,
        KeyType::P521 => &ECDSA_P521_SHA512_FIXED,
        KeyType::Ed25519 => &ED25519,
        KeyType::Octets => return None,
    })
}

/// A JWK made of the key's own bytes is the same key.
fn reads_back(key: &Key) -> Result<(), String> {
    let bytes = key.public_key_bytes();
    let curve = |crv: &str| {
        let point = bytes.get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        json!({"kty": "EC", "crv": crv, "x": B64.encode(x), "y": B64.encode(y)})
    };
    let jwk = match key.key_type() {
        KeyType::Rsa => {
            let (modulus, exponent) = numbers(bytes).ok_or("an RSA key that is not two numbers")?;
            json!({"kty": "RSA", "n": B64.encode(modulus), "e": B64.encode(exponent)})
        }
        KeyType::P256 => curve("P-256"),
        KeyType::P384 => curve("P-384"),
        KeyType::P521 => curve("P-521"),
        KeyType::Ed25519 => json!({"kty": "OKP", "crv": "Ed25519", "x": B64.encode(bytes)}),
        KeyType::Octets => return Err("a secret from a JWK set".to_owned()),
    };
    let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes())
        .map_err(|error| error.to_string())?;
    let same = set.keys().first().is_some_and(|again| again.spki_der() == key.spki_der());
    must(same, || format!("read back, it is another key: {:?}", set.skipped()))
}

/// The two numbers of RFC 8017's `RSAPublicKey`.
fn numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = element(der, 0x30)?;
    let (modulus, more) = element(sequence, 0x02)?;
    let (exponent, end) = element(more, 0x02)?;
    (rest.is_empty() && end.is_empty()).then_some((modulus, exponent))
}

/// Content of a DER element, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match head[1] {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
    };
    (head[0] == tag).then(|| rest.split_at_checked(length))?
}
