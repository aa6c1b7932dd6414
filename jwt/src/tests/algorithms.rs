//! All algorithms: good tokens, tokens with one bit flipped, signatures of the wrong length, and every pair of an
//! algorithm and a key that do not belong together.

use serde_json::json;

use super::mint;
use crate::{Algorithm, AlgorithmSet, Pure, SignatureBackend, TokenError, TokenRules, Unverified};

#[test]
fn good_tokens_verify() {
    for algorithm in Algorithm::ALL {
        let verified = mint::verify_as(algorithm, mint::good(algorithm)).unwrap();
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.kid(), Some(mint::kid(algorithm)));
        assert_eq!(verified.claims().subject(), Some("alice"));
        assert_eq!(verified.expires(), Some(mint::NOW.after(300)));
        assert_eq!(verified.not_before(), Some(mint::NOW));
    }
}

#[test]
fn one_flipped_bit_spoils_signature_payload_or_header() {
    for algorithm in Algorithm::ALL {
        let token = mint::good(algorithm);
        let parts: Vec<&str> = token.split('.').collect();

        let signature = mint::decode(parts[2]);
        for place in [0, signature.len() / 2, signature.len() - 1] {
            let mut flipped = signature.clone();
            flipped[place] ^= 1;
            let token = format!("{}.{}.{}", parts[0], parts[1], mint::encode(flipped));
            assert_eq!(
                mint::verify_as(algorithm, &token).unwrap_err(),
                TokenError::SignatureInvalid,
                "{algorithm} {place}"
            );
        }

        let payload = String::from_utf8(mint::decode(parts[1])).unwrap().replace("alice", "alicf");
        let token = format!("{}.{}.{}", parts[0], mint::encode(payload), parts[2]);
        assert_eq!(
            mint::verify_as(algorithm, &token).unwrap_err(),
            TokenError::SignatureInvalid,
            "{algorithm}"
        );

        let header = String::from_utf8(mint::decode(parts[0])).unwrap().replace("JWT", "jWT");
        let token = format!("{}.{}.{}", mint::encode(header), parts[1], parts[2]);
        assert_eq!(
            mint::verify_as(algorithm, &token).unwrap_err(),
            TokenError::SignatureInvalid,
            "{algorithm}"
        );
    }
}

#[test]
fn the_length_of_a_signature_is_exact() {
    for algorithm in Algorithm::ALL {
        let token = mint::good(algorithm);
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = mint::decode(signature);
        let zero = [&[0], signature.as_slice()].concat();
        let longer = [signature.as_slice(), &[0]].concat();
        let twice = [signature.as_slice(), signature.as_slice()].concat();
        for wrong in
            [&[], &signature[1..], &signature[..signature.len() - 1], &zero, &longer, &twice]
        {
            let token = format!("{input}.{}", mint::encode(wrong));
            assert_eq!(
                mint::verify_as(algorithm, &token).unwrap_err(),
                TokenError::SignatureInvalid,
                "{algorithm}"
            );
        }
    }
}

#[test]
fn zero_signatures_are_refused() {
    for algorithm in Algorithm::ALL {
        let token = mint::good(algorithm);
        let (input, signature) = token.rsplit_once('.').unwrap();
        let token = format!("{input}.{}", mint::encode(vec![0; mint::decode(signature).len()]));
        assert_eq!(
            mint::verify_as(algorithm, &token).unwrap_err(),
            TokenError::SignatureInvalid,
            "{algorithm}"
        );
    }
}

/// The token says one algorithm, its `kid` names a key of another type.
#[test]
fn a_key_of_another_type_does_not_allow_the_algorithm() {
    for says in Algorithm::ALL {
        for named in Algorithm::ALL {
            let header = json!({"alg": says.name(), "kid": mint::kid(named)}).to_string();
            let token = mint::signed(named, &header, &mint::claims().to_string());
            let expected = match (says == named, mint::kid(says) == mint::kid(named)) {
                (true, _) => Ok(()),
                (false, true) => Err(TokenError::SignatureInvalid),
                (false, false) => Err(TokenError::AlgorithmNotAllowed),
            };
            assert_eq!(mint::verify_as(named, &token).map(drop), expected, "{says} {named}");
        }
    }
}

#[test]
fn the_key_s_own_alg_binds() {
    for (own, expected) in [("RS256", Ok(())), ("PS256", Err(TokenError::AlgorithmNotAllowed))] {
        let mut jwk = mint::jwk(Algorithm::Rs256);
        jwk["alg"] = json!(own);
        let verified =
            mint::verify_with(mint::good(Algorithm::Rs256).as_bytes(), &mint::set(&[jwk]));
        assert_eq!(verified.map(drop), expected, "{own}");
    }
}

#[test]
fn the_rules_bind() {
    for allowed in [AlgorithmSet::EMPTY, [Algorithm::Rs256].into_iter().collect()] {
        let rules = TokenRules { algorithms: allowed, ..mint::rules() };
        let token = mint::good(Algorithm::Es256);
        let unverified = Unverified::parse(token.as_bytes()).unwrap();
        assert_eq!(
            unverified.check(&rules, mint::NOW).map(drop),
            Err(TokenError::AlgorithmNotAllowed)
        );
        let verified = unverified.verify(&rules, mint::keys(), mint::NOW, &Pure);
        assert_eq!(verified.unwrap_err(), TokenError::AlgorithmNotAllowed);
    }
}

/// The backend alone, on every key and algorithm: it never says yes to a pair that does not fit.
#[test]
fn the_pure_backend_refuses_keys_that_do_not_fit() {
    for algorithm in Algorithm::ALL {
        let signature = mint::sign(algorithm, b"input");
        for key in mint::keys().keys().iter().chain(mint::keys_for(Algorithm::Hs256).keys()) {
            let expected = key.allows(algorithm);
            assert_eq!(expected, key.kid().unwrap_or("secret") == mint::kid(algorithm));
            assert_eq!(Pure.verify(key, algorithm, b"input", &signature).is_ok(), expected);
            assert!(Pure.verify(key, algorithm, b"input.", &signature).is_err());
            assert!(Pure.verify(key, algorithm, b"input", &[]).is_err());
        }
    }
}

/// A signature `s` and `s + n` are the same number to a lax RSA library.
#[test]
fn an_rsa_signature_above_the_modulus_is_refused() {
    let n = rsa::BoxedUint::from_be_slice_vartime(&mint::decode(mint::RSA_N));
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        // Not every signature leaves room for another modulus in 2048 bits: try inputs until one does.
        let mut sums = (0u8..=255).filter_map(|try_| {
            let input = [try_];
            let signature = rsa::BoxedUint::from_be_slice_vartime(&mint::sign(algorithm, &input));
            let sum = signature.concatenating_add(&n);
            (sum.bits() <= 2048).then(|| (input, sum.to_be_bytes_trimmed_vartime()))
        });
        let (input, signature) = sums.next().unwrap();
        let key = &mint::keys().keys()[0];
        assert_eq!(signature.len(), key.signature_bytes(algorithm));
        assert!(Pure.verify(key, algorithm, &input, &mint::sign(algorithm, &input)).is_ok());
        assert!(Pure.verify(key, algorithm, &input, &signature).is_err());
    }
}
