//! JWK sets: what is used, what is left out and why.

use serde_json::{Value, json};

use super::mint;
use crate::roca::tests::WEAK;
use crate::{
    Algorithm, JsonError, KeySet, KeySetError, KeyType, Pure, SignatureBackend, SkipReason, limits,
};

/// The JWK of this algorithm's key with members replaced; `null` removes one.
fn altered(algorithm: Algorithm, members: Value) -> Value {
    let mut jwk = mint::jwk(algorithm);
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(jwk.as_object_mut().unwrap().remove(name)),
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                jwk[name] = value.clone();
            }
        }
    }
    jwk
}

/// The RSA key with this member there and `null`.
fn with_null(name: &str) -> Value {
    let mut jwk = mint::jwk(Algorithm::Rs256);
    jwk[name] = Value::Null;
    jwk
}

fn number(bytes: &[u8]) -> Value {
    json!(mint::encode(bytes))
}

/// An odd modulus of this many bits.
fn modulus(bits: usize) -> Value {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] >>= bits.next_multiple_of(8).abs_diff(bits);
    number(&bytes)
}

#[test]
fn keys_that_are_used() {
    use Algorithm::{EdDsa, Es256, Rs256};
    let leading_zero = [&[0], mint::decode(mint::RSA_N).as_slice()].concat();
    let cases = [
        ("plain", mint::jwk(Rs256), KeyType::Rsa),
        ("no use", altered(Rs256, json!({"use": null})), KeyType::Rsa),
        ("no kid", altered(Rs256, json!({"kid": null})), KeyType::Rsa),
        ("key_ops", altered(Es256, json!({"key_ops": ["verify"]})), KeyType::P256),
        (
            "key_ops of both halves",
            altered(Es256, json!({"key_ops": ["sign", "verify"]})),
            KeyType::P256,
        ),
        ("kid empty", altered(Es256, json!({"kid": ""})), KeyType::P256),
        ("kid of 256 bytes", altered(Es256, json!({"kid": "k".repeat(256)})), KeyType::P256),
        ("unknown members", altered(Es256, json!({"ext": true, "exp": 1})), KeyType::P256),
        ("leading zero in e", altered(Rs256, json!({"e": "AAEAAQ"})), KeyType::Rsa),
        (
            "exponent of 33 bits",
            altered(Rs256, json!({"e": number(&[1, 0, 0, 0, 1])})),
            KeyType::Rsa,
        ),
        ("alg", altered(Es256, json!({"alg": "ES256"})), KeyType::P256),
        ("RSA for PSS", altered(Rs256, json!({"alg": "PS384"})), KeyType::Rsa),
        (
            "certificate beside it",
            altered(Rs256, json!({"x5c": ["MIIB"], "x5t": "x"})),
            KeyType::Rsa,
        ),
        ("leading zero in n", altered(Rs256, json!({"n": number(&leading_zero)})), KeyType::Rsa),
        ("exponent 3", altered(Rs256, json!({"e": "Aw"})), KeyType::Rsa),
        ("2048 bits", altered(Rs256, json!({"n": modulus(2048)})), KeyType::Rsa),
        ("8192 bits", altered(Rs256, json!({"n": modulus(8192)})), KeyType::Rsa),
        ("P-384", mint::jwk(Algorithm::Es384), KeyType::P384),
        ("P-521", mint::jwk(Algorithm::Es512), KeyType::P521),
        ("Ed25519", mint::jwk(EdDsa), KeyType::Ed25519),
        ("alg EdDSA", altered(EdDsa, json!({"alg": "EdDSA"})), KeyType::Ed25519),
        ("alg Ed25519", altered(EdDsa, json!({"alg": "Ed25519"})), KeyType::Ed25519),
    ];
    for (name, jwk, expected) in cases {
        let set = mint::set(&[jwk]);
        assert_eq!(set.skipped(), [], "{name}");
        assert_eq!(
            set.keys().iter().map(crate::Key::key_type).collect::<Vec<_>>(),
            [expected],
            "{name}"
        );
    }
}

