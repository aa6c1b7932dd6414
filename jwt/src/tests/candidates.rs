//! Which keys are tried for a token: kid, keys without one, duplicates, mixed sets; and what is said when none fits.

use serde_json::{Value, json};

use super::mint;
use crate::{
    Algorithm, Jws, Key, KeySet, Pure, SignatureBackend, SignatureInvalid, TokenError, limits,
};

use Algorithm::{Es256, Es384, Rs256};

/// Another key of the same type: right point, wrong signer.
fn stranger(kid: &str) -> Value {
    let key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    let (x, y) = (mint::encode(x), mint::encode(y));
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y})
}

fn bare(mut jwk: Value) -> Value {
    jwk.as_object_mut().unwrap().remove("kid");
    jwk
}

fn named(mut jwk: Value, kid: &str) -> Value {
    jwk["kid"] = json!(kid);
    jwk
}

fn bound(mut jwk: Value, alg: &str) -> Value {
    jwk["alg"] = json!(alg);
    jwk
}

/// `count` of these, then ours.
fn after(count: usize, jwk: &Value, ours: Value) -> Vec<Value> {
    let mut jwks = vec![jwk.clone(); count];
    jwks.push(ours);
    jwks
}

const MOST: usize = limits::MAX_CANDIDATE_KEYS;
const INVALID: Result<(), TokenError> = Err(TokenError::SignatureInvalid);
const UNKNOWN: Result<(), TokenError> = Err(TokenError::KeyUnknown);
const FORBIDDEN: Result<(), TokenError> = Err(TokenError::AlgorithmNotAllowed);

fn check(token: &str, cases: &[(&str, Vec<Value>, Result<(), TokenError>)]) {
    for (name, jwks, expected) in cases {
        let verified = mint::verify_with(token.as_bytes(), &mint::set(jwks)).map(drop);
        assert_eq!(verified, *expected, "{name}");
        let payload = Jws::parse(token.as_bytes()).unwrap().verify(
            Algorithm::ALL.into_iter().collect(),
            &mint::set(jwks),
            &Pure,
        );
        assert_eq!(payload.map(drop), *expected, "{name}");
    }
}

/// The token's kid is `P-256`.
#[test]
fn a_token_with_a_kid() {
    let ours = || mint::jwk(Es256);
    let other = stranger("other");
    let twin = stranger("P-256");
    check(
        &mint::good(Es256),
        &[
            ("empty set", vec![], UNKNOWN),
            ("found among others", after(20, &other, ours()), Ok(())),
            ("shared by the most", after(MOST - 1, &twin, ours()), Ok(())),
            ("shared by one more", after(MOST, &twin, ours()), INVALID),
            ("of a stranger", vec![twin.clone()], INVALID),
            ("of nobody", vec![other.clone()], UNKNOWN),
            ("ours by another name", vec![named(ours(), "p-256")], UNKNOWN),
            ("ours without one", vec![bare(ours())], Ok(())),
            (
                "ours without one, after a stranger of the kid",
                vec![twin.clone(), bare(ours())],
                Ok(()),
            ),
            ("those of the kid first", after(20, &bare(other.clone()), ours()), Ok(())),
            ("strangers without one", vec![bare(other.clone())], UNKNOWN),
            ("a stranger of the kid and one without", vec![twin.clone(), bare(other)], INVALID),
            ("the most, then ours without one", after(MOST - 1, &twin, bare(ours())), Ok(())),
            ("one more, then ours without one", after(MOST, &twin, bare(ours())), INVALID),
            ("of two types", vec![named(mint::jwk(Rs256), "P-256"), ours()], Ok(())),
            ("of two curves", vec![named(mint::jwk(Es384), "P-256"), ours()], Ok(())),
            ("of another type", vec![named(mint::jwk(Rs256), "P-256")], FORBIDDEN),
            (
                "of another type, and a stranger without one",
                vec![named(mint::jwk(Rs256), "P-256"), bare(stranger(""))],
                FORBIDDEN,
            ),
            (
                "of another type, and ours without one",
                vec![named(mint::jwk(Rs256), "P-256"), bare(ours())],
                Ok(()),
            ),
            (
                "one key for two algorithms",
                vec![
                    named(bound(mint::jwk(Rs256), "PS256"), "P-256"),
                    named(bound(mint::jwk(Rs256), "RS256"), "P-256"),
                ],
                FORBIDDEN,
            ),
            ("bound to its algorithm", vec![bound(ours(), "ES256")], Ok(())),
        ],
    );
}

#[test]
fn a_token_without_a_kid() {
    let ours = || mint::jwk(Es256);
    let other = stranger("other");
    check(
        &mint::signed(Es256, r#"{"alg":"ES256"}"#, &mint::claims().to_string()),
        &[
            ("empty set", vec![], UNKNOWN),
            ("ours", vec![ours()], Ok(())),
            ("ours without one", vec![bare(ours())], Ok(())),
            ("the most", after(MOST - 1, &other, ours()), Ok(())),
            ("one more", after(MOST, &other, ours()), INVALID),
            ("ours without one after many that have one", after(20, &other, bare(ours())), Ok(())),
            ("a stranger", vec![other], INVALID),
            ("other types", vec![mint::jwk(Rs256), mint::jwk(Es384)], UNKNOWN),
            ("other types do not count", after(20, &mint::jwk(Rs256), ours()), Ok(())),
            ("empty kid", vec![named(ours(), "")], Ok(())),
        ],
    );
    // An empty kid is a kid.
    check(
        &mint::signed(Es256, r#"{"alg":"ES256","kid":""}"#, &mint::claims().to_string()),
        &[("named", vec![ours()], UNKNOWN), ("empty", vec![named(ours(), "")], Ok(()))],
    );
}

/// A key of another length does not use up a place, nor does one that is for another algorithm.
#[test]
fn no_key_is_asked_that_cannot_have_signed() {
    struct Nobody;
    impl SignatureBackend for Nobody {
        fn verify(
            &self,
            _: &Key,
            _: Algorithm,
            _: &[u8],
            _: &[u8],
        ) -> Result<(), SignatureInvalid> {
            panic!("asked");
        }
    }
    let verify = |token: &str, keys: &KeySet| {
        let all = Algorithm::ALL.into_iter().collect();
        Jws::parse(token.as_bytes()).unwrap().verify(all, keys, &Nobody)
    };
    let token = mint::good(Rs256);
    let longer = mint::encode([0xff; 384]);
    let other_length = named(json!({"kty": "RSA", "n": longer, "e": "AQAB"}), "RSA");
    let forbidden = bound(mint::jwk(Rs256), "RS512");
    assert_eq!(verify(&token, &mint::set(&[other_length])), Err(TokenError::SignatureInvalid));
    assert_eq!(verify(&token, &mint::set(&[forbidden])), Err(TokenError::AlgorithmNotAllowed));
    assert_eq!(verify(&token, &KeySet::default()), Err(TokenError::KeyUnknown));
    let jws = Jws::parse(token.as_bytes()).unwrap();
    let allowed = [Algorithm::Rs512].into_iter().collect();
    assert_eq!(
        jws.verify(allowed, mint::keys(), &Nobody),
        Err(TokenError::AlgorithmNotAllowed),
        "the rules come first"
    );
}
