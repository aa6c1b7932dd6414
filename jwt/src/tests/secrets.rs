//! HS256, HS384 and HS512 with a shared secret: lengths, what a set of one answers, and the two confusions of RFC 8725
//! section 2.1: a public key taken for a secret, and a secret for a public key.

use super::mint;
use crate::{
    Algorithm, AlgorithmSet, KeySet, KeyType, SecretUnusable, TokenError, TokenRules, Unverified,
};

use Algorithm::{Hs256, Hs384, Hs512, Rs256};

#[test]
fn the_length_of_a_secret_says_what_it_is_for() {
    const CASES: &[(usize, &[Algorithm])] = &[
        (32, &[Hs256]),
        (47, &[Hs256]),
        (48, &[Hs256, Hs384]),
        (63, &[Hs256, Hs384]),
        (64, &[Hs256, Hs384, Hs512]),
        (1000, &[Hs256, Hs384, Hs512]),
    ];
    for length in [0, 1, 31] {
        assert_eq!(KeySet::from_secret(&vec![1; length]).unwrap_err(), SecretUnusable);
    }
    for (length, expected) in CASES {
        let set = KeySet::from_secret(&vec![1; *length]).unwrap();
        let [key] = set.keys() else { panic!("one key") };
        assert_eq!((key.kid(), key.algorithm(), key.issuer()), (None, None, None));
        assert_eq!(key.key_type(), KeyType::Octets);
        assert!(key.spki_der().is_empty() && key.public_key_bytes().is_empty());
        let allowed: Vec<_> = Algorithm::ALL.into_iter().filter(|one| key.allows(*one)).collect();
        assert_eq!(allowed, *expected, "{length}");
        let lengths: Vec<_> = expected.iter().map(|one| key.signature_bytes(*one)).collect();
        assert_eq!(lengths, [32, 48, 64].get(..expected.len()).unwrap());
    }
}

#[test]
fn what_the_set_of_a_secret_answers() {
    let keys = mint::keys_for(Hs256);
    let short = KeySet::from_secret(&mint::secret()[..32]).unwrap();
    let other = KeySet::from_secret(&[7; 64]).unwrap();
    let claims = mint::claims().to_string();
    let bare = mint::signed(Hs512, r#"{"alg":"HS512"}"#, &claims);
    let invalid = Err(TokenError::SignatureInvalid);
    let forbidden = Err(TokenError::AlgorithmNotAllowed);
    let cases = [
        ("with any kid", mint::good(Hs256), keys, Ok(())),
        ("without kid", bare.clone(), keys, Ok(())),
        ("another secret", mint::good(Hs256), &other, invalid),
        ("another secret, no kid", bare.clone(), &other, invalid),
        ("secret too short", mint::good(Hs512), &short, forbidden),
        ("secret too short, no kid", bare.clone(), &short, forbidden),
        ("an asymmetric token", mint::good(Rs256), keys, forbidden),
        (
            "a symmetric token and public keys",
            mint::good(Hs256),
            mint::keys(),
            Err(TokenError::KeyUnknown),
        ),
    ];
    for (name, token, keys, expected) in cases {
        assert_eq!(mint::verify_with(token.as_bytes(), keys).map(drop), expected, "{name}");
    }
}

/// CVE-2016-10555 and its kin: the public key, in each encoding that could be taken for it, as HMAC secret.
#[test]
fn a_public_key_is_no_secret() {
    use hmac::{Hmac, KeyInit, Mac};
    let key = &mint::keys().keys()[0];
    let jwk = mint::jwk(Rs256).to_string();
    let pem = {
        use rsa::pkcs8::EncodePublicKey;
        mint::rsa().to_public_key().to_public_key_pem(rsa::pkcs8::LineEnding::LF).unwrap()
    };
    let secrets: [&[u8]; 5] =
        [key.spki_der(), key.public_key_bytes(), pem.as_bytes(), jwk.as_bytes(), &[]];
    for secret in secrets {
        for (header, expected) in [
            (r#"{"alg":"HS256","kid":"RSA"}"#, TokenError::AlgorithmNotAllowed),
            (r#"{"alg":"HS256"}"#, TokenError::KeyUnknown),
        ] {
            let input =
                format!("{}.{}", mint::encode(header), mint::encode(mint::claims().to_string()));
            let mac = Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap().chain_update(&input);
            let token = format!("{input}.{}", mint::encode(mac.finalize().into_bytes()));
            assert_eq!(mint::verify(&token).unwrap_err(), expected);
        }
    }
}

/// Rules without HS* refuse before any key is looked at, which is how policies for JWK sets are.
#[test]
fn the_rules_must_name_them() {
    let asymmetric: AlgorithmSet =
        Algorithm::ALL.into_iter().filter(|one| !one.is_symmetric()).collect();
    assert_eq!(asymmetric.iter().count(), 10);
    let rules = TokenRules { algorithms: asymmetric, ..mint::rules() };
    let token = mint::good(Hs384);
    let unverified = Unverified::parse(token.as_bytes()).unwrap();
    assert_eq!(unverified.check(&rules, mint::NOW).map(drop), Err(TokenError::AlgorithmNotAllowed));
}

/// `oct` in a set that was fetched: whoever reads the set could sign.
#[test]
fn a_published_secret_is_none() {
    let set = mint::set(&[mint::jwk(Hs256), mint::jwk(Rs256)]);
    assert_eq!(set.keys().len(), 1);
    let token = mint::good(Hs256);
    assert_eq!(mint::verify_with(token.as_bytes(), &set).unwrap_err(), TokenError::KeyUnknown);
}

#[test]
fn debug_shows_nothing_of_a_secret() {
    let set = KeySet::from_secret(&[0x5a; 48]).unwrap();
    let shown = format!("{set:?}");
    assert!(shown.contains("Octets(Secret)"), "{shown}");
    assert!(!shown.contains("90") && !shown.contains("5a") && !shown.contains("48"), "{shown}");
    assert_eq!(SecretUnusable.to_string(), "a secret of fewer than 32 bytes");
}