#[test]
fn keys_that_are_left_out() {
    use Algorithm::{EdDsa, Es256, Es384, Rs256};
    use SkipReason as Why;
    let x25519 = json!({"kty": "OKP", "crv": "X25519", "x": number(&[9; 32])});
    let even = {
        let mut n = mint::decode(mint::RSA_N);
        *n.last_mut().unwrap() &= 0xfe;
        number(&n)
    };
    let small_order = {
        let mut x = [0; 32];
        x[0] = 1;
        number(&x)
    };
    // y = p + 1, which is y = 1 encoded a second time.
    let not_canonical = {
        let mut x = [0xff; 32];
        x[0] = 0xee;
        x[31] = 0x7f;
        number(&x)
    };
    let cases = [
        ("string", json!("RSA"), Why::NotAnObject),
        ("no kty", altered(Rs256, json!({"kty": null})), Why::MemberMalformed),
        ("kty number", altered(Rs256, json!({"kty": 1})), Why::MemberMalformed),
        ("kid number", altered(Rs256, json!({"kid": 1})), Why::MemberMalformed),
        ("kid too long", altered(Rs256, json!({"kid": "k".repeat(257)})), Why::MemberMalformed),
        ("issuer number", altered(Rs256, json!({"issuer": 1})), Why::MemberMalformed),
        ("oct", json!({"kty": "oct", "k": "AAAA"}), Why::KeyTypeUnsupported),
        ("oct of good length", mint::jwk(Algorithm::Hs256), Why::KeyTypeUnsupported),
        ("AKP", json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}), Why::KeyTypeUnsupported),
        ("RSA with k", altered(Rs256, json!({"k": "AAAA"})), Why::PrivateMemberPresent),
        ("private by an empty d", altered(EdDsa, json!({"d": ""})), Why::PrivateMemberPresent),
        ("private by a d of null", with_null("d"), Why::PrivateMemberPresent),
        ("lower case kty", altered(Rs256, json!({"kty": "rsa"})), Why::KeyTypeUnsupported),
        ("secp256k1", altered(Es256, json!({"crv": "secp256k1"})), Why::CurveUnsupported),
        ("Ed448", altered(EdDsa, json!({"crv": "Ed448"})), Why::CurveUnsupported),
        ("X25519", x25519, Why::CurveUnsupported),
        ("no crv", altered(Es256, json!({"crv": null})), Why::MemberMalformed),
        ("private EC", altered(Es256, json!({"d": "AA"})), Why::PrivateMemberPresent),
        ("private RSA", altered(Rs256, json!({"p": "AA"})), Why::PrivateMemberPresent),
        ("use enc", altered(Rs256, json!({"use": "enc"})), Why::UseNotSignature),
        ("use list", altered(Rs256, json!({"use": ["sig"]})), Why::UseNotSignature),
        (
            "key_ops sign",
            altered(Rs256, json!({"key_ops": ["sign"]})),
            Why::OperationsWithoutVerify,
        ),
        ("key_ops empty", altered(Rs256, json!({"key_ops": []})), Why::OperationsWithoutVerify),
        ("key_ops string", altered(Rs256, json!({"key_ops": "verify"})), Why::MemberMalformed),
        ("key_ops null", with_null("key_ops"), Why::MemberMalformed),
        ("use null", with_null("use"), Why::UseNotSignature),
        ("alg null", with_null("alg"), Why::MemberMalformed),
        ("kid null", with_null("kid"), Why::MemberMalformed),
        (
            "key_ops with a number",
            altered(Rs256, json!({"key_ops": ["verify", 1]})),
            Why::MemberMalformed,
        ),
        (
            "key_ops with an array",
            altered(Rs256, json!({"key_ops": [["verify"]]})),
            Why::MemberMalformed,
        ),
        (
            "key_ops twice",
            altered(Rs256, json!({"key_ops": ["verify", "verify"]})),
            Why::MemberMalformed,
        ),
        (
            "key_ops in capitals",
            altered(Rs256, json!({"key_ops": ["VERIFY"]})),
            Why::OperationsWithoutVerify,
        ),
        (
            "key_ops also to encrypt",
            altered(Rs256, json!({"key_ops": ["verify", "encrypt"]})),
            Why::OperationsUnrelated,
        ),
        (
            "key_ops also to derive, no use",
            altered(Es256, json!({"use": null, "key_ops": ["deriveKey", "verify"]})),
            Why::OperationsUnrelated,
        ),
        (
            "use and key_ops that differ",
            altered(Rs256, json!({"use": "enc", "key_ops": ["verify"]})),
            Why::UseNotSignature,
        ),
        ("use in capitals", altered(Rs256, json!({"use": "SIG"})), Why::UseNotSignature),
        ("use empty", altered(Rs256, json!({"use": ""})), Why::UseNotSignature),
        ("alg RSA-OAEP", altered(Rs256, json!({"alg": "RSA-OAEP"})), Why::AlgorithmUnsupported),
        ("alg none", altered(Rs256, json!({"alg": "none"})), Why::AlgorithmUnsupported),
        ("alg HS256", altered(Rs256, json!({"alg": "HS256"})), Why::AlgorithmMismatch),
        ("alg Ed25519 on P-256", altered(Es256, json!({"alg": "Ed25519"})), Why::AlgorithmMismatch),
        ("alg Ed448", altered(EdDsa, json!({"alg": "Ed448"})), Why::AlgorithmUnsupported),
        ("alg ECDH-ES", altered(Es256, json!({"alg": "ECDH-ES"})), Why::AlgorithmUnsupported),
        ("alg number", altered(Rs256, json!({"alg": 256})), Why::MemberMalformed),
        ("RSA key with ES256", altered(Rs256, json!({"alg": "ES256"})), Why::AlgorithmMismatch),
        ("P-384 key with ES256", altered(Es384, json!({"alg": "ES256"})), Why::AlgorithmMismatch),
        ("no n", altered(Rs256, json!({"n": null})), Why::MemberMalformed),
        ("empty n", altered(Rs256, json!({"n": ""})), Why::MemberMalformed),
        (
            "n padded",
            altered(Rs256, json!({"n": format!("{}=", mint::RSA_N)})),
            Why::MemberMalformed,
        ),
        ("1024 bits", altered(Rs256, json!({"n": modulus(1024)})), Why::ModulusTooShort),
        ("2047 bits", altered(Rs256, json!({"n": modulus(2047)})), Why::ModulusTooShort),
        ("8193 bits", altered(Rs256, json!({"n": modulus(8193)})), Why::ModulusTooLong),
        ("ROCA", altered(Rs256, json!({"n": WEAK})), Why::ModulusWeak),
        ("even modulus", altered(Rs256, json!({"n": even})), Why::MemberMalformed),
        ("exponent 0", altered(Rs256, json!({"e": "AA"})), Why::ExponentUnacceptable),
        ("exponent 1", altered(Rs256, json!({"e": "AQ"})), Why::ExponentUnacceptable),
        ("exponent 2", altered(Rs256, json!({"e": "Ag"})), Why::ExponentUnacceptable),
        ("exponent 65536", altered(Rs256, json!({"e": "AQAA"})), Why::ExponentUnacceptable),
        (
            "exponent of 34 bits",
            altered(Rs256, json!({"e": number(&[2, 0, 0, 0, 1])})),
            Why::ExponentUnacceptable,
        ),
        ("x of P-384 on P-256", altered(Es384, json!({"crv": "P-256"})), Why::MemberMalformed),
        ("x too short", altered(Es256, json!({"x": number(&[1; 31])})), Why::MemberMalformed),
        ("off the curve", altered(Es256, json!({"x": number(&[1; 32])})), Why::PointUnacceptable),
        (
            "zero point",
            altered(Es256, json!({"x": number(&[0; 32]), "y": number(&[0; 32])})),
            Why::PointUnacceptable,
        ),
        (
            "coordinate above the prime",
            altered(Es256, json!({"x": number(&[0xff; 32])})),
            Why::PointUnacceptable,
        ),
        ("Ed25519 too long", altered(EdDsa, json!({"x": number(&[1; 33])})), Why::MemberMalformed),
        (
            "Ed25519 of small order",
            altered(EdDsa, json!({"x": small_order})),
            Why::PointUnacceptable,
        ),
        (
            "Ed25519 not canonical",
            altered(EdDsa, json!({"x": not_canonical})),
            Why::PointUnacceptable,
        ),
    ];
    for (name, jwk, expected) in cases {
        let kid =
            jwk.get("kid").and_then(Value::as_str).filter(|kid| kid.len() < 257).map(str::to_owned);
        let set = mint::set(&[mint::jwk(Es256), jwk]);
        let [skipped] = set.skipped() else { panic!("{name}: used") };
        assert_eq!((skipped.index, &skipped.kid, skipped.reason), (1, &kid, expected), "{name}");
        assert_eq!(set.keys().len(), 1, "{name}: the good key beside it stays");
    }
}

