//! Published vectors: RFC 7515 appendix A, RFC 7520 section 4, RFC 8037 appendices A.4 and A.5, from `testdata/rfc.json`,
//! which the tests of other backends read too. A vector without payload must be refused.

use serde_json::Value;

use super::mint;
use crate::{
    Algorithm, AudienceMatch, Jws, KeySet, Pure, TokenError, TokenRules, UnixTime, Unverified,
};

const VECTORS: &str = include_str!("../../testdata/rfc.json");

struct Vector {
    name: String,
    keys: KeySet,
    jws: String,
    payload: Option<String>,
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    vectors
        .iter()
        .map(|vector| {
            let text = |name: &str| vector[name].as_str().map(str::to_owned);
            let keys = match vector["jwk"]["k"].as_str() {
                Some(secret) => KeySet::from_secret(&mint::decode(secret)).unwrap(),
                None => mint::set(&[vector["jwk"].clone()]),
            };
            assert_eq!(keys.skipped(), []);
            Vector {
                name: format!("{}: {}", text("source").unwrap(), text("name").unwrap()),
                keys,
                jws: text("jws").unwrap(),
                payload: text("payload"),
            }
        })
        .collect()
}

fn payload(text: &str, keys: &KeySet) -> Result<Vec<u8>, TokenError> {
    let all = Algorithm::ALL.into_iter().collect();
    Jws::parse(text.as_bytes())?.verify(all, keys, &Pure)
}

#[test]
fn each_is_judged_as_its_rfc_says() {
    let vectors = vectors();
    assert_eq!(
        (vectors.len(), vectors.iter().filter(|one| one.payload.is_some()).count()),
        (25, 16)
    );
    for Vector { name, keys, jws, payload: expected } in vectors {
        let expected = expected.as_deref().map(mint::decode);
        assert_eq!(payload(&jws, &keys).ok(), expected, "{name}");
    }
}

#[test]
fn one_flipped_bit_spoils_each() {
    for Vector { name, keys, jws, .. } in vectors().into_iter().filter(|one| one.payload.is_some())
    {
        let parts: Vec<&str> = jws.split('.').collect();
        let mut signature = mint::decode(parts[2]);
        signature[9] ^= 4;
        let forged = [parts[0], parts[1], &mint::encode(signature)].join(".");
        assert_eq!(payload(&forged, &keys), Err(TokenError::SignatureInvalid), "{name}");
        let mut content = mint::decode(parts[1]);
        content[0] ^= 1;
        let forged = [parts[0], &mint::encode(content), parts[2]].join(".");
        assert_eq!(payload(&forged, &keys), Err(TokenError::SignatureInvalid), "{name}");
    }
}

/// Why each of those that must not pass does not: none of them by an accident of reading.
#[test]
fn what_the_refused_ones_are_refused_for() {
    const CASES: &[(&str, TokenError)] = &[
        ("RFC 7515 A.5: none", TokenError::AlgorithmNotAllowed),
        ("RFC 7515 A.6: general JSON serialization", TokenError::Malformed("not three parts")),
        ("RFC 7515 A.7: flattened JSON serialization", TokenError::Malformed("not three parts")),
        ("RFC 7520 4.5: detached content", TokenError::SignatureInvalid),
        ("RFC 7520 4.7: no protected header, compact", TokenError::Malformed("header is not JSON")),
    ];
    let vectors = vectors();
    for (name, expected) in CASES {
        let vector = vectors.iter().find(|vector| vector.name == *name).unwrap();
        assert_eq!(payload(&vector.jws, &vector.keys).unwrap_err(), *expected, "{name}");
    }
}

/// Those of RFC 7515 whose payload is claims, as tokens; the others are none.
#[test]
fn as_tokens() {
    let rules = TokenRules {
        audience_match: AudienceMatch::Unchecked,
        algorithms: Algorithm::ALL.into_iter().collect(),
        ..TokenRules::new("joe")
    };
    let mut tokens = 0;
    for Vector { name, keys, jws, .. } in vectors().into_iter().filter(|one| one.payload.is_some())
    {
        let Ok(token) = Unverified::parse(jws.as_bytes()) else {
            let error = Unverified::parse(jws.as_bytes()).unwrap_err();
            assert_eq!(error, TokenError::Malformed("payload is not JSON"), "{name}");
            continue;
        };
        let verify = |now| token.clone().verify(&rules, &keys, UnixTime(now), &Pure);
        let verified = verify(1_300_819_379).unwrap();
        assert_eq!(Some(verified.algorithm()), token.algorithm());
        assert_eq!(verified.claims().member("http://example.com/is_root"), Some(&true.into()));
        assert_eq!(verify(1_300_819_380 + 30).unwrap_err(), TokenError::Expired, "{name}");
        tokens += 1;
    }
    assert_eq!(tokens, 5);
}

/// The RFC prints the public keys too: what we derive from its private keys must be the same.
#[test]
fn the_public_keys_are_the_printed_ones() {
    let x = |algorithm| mint::jwk(algorithm)["x"].clone();
    assert_eq!(x(Algorithm::Es256), "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    assert_eq!(
        x(Algorithm::Es512),
        "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk"
    );
    assert_eq!(x(Algorithm::EdDsa), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}
