//! jwt-simple as second opinion, both ways: it accepts our good tokens and refuses the broken ones, and we accept what it
//! signs. It knows no ES512 and has its own rules for times, so only good and badly signed tokens are compared.

use std::collections::HashSet;

use jwt_simple::prelude::*;
use rsa::pkcs8::EncodePrivateKey;

use super::mint;
use crate::{Pure, UnixTime, Unverified};

fn options() -> VerificationOptions {
    VerificationOptions {
        artificial_time: Some(UnixTimeStamp::from_secs(u64::try_from(mint::NOW.0).unwrap())),
        allowed_issuers: Some(HashSet::from([mint::ISSUER.to_owned()])),
        allowed_audiences: Some(HashSet::from(["orders".to_owned()])),
        ..VerificationOptions::default()
    }
}

/// Whether jwt-simple accepts the token with the key of our set.
fn accepts(algorithm: crate::Algorithm, token: &str) -> bool {
    let key = mint::keys_for(algorithm).keys().iter().find(|key| key.allows(algorithm)).unwrap();
    let (der, secret, options) = (key.spki_der(), mint::secret(), Some(options()));
    match algorithm.name() {
        "HS256" => {
            HS256Key::from_bytes(&secret).verify_token::<NoCustomClaims>(token, options).is_ok()
        }
        "HS384" => {
            HS384Key::from_bytes(&secret).verify_token::<NoCustomClaims>(token, options).is_ok()
        }
        "HS512" => {
            HS512Key::from_bytes(&secret).verify_token::<NoCustomClaims>(token, options).is_ok()
        }
        "RS256" => RS256PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "RS384" => RS384PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "RS512" => RS512PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "PS256" => PS256PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "PS384" => PS384PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "PS512" => PS512PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "ES256" => ES256PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        "ES384" => ES384PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
        _ => Ed25519PublicKey::from_der(der)
            .unwrap()
            .verify_token::<NoCustomClaims>(token, options)
            .is_ok(),
    }
}

#[test]
fn it_judges_our_tokens_as_we_do() {
    for algorithm in crate::Algorithm::ALL {
        if algorithm == crate::Algorithm::Es512 {
            continue;
        }
        let good = mint::good(algorithm);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let mut signature = mint::decode(signature);
        signature[20] ^= 0x10;
        let bad = format!("{input}.{}", mint::encode(signature));
        for (token, expected) in [(good.as_str(), true), (&bad, false)] {
            assert_eq!(accepts(algorithm, token), expected, "{algorithm}");
            assert_eq!(mint::verify_as(algorithm, token).is_ok(), expected, "{algorithm}");
        }
    }
}

#[test]
fn we_accept_what_it_signs() {
    let claims = || {
        Claims::create(Duration::from_mins(5))
            .with_issuer(mint::ISSUER)
            .with_audience("orders")
            .with_subject("bob")
    };
    let issued = claims().issued_at.unwrap().as_secs();
    let now = UnixTime(i64::try_from(issued).unwrap());

    let der = mint::rsa().to_pkcs8_der().unwrap();
    let der = der.as_bytes();
    let p256 = ES256KeyPair::from_bytes(&mint::p256().to_bytes()).unwrap();
    let p384 = ES384KeyPair::from_bytes(&mint::p384().to_bytes()).unwrap();
    let ed25519 = Ed25519KeyPair::from_bytes(&mint::ed25519().to_keypair_bytes()).unwrap();
    let tokens = [
        RS256KeyPair::from_der(der).unwrap().with_key_id("RSA").sign(claims()).unwrap(),
        RS384KeyPair::from_der(der).unwrap().sign(claims()).unwrap(),
        RS512KeyPair::from_der(der).unwrap().sign(claims()).unwrap(),
        PS256KeyPair::from_der(der).unwrap().sign(claims()).unwrap(),
        PS384KeyPair::from_der(der).unwrap().sign(claims()).unwrap(),
        PS512KeyPair::from_der(der).unwrap().sign(claims()).unwrap(),
        p256.with_key_id("P-256").sign(claims()).unwrap(),
        p384.sign(claims()).unwrap(),
        ed25519.sign(claims()).unwrap(),
        HS256Key::from_bytes(&mint::secret()).authenticate(claims()).unwrap(),
        HS384Key::from_bytes(&mint::secret()).with_key_id("x").authenticate(claims()).unwrap(),
        HS512Key::from_bytes(&mint::secret()).authenticate(claims()).unwrap(),
    ];
    for token in tokens {
        let unverified = Unverified::parse(token.as_bytes()).unwrap();
        let keys = mint::keys_for(unverified.algorithm().unwrap());
        let verified = unverified.verify(&mint::rules(), keys, now, &Pure).unwrap();
        assert_eq!(verified.claims().subject(), Some("bob"));
    }
}
