//! The native signature backend: aws-lc-rs. Judges like `sallyport_jwt::Pure`, at a twentieth of the cost.
//! Lengths, algorithm and key were checked by the jwt crate before it asks.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use sallyport_jwt::{Algorithm, Key, Pure, SignatureBackend, SignatureInvalid};

/// The ten algorithms with public keys by AWS-LC, HS* by [`Pure`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl SignatureBackend for Native {
    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        let Some(verification) = verification(algorithm) else {
            return Pure.verify(key, algorithm, signing_input, signature);
        };
        UnparsedPublicKey::new(verification, key.public_key_bytes())
            .verify(signing_input, signature)
            .map_err(|_| SignatureInvalid)
    }
}

/// None: HMAC, which has no public key. Only the jwt crate sees a secret.
fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::Es512 => &ECDSA_P521_SHA512_FIXED,
        Algorithm::EdDsa => &ED25519,
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return None,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use sallyport_jwt::{Algorithm, KeySet, Pure, SignatureBackend as _};
    use serde_json::json;

    use super::Native;

    const INPUT: &[u8] = b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJib2IifQ";

    fn set(jwk: &serde_json::Value) -> KeySet {
        let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
        assert!(set.skipped().is_empty(), "{:?}", set.skipped());
        set
    }

    /// Good, flipped at both ends, for another input, and with every other algorithm: the same answer from both.
    fn check(algorithm: Algorithm, set: &KeySet, signature: &[u8]) {
        let key = &set.keys()[0];
        assert!(Native.verify(key, algorithm, INPUT, signature).is_ok(), "{algorithm}");
        assert!(Pure.verify(key, algorithm, INPUT, signature).is_ok(), "{algorithm}");
        let mut other = INPUT.to_vec();
        other[3] ^= 1;
        assert!(Native.verify(key, algorithm, &other, signature).is_err(), "{algorithm}");
        for place in [0, signature.len().div_ceil(2), signature.len().saturating_sub(1)] {
            let mut flipped = signature.to_vec();
            flipped[place] ^= 1;
            assert!(Native.verify(key, algorithm, INPUT, &flipped).is_err(), "{algorithm} {place}");
            assert!(Pure.verify(key, algorithm, INPUT, &flipped).is_err(), "{algorithm} {place}");
        }
        for wrong in [vec![], vec![0; signature.len()], vec![0xff; signature.len()]] {
            assert!(Native.verify(key, algorithm, INPUT, &wrong).is_err(), "{algorithm}");
        }
        for one in Algorithm::ALL.into_iter().filter(|one| *one != algorithm) {
            assert!(Native.verify(key, one, INPUT, signature).is_err(), "{one} for {algorithm}");
        }
    }

    #[test]
    fn rsa() {
        let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        // RSAPublicKey of RFC 8017: 9 bytes of lengths and a zero, the modulus, 5 bytes for 65537.
        let n = B64.encode(&pair.public_key().as_ref()[9..265]);
        let e = B64.encode([1, 0, 1]);
        let set = set(&json!({"kty": "RSA", "n": n, "e": e}));
        let cases: [(Algorithm, &'static dyn RsaEncoding); 6] = [
            (Algorithm::Rs256, &RSA_PKCS1_SHA256),
            (Algorithm::Rs384, &RSA_PKCS1_SHA384),
            (Algorithm::Rs512, &RSA_PKCS1_SHA512),
            (Algorithm::Ps256, &RSA_PSS_SHA256),
            (Algorithm::Ps384, &RSA_PSS_SHA384),
            (Algorithm::Ps512, &RSA_PSS_SHA512),
        ];
        for (algorithm, encoding) in cases {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), INPUT, &mut signature).unwrap();
            check(algorithm, &set, &signature);
        }
    }

    #[test]
    fn curves() {
        for (algorithm, crv, signing) in [
            (Algorithm::Es256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            (Algorithm::Es384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            (Algorithm::Es512, "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        ] {
            let pair = EcdsaKeyPair::generate(signing).unwrap();
            let point = pair.public_key().as_ref();
            let (x, y) = point[1..].split_at((point.len() - 1) / 2);
            let (x, y) = (B64.encode(x), B64.encode(y));
            let set = set(&json!({"kty": "EC", "crv": crv, "x": x, "y": y}));
            let signature = pair.sign(&SystemRandom::new(), INPUT).unwrap();
            check(algorithm, &set, signature.as_ref());
        }
    }

    #[test]
    fn ed25519() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = B64.encode(pair.public_key().as_ref());
        let set = set(&json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
        check(Algorithm::EdDsa, &set, pair.sign(INPUT).as_ref());
    }

    #[test]
    fn secrets() {
        use aws_lc_rs::hmac;
        for (algorithm, kind, bytes) in [
            (Algorithm::Hs256, hmac::HMAC_SHA256, 32),
            (Algorithm::Hs384, hmac::HMAC_SHA384, 48),
            (Algorithm::Hs512, hmac::HMAC_SHA512, 64),
        ] {
            let secret = vec![7; bytes];
            let set = KeySet::from_secret(&secret).unwrap();
            let tag = hmac::sign(&hmac::Key::new(kind, &secret), INPUT);
            check(algorithm, &set, tag.as_ref());
        }
    }
}
