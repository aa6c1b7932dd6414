//! Properties: no change of a byte and no rearrangement of its parts leaves a token valid, and no bytes whatever make a
//! reader panic. One thing is no such change: whoever sees an ECDSA signature can write it a second way.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::json;

use super::mint;
use crate::{Algorithm, ClaimPath, Jws, KeySet, Unverified, looks_like_jws};

const SIGNERS: [Algorithm; 4] =
    [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256];

fn good(index: usize) -> &'static [u8] {
    static TOKENS: OnceLock<[String; 4]> = OnceLock::new();
    TOKENS.get_or_init(|| SIGNERS.map(mint::good))[index].as_bytes()
}

/// As good as [`good`], for somebody else: what parts of two tokens are put together from.
fn another(index: usize) -> &'static str {
    static TOKENS: OnceLock<[String; 4]> = OnceLock::new();
    &TOKENS.get_or_init(|| {
        SIGNERS.map(|signer| {
            let payload = mint::claims().to_string().replace("alice", "mallory");
            mint::signed(signer, &mint::header(signer).replace("JWT", "at+jwt"), &payload)
        })
    })[index]
}

fn refused(signer: usize, mutant: &[u8]) -> bool {
    mint::verify_as(SIGNERS[signer], mutant).is_err()
}

/// What people, proxies and lax decoders add to or read over in base64url and compact JWS.
const STRAYS: &[&str] = &[
    " ", "\t", "\n", "\r\n", "\0", "\u{b}", "\u{a0}", "\u{200b}", "\u{feff}", "=", "==", "%3D",
    "+", "/", "~", ".", "..", "%2E", ",", ";", "&", "A", "AA", "AAAA", "Bearer ", "\"", "'", "e30",
    "e30.", ".e30",
];
const JOINTS: &[&str] = &[".", ".", ".", "", "..", ",", "%2E", " .", ".\n", "=.", "~"];

fn header_mutants(signer: Algorithm) -> Vec<String> {
    let header = mint::header(signer);
    let kid = format!("\"kid\":\"{}\",", mint::kid(signer));
    let mut mutants = vec![
        header.replace(&kid, ""),
        header.replace(&kid, "\"kid\":\"\","),
        header.replace("JWT", "at+jwt"),
        header.replace(',', ", "),
        header.replace("\"alg\"", "\"\\u0061lg\""),
        header.replace('}', ",\"x\":1}"),
        header.replace('}', ",\"crit\":[]}"),
        format!("{header} "),
        "{}".to_owned(),
        String::new(),
    ];
    let names = Algorithm::ALL
        .map(Algorithm::name)
        .into_iter()
        .chain(["none", "None", "nOnE", "Ed25519", ""]);
    mutants.extend(names.map(|name| header.replace(signer.name(), name)));
    mutants.retain(|mutant| *mutant != header);
    mutants
}

/// Each header that says something else, under each signer's signature and under none.
#[test]
fn no_other_header_verifies() {
    for (signer, algorithm) in SIGNERS.into_iter().enumerate() {
        let token = str::from_utf8(good(signer)).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (_, payload) = input.split_once('.').unwrap();
        for header in header_mutants(algorithm) {
            for signature in [signature, ""] {
                let mutant = format!("{}.{payload}.{signature}", mint::encode(&header));
                assert!(refused(signer, mutant.as_bytes()), "{algorithm} {header}");
            }
        }
    }
}

/// Every arrangement of up to four of the parts of two good tokens, but for the two tokens themselves.
#[test]
fn no_rearranged_parts_verify() {
    for signer in 0..SIGNERS.len() {
        let tokens = [str::from_utf8(good(signer)).unwrap(), another(signer)];
        assert!(tokens.iter().all(|token| !refused(signer, token.as_bytes())));
        let parts: Vec<&str> =
            tokens.iter().flat_map(|token| token.split('.')).chain([""]).collect();
        let mut rows = vec![String::new()];
        for length in 0..4 {
            let joint = if length == 0 { "" } else { "." };
            rows = rows
                .iter()
                .flat_map(|row| parts.iter().map(move |part| [row, joint, part].concat()))
                .collect();
            for mutant in rows.iter().filter(|row| !tokens.contains(&row.as_str())) {
                assert!(refused(signer, mutant.as_bytes()), "{mutant}");
            }
        }
    }
}

