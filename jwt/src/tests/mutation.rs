//! Properties: no change of one byte leaves a token valid, and no bytes whatever make a reader panic.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::json;

use super::mint;
use crate::{Algorithm, ClaimPath, KeySet, Unverified, looks_like_jws};

const SIGNERS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

fn good(index: usize) -> &'static [u8] {
    static TOKENS: OnceLock<[String; 3]> = OnceLock::new();
    TOKENS.get_or_init(|| SIGNERS.map(mint::good))[index].as_bytes()
}

/// Every position once with its lowest bit flipped: the last character's unused bits, dots and all.
#[test]
fn no_single_flipped_bit_verifies() {
    let token = good(1);
    assert!(mint::verify(token).is_ok());
    for place in 0..token.len() {
        let mut mutant = token.to_vec();
        mutant[place] ^= 1;
        assert!(mint::verify(&mutant).is_err(), "{place}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_single_byte_mutation_verifies(
        signer in 0..SIGNERS.len(), place in any::<prop::sample::Index>(), byte: u8, kind in 0..3,
    ) {
        let token = good(signer);
        let place = place.index(token.len());
        let mut mutant = token.to_vec();
        match kind {
            0 => mutant[place] = byte,
            1 => mutant.insert(place, byte),
            _ => drop(mutant.remove(place)),
        }
        prop_assume!(mutant != token);
        prop_assert!(mint::verify(&mutant).is_err());
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Unverified::parse(&bytes).is_err());
        prop_assert!(KeySet::parse(&bytes).is_err());
        looks_like_jws(&bytes);
    }

    #[test]
    fn arbitrary_parts_do_not_panic(header in ".{0,60}", payload in ".{0,60}", signature: Vec<u8>) {
        let text = [mint::encode(&header), mint::encode(&payload), mint::encode(&signature)].join(".");
        prop_assert!(mint::verify(&text).is_err());
        let good_header = mint::header(Algorithm::Es256);
        let text = [mint::encode(good_header), mint::encode(&payload), mint::encode(&signature)].join(".");
        prop_assert!(mint::verify(&text).is_err());
    }

    #[test]
    fn arbitrary_signatures_do_not_verify(signer in 0..10usize, seed: [u8; 32]) {
        let algorithm = Algorithm::ALL[signer];
        let header = mint::header(algorithm);
        let input = format!("{}.{}", mint::encode(header), mint::encode(mint::claims().to_string()));
        let key = mint::keys().keys().iter().find(|key| key.allows(algorithm)).unwrap();
        let signature: Vec<u8> = seed.iter().copied().cycle().take(key.signature_bytes()).collect();
        let token = format!("{input}.{}", mint::encode(signature));
        prop_assert!(mint::verify(token).is_err());
    }

    #[test]
    fn arbitrary_keys_do_not_panic(
        kty in "RSA|EC|OKP|oct", crv in "P-256|P-384|P-521|Ed25519|.{0,5}",
        n in prop::collection::vec(any::<u8>(), 0..300), e in prop::collection::vec(any::<u8>(), 0..9),
        x in prop::collection::vec(any::<u8>(), 30..68), y in prop::collection::vec(any::<u8>(), 30..68),
    ) {
        let jwk = json!({"kty": kty, "crv": crv, "n": mint::encode(n), "e": mint::encode(e),
            "x": mint::encode(x), "y": mint::encode(y)});
        let set = mint::set(&[jwk]);
        prop_assert_ne!(set.keys().is_empty(), set.skipped().is_empty());
    }

    #[test]
    fn claim_paths_round_trip(text in ".{0,40}", names in prop::collection::vec("[a-z.\"\\\\ ]{1,6}", 1..5)) {
        if let Ok(path) = text.parse::<ClaimPath>() {
            prop_assert_eq!(path.to_string().parse::<ClaimPath>(), Ok(path));
        }
        let quoted: Vec<String> =
            names.iter().map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        let path: ClaimPath = quoted.join(".").parse().unwrap();
        prop_assert_eq!(path.names(), &names);
        prop_assert_eq!(path.to_string().parse::<ClaimPath>(), Ok(path));
    }
}