#[test]
fn sets_that_cannot_be_read() {
    let many = json!({"keys": vec![json!({}); limits::MAX_KEYS + 1]}).to_string();
    let deep = format!("{{\"keys\":{}", "[".repeat(20_000));
    let long = format!("{{\"keys\":[]}}{}", " ".repeat(limits::MAX_JWKS_BYTES));
    let cases = [
        ("", KeySetError::Json(JsonError::Syntax)),
        ("<html>", KeySetError::Json(JsonError::Syntax)),
        ("[]", KeySetError::Json(JsonError::NotAnObject)),
        (r#"{"keys":[],"keys":[]}"#, KeySetError::Json(JsonError::DuplicateMember)),
        (r#"{"keys":[{"kid":"a","kid":"b"}]}"#, KeySetError::Json(JsonError::DuplicateMember)),
        (r#"{"keys":[{"kid":"a","k\u0069d":"b"}]}"#, KeySetError::Json(JsonError::DuplicateMember)),
        (deep.as_str(), KeySetError::Json(JsonError::TooDeep)),
        (r#"{"keys":[{"kty":"RSA""#, KeySetError::Json(JsonError::Syntax)),
        (long.as_str(), KeySetError::Json(JsonError::TooLong)),
        ("{}", KeySetError::NoKeys),
        (r#"{"keys":{}}"#, KeySetError::NoKeys),
        (&many, KeySetError::TooManyKeys),
    ];
    for (text, expected) in cases {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), expected, "{text:.40}");
    }
    assert!(KeySet::parse(br#"{"keys":[],"other":1}"#).unwrap().keys().is_empty());
}

#[test]
fn encodings_of_public_keys() {
    use rsa::pkcs1::DecodeRsaPublicKey;
    use rsa::pkcs8::DecodePublicKey;
    let mut curve_lengths = vec![];
    for key in mint::keys().keys() {
        let (der, inner) = (key.spki_der(), key.public_key_bytes());
        assert!(der.len() > inner.len() && der.ends_with(inner));
        let spki = rsa::pkcs8::SubjectPublicKeyInfoRef::try_from(der).unwrap();
        assert_eq!(spki.subject_public_key.raw_bytes(), inner);
        if key.key_type() == KeyType::Rsa {
            let from_spki = rsa::RsaPublicKey::from_public_key_der(der).unwrap();
            assert_eq!(from_spki, rsa::RsaPublicKey::from_pkcs1_der(inner).unwrap());
            assert_eq!(&from_spki, mint::rsa().as_ref());
        } else {
            curve_lengths.push(inner.len());
        }
    }
    assert_eq!(curve_lengths, [65, 97, 133, 32]);
}

/// A leading zero in `n` does not change the key nor the length of its signatures.
#[test]
fn a_leading_zero_in_the_modulus() {
    let n = [&[0], mint::decode(mint::RSA_N).as_slice()].concat();
    let set = mint::set(&[altered(Algorithm::Rs256, json!({"n": number(&n)}))]);
    let key = &set.keys()[0];
    assert_eq!(key.signature_bytes(Algorithm::Rs256), 256);
    assert_eq!(key.spki_der(), mint::keys().keys()[0].spki_der());
    let signature = mint::sign(Algorithm::Rs256, b"input");
    assert!(Pure.verify(key, Algorithm::Rs256, b"input", &signature).is_ok());
}

/// Counters are made for each of them.
#[test]
fn the_reasons_have_names_of_their_own() {
    let names: std::collections::BTreeSet<&str> =
        SkipReason::ALL.into_iter().map(SkipReason::name).collect();
    assert_eq!(names.len(), SkipReason::ALL.len());
    assert!(SkipReason::ALL.is_sorted());
}

/// RFC 9864: key and token may each use either name.
#[test]
fn an_alias_of_an_algorithm() {
    let jwk = altered(Algorithm::EdDsa, json!({"alg": "Ed25519"}));
    let set = mint::set(&[jwk]);
    assert_eq!(set.keys()[0].algorithm(), Some(Algorithm::EdDsa));
    for alg in ["EdDSA", "Ed25519"] {
        let header = json!({"alg": alg, "kid": "Ed25519"}).to_string();
        let token = mint::signed(Algorithm::EdDsa, &header, &mint::claims().to_string());
        assert_eq!(mint::verify_with(token.as_bytes(), &set).map(drop), Ok(()), "{alg}");
    }
}

#[test]
fn two_sets_are_the_same_when_they_verify_the_same() {
    let (one, two) = (mint::jwk(Algorithm::Rs256), mint::jwk(Algorithm::Es256));
    let mut bound = one.clone();
    bound["alg"] = "RS256".into();
    let both = mint::set(&[one.clone(), two.clone()]);
    assert!(both.same_keys(&mint::set(&[two.clone(), one.clone()])), "in another order");
    assert!(both.same_keys(&mint::set(&[one.clone(), json!({"kty": "x"}), two.clone()])));
    assert!(!both.same_keys(&mint::set(std::slice::from_ref(&one))));
    assert!(!both.same_keys(&mint::set(&[bound, two])), "a key is for less than before");
    let secret = KeySet::from_secret(&mint::secret()).unwrap();
    assert!(!secret.same_keys(&secret), "nobody tells secrets apart");
}