/// `(r, s)` and `(r, n - s)` are signatures of one key over one text, and RFC 7518 section 3.4 prefers neither: a signer
/// writes either. So one token has two texts with the same claims, and what must be done once is told by `jti`, never
/// by the text of a token.
#[test]
fn the_second_signature_of_ecdsa_says_the_same() {
    let token = str::from_utf8(good(1)).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&mint::decode(signature)).unwrap();
    let (r, s) = signature.split_scalars();
    let second = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    let twin = format!("{input}.{}", mint::encode(second.to_bytes()));
    assert_ne!(twin, token);
    assert_eq!(mint::verify(twin).unwrap().claims(), mint::verify(token).unwrap().claims());
}

/// Every position with its lowest bit flipped: the last character's unused bits, dots and all. For HMAC, which costs
/// little, every bit.
#[test]
fn no_single_flipped_bit_verifies() {
    for (signer, bits) in [(1, 1), (3, 8)] {
        let token = good(signer);
        assert!(!refused(signer, token));
        for place in 0..token.len() {
            for bit in 0..bits {
                let mut mutant = token.to_vec();
                mutant[place] ^= 1 << bit;
                assert!(refused(signer, &mutant), "{place} {bit}");
            }
        }
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
        prop_assert!(refused(signer, &mutant));
    }

    #[test]
    fn no_structural_mutation_verifies(
        signer in 0..SIGNERS.len(), places in prop::collection::vec(any::<prop::sample::Index>(), 2),
        stray in prop::sample::select(STRAYS), joint in prop::sample::select(JOINTS), kind in 0..10,
    ) {
        let token = str::from_utf8(good(signer)).unwrap();
        let [one, other] = [0, 1].map(|end| places[end].index(token.len()));
        let (before, after) = token.split_at(one.min(other));
        let (cut, rest) = after.split_at(one.abs_diff(other));
        let mutant = match kind {
            0 | 1 => format!("{before}{stray}{after}"),
            2 => token.replacen('.', joint, 1),
            3 => token.replace('.', joint),
            4 => token.replace('-', "+").replace('_', "/"),
            5 => before.to_owned(),
            6 => format!("{after}{before}"),
            7 => format!("{token}{joint}{}", another(signer)),
            8 => format!("{before}{rest}"),
            _ => format!("{before}{cut}{cut}{rest}"),
        };
        prop_assume!(mutant != token);
        prop_assert!(refused(signer, mutant.as_bytes()), "{}", mutant);
    }

    #[test]
    fn no_other_claims_verify(
        signer in 0..SIGNERS.len(), name in "iss|sub|aud|exp|nbf|scope|x", value in "[a-z0-9]{0,8}",
    ) {
        let token = str::from_utf8(good(signer)).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let mut claims = mint::claims();
        claims[name] = json!(value);
        let mutant = [parts[0], &mint::encode(claims.to_string()), parts[2]].join(".");
        prop_assert!(refused(signer, mutant.as_bytes()));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Unverified::parse(&bytes).is_err());
        prop_assert!(Jws::parse(&bytes).is_err());
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
    fn arbitrary_signatures_do_not_verify(signer in 0..Algorithm::ALL.len(), seed: [u8; 32]) {
        let algorithm = Algorithm::ALL[signer];
        let header = mint::header(algorithm);
        let input = format!("{}.{}", mint::encode(header), mint::encode(mint::claims().to_string()));
        let key = mint::keys_for(algorithm).keys().iter().find(|key| key.allows(algorithm)).unwrap();
        let signature: Vec<u8> = seed.iter().copied().cycle().take(key.signature_bytes(algorithm)).collect();
        let token = format!("{input}.{}", mint::encode(signature));
        prop_assert!(mint::verify_as(algorithm, token).is_err());
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
