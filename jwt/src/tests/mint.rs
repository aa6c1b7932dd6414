//! Signs what the other tests need: any header, any payload, all algorithms. Keys are the published ones of RFC 7515
//! and RFC 8037 and one fixed P-384 key, so nothing is generated and every run is the same.

use std::convert::Infallible;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pss, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{Algorithm, KeySet, Pure, TokenError, TokenRules, UnixTime, Unverified, Verified};

pub(super) const NOW: UnixTime = UnixTime(1_700_000_000);
pub(super) const ISSUER: &str = "https://idp.example/realms/main";

pub(super) const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const RSA_D: &str = "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ";
const RSA_P: &str = "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc";
const RSA_Q: &str = "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc";
/// RFC 7515 appendix A.1: 64 bytes, enough for HS512.
const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const P256_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
const P521_D: &str =
    "AY5pb7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRhajnu0ferB0d53vM9mE15j2C";
const ED25519_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(super) fn rsa() -> &'static RsaPrivateKey {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let [n, d, p, q] = [RSA_N, RSA_D, RSA_P, RSA_Q]
            .map(|text| BoxedUint::from_be_slice_vartime(&decode(text)));
        RsaPrivateKey::from_components(n, BoxedUint::from(65537u32), d, vec![p, q]).unwrap()
    })
}

pub(super) fn p256() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&decode(P256_D)).unwrap()
}

pub(super) fn p384() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap()
}

pub(super) fn p521() -> p521::ecdsa::SigningKey {
    p521::ecdsa::SigningKey::from_slice(&decode(P521_D)).unwrap()
}

pub(super) fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&decode(ED25519_D).try_into().unwrap())
}

pub(super) fn secret() -> Vec<u8> {
    decode(SECRET)
}

/// The JWK of the key that signs with this algorithm; its `kid` is the `kty` or `crv`, and it has no `alg`.
pub(super) fn jwk(algorithm: Algorithm) -> Value {
    let ec = |crv: &str, point: &[u8]| {
        let (x, y) = point[1..].split_at(point.len() / 2);
        json!({"kty": "EC", "crv": crv, "kid": crv, "use": "sig", "x": encode(x), "y": encode(y)})
    };
    match kid(algorithm) {
        "RSA" => {
            json!({"kty": "RSA", "kid": "RSA", "use": "sig", "n": RSA_N, "e": encode(rsa().e().to_be_bytes_trimmed_vartime())})
        }
        "P-256" => ec("P-256", p256().verifying_key().to_sec1_point(false).as_bytes()),
        "P-384" => ec("P-384", p384().verifying_key().to_sec1_point(false).as_bytes()),
        "P-521" => ec("P-521", p521().verifying_key().to_sec1_point(false).as_bytes()),
        "secret" => json!({"kty": "oct", "kid": "secret", "k": SECRET}),
        crv => {
            json!({"kty": "OKP", "crv": crv, "kid": crv, "x": encode(ed25519().verifying_key().as_bytes())})
        }
    }
}

pub(super) fn kid(algorithm: Algorithm) -> &'static str {
    match algorithm.name() {
        "ES256" => "P-256",
        "ES384" => "P-384",
        "ES512" => "P-521",
        "EdDSA" => "Ed25519",
        "HS256" | "HS384" | "HS512" => "secret",
        _ => "RSA",
    }
}

/// A set of these JWKs.
pub(super) fn set(jwks: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": jwks}).to_string().as_bytes()).unwrap()
}

/// The five public keys of what signs here.
pub(super) fn keys() -> &'static KeySet {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    KEYS.get_or_init(|| {
        let one_of_each = [
            Algorithm::Rs256,
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::Es512,
            Algorithm::EdDsa,
        ];
        let set = set(&one_of_each.map(jwk));
        assert_eq!((set.keys().len(), set.skipped()), (5, &[][..]));
        set
    })
}

/// The set with the key of this algorithm: [`keys`], or the secret.
pub(super) fn keys_for(algorithm: Algorithm) -> &'static KeySet {
    static SECRETS: OnceLock<KeySet> = OnceLock::new();
    if algorithm.is_symmetric() {
        SECRETS.get_or_init(|| KeySet::from_secret(&secret()).unwrap())
    } else {
        keys()
    }
}

pub(super) fn sign(algorithm: Algorithm, input: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Rs256 => {
            rsa().sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(input)).unwrap()
        }
        Algorithm::Rs384 => {
            rsa().sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(input)).unwrap()
        }
        Algorithm::Rs512 => {
            rsa().sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(input)).unwrap()
        }
        Algorithm::Ps256 => {
            rsa().sign_with_rng(&mut Salt(1), Pss::<Sha256>::new(), &Sha256::digest(input)).unwrap()
        }
        Algorithm::Ps384 => {
            rsa().sign_with_rng(&mut Salt(2), Pss::<Sha384>::new(), &Sha384::digest(input)).unwrap()
        }
        Algorithm::Ps512 => {
            rsa().sign_with_rng(&mut Salt(3), Pss::<Sha512>::new(), &Sha512::digest(input)).unwrap()
        }
        Algorithm::Es256 => {
            Signer::<p256::ecdsa::Signature>::sign(&p256(), input).to_bytes().to_vec()
        }
        Algorithm::Es384 => {
            Signer::<p384::ecdsa::Signature>::sign(&p384(), input).to_bytes().to_vec()
        }
        Algorithm::Es512 => {
            Signer::<p521::ecdsa::Signature>::sign(&p521(), input).to_bytes().to_vec()
        }
        Algorithm::EdDsa => Signer::sign(&ed25519(), input).to_bytes().to_vec(),
        Algorithm::Hs256 => hmac::<Hmac<Sha256>>(input),
        Algorithm::Hs384 => hmac::<Hmac<Sha384>>(input),
        Algorithm::Hs512 => hmac::<Hmac<Sha512>>(input),
    }
}

fn hmac<M: Mac + KeyInit>(input: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(&secret()).unwrap();
    mac.chain_update(input).finalize().into_bytes().to_vec()
}

/// A signed token of exactly this header and payload text.
pub(super) fn signed(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = sign(algorithm, input.as_bytes());
    format!("{input}.{}", encode(signature))
}

pub(super) fn header(algorithm: Algorithm) -> String {
    json!({"alg": algorithm.name(), "kid": kid(algorithm), "typ": "JWT"}).to_string()
}

/// Claims that [`rules`] accept at [`NOW`].
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": ["orders", "account"], "exp": NOW.0 + 300, "nbf": NOW.0, "iat": NOW.0,
        "azp": "web", "scope": "orders.read", "realm_access": {"roles": ["staff"]}
    })
}

/// A good token.
pub(super) fn good(algorithm: Algorithm) -> String {
    signed(algorithm, &header(algorithm), &claims().to_string())
}

/// [`claims`] with one of them replaced, signed with ES256.
pub(super) fn with_claim(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    signed(Algorithm::Es256, &header(Algorithm::Es256), &claims.to_string())
}

pub(super) fn rules() -> TokenRules {
    TokenRules {
        audiences: vec!["orders".to_owned()],
        algorithms: Algorithm::ALL.into_iter().collect(),
        ..TokenRules::new(ISSUER)
    }
}

/// Parse and verify with [`rules`], the given keys, at [`NOW`].
pub(super) fn verify_with(token: &[u8], keys: &KeySet) -> Result<Verified, TokenError> {
    Unverified::parse(token)?.verify(&rules(), keys, NOW, &Pure)
}

/// Parse and verify with [`rules`] and [`keys`] at [`NOW`].
pub(super) fn verify(token: impl AsRef<[u8]>) -> Result<Verified, TokenError> {
    verify_with(token.as_ref(), keys())
}

/// Parse and verify with [`rules`] and [`keys_for`] this algorithm at [`NOW`].
pub(super) fn verify_as(
    algorithm: Algorithm,
    token: impl AsRef<[u8]>,
) -> Result<Verified, TokenError> {
    verify_with(token.as_ref(), keys_for(algorithm))
}

/// Salts for PSS: they need not be random to be right.
struct Salt(u64);

impl TryCryptoRng for Salt {}

impl TryRng for Salt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [_, _, _, _, low @ ..] = self.try_next_u64()?.to_be_bytes();
        Ok(u32::from_be_bytes(low))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.try_next_u64()?.to_be_bytes()[3];
        }
        Ok(())
    }
}
