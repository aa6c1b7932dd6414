//! Headers that a careless verifier obeys: no algorithm, a key of the attacker's, an instruction nobody understands.

use sallyport_policy::Reason::{AlgorithmNotAllowed, KeyUnknown, SignatureInvalid, TokenMalformed};
use serde_json::{Value, json};

use super::forge::{self, ES, Forge, RS, encode};
use super::{Attack, attack};
use crate::Result;

pub(super) const CASES: &[Attack] = &[
    attack("alg-none", alg_none, AlgorithmNotAllowed),
    attack("alg-none-spelling", alg_none_spelling, AlgorithmNotAllowed),
    attack("alg-unknown", alg_unknown, AlgorithmNotAllowed),
    attack("alg-no-text", alg_no_text, TokenMalformed),
    attack("alg-swap", alg_swap, AlgorithmNotAllowed),
    attack("alg-of-key", alg_of_key, SignatureInvalid),
    attack("header-jwk", header_jwk, SignatureInvalid),
    attack("header-jwk-kid", header_jwk_kid, KeyUnknown),
    attack("header-url", header_url, SignatureInvalid),
    attack("header-x5c", header_x5c, SignatureInvalid),
    attack("kid-injection", kid_injection, KeyUnknown),
    attack("kid-no-text", kid_no_text, TokenMalformed),
    attack("crit", crit, TokenMalformed),
    attack("b64-false", b64_false, TokenMalformed),
    attack("zip", zip, TokenMalformed),
    attack("header-enc", header_enc, SignatureInvalid),
];

fn alg_none(forge: &Forge) -> Result<Vec<String>> {
    let (_, signature) = forge::split(forge.good())?;
    let none = [("alg", json!("none"))];
    let bare = [("alg", json!("none")), ("kid", Value::Null), ("typ", Value::Null)];
    Ok(vec![
        forge.unsigned(&none, b""),
        forge.unsigned(&bare, b""),
        forge.unsigned(&none, &signature),
    ])
}

fn alg_none_spelling(forge: &Forge) -> Result<Vec<String>> {
    let spellings =
        ["None", "NONE", "nOnE", "none ", " none", "none\0", "non\u{435}", "\u{ff4e}one"];
    Ok(spellings.iter().map(|none| forge.unsigned(&[("alg", json!(none))], b"")).collect())
}

fn alg_unknown(forge: &Forge) -> Result<Vec<String>> {
    let (_, signature) = forge::split(forge.good())?;
    let names = [
        "",
        "foo",
        "rs256",
        "RS256 ",
        "RS256\0",
        "ES256K",
        "RSA1_5",
        "RSA-OAEP",
        "dir",
        "\u{ff32}S256",
    ];
    let tokens = names.iter().flat_map(|alg| {
        let changes = [("alg", json!(alg))];
        [forge.unsigned(&changes, b""), forge.unsigned(&changes, &signature)]
    });
    Ok(tokens.collect())
}

fn alg_no_text(forge: &Forge) -> Result<Vec<String>> {
    let values =
        [json!(["none"]), json!(["RS256"]), json!(0), json!(true), json!({ "RS256": true })];
    let mut tokens: Vec<String> =
        values.into_iter().map(|alg| forge.unsigned(&[("alg", alg)], b"")).collect();
    // Without `alg`, and with a null, which `changed` would take away.
    tokens.push(forge.unsigned(&[("alg", Value::Null)], b""));
    tokens.push(format!(
        "{}.{}.",
        encode(br#"{"alg":null,"kid":"a-rs"}"#),
        encode(forge.root().as_bytes())
    ));
    Ok(tokens)
}

/// Right signatures, of algorithms that nobody allowed, or by a key of another kind.
fn alg_swap(forge: &Forge) -> Result<Vec<String>> {
    Ok(vec![
        forge.with_header("RS384", &[])?,
        forge.with_header("PS256", &[])?,
        forge.with_header("RS256", &[("kid", json!(ES))])?,
        forge.with_header("ES256", &[("kid", json!(RS))])?,
    ])
}

/// The header names an allowed algorithm, the signature was made with another one of the same key.
fn alg_of_key(forge: &Forge) -> Result<Vec<String>> {
    let rs256 = [("alg", json!("RS256"))];
    Ok(vec![forge.with_header("RS384", &rs256)?, forge.with_header("PS256", &rs256)?])
}

fn own_jwk(forge: &Forge) -> Result<Value> {
    Ok(json!({ "kty": "RSA", "n": encode(forge.evil_modulus()?), "e": "AQAB" }))
}

fn header_jwk(forge: &Forge) -> Result<Vec<String>> {
    let jwk = own_jwk(forge)?;
    Ok(vec![
        forge.evil(&[("jwk", jwk.clone())])?,
        forge.evil(&[("jwk", jwk.clone()), ("kid", Value::Null)])?,
        forge.evil(&[("jwk", json!({ "keys": [jwk] }))])?,
    ])
}

fn header_jwk_kid(forge: &Forge) -> Result<Vec<String>> {
    let mut jwk = own_jwk(forge)?;
    if let Some(members) = jwk.as_object_mut() {
        members.insert("kid".to_owned(), json!("mine"));
    }
    Ok(vec![forge.evil(&[("jwk", jwk), ("kid", json!("mine"))])?])
}

/// Addresses at the issuer's own host, so that a fetch would be seen.
fn header_url(forge: &Forge) -> Result<Vec<String>> {
    let mut tokens = Vec::new();
    for name in ["jku", "x5u"] {
        for url in [format!("{}/evil/jwks.json", forge.issuer()), "file:///dev/null".to_owned()] {
            tokens.push(forge.evil(&[(name, json!(url))])?);
        }
    }
    Ok(tokens)
}

fn header_x5c(forge: &Forge) -> Result<Vec<String>> {
    let chain = json!([encode(forge.evil_modulus()?), "MIIC"]);
    Ok(vec![
        forge.evil(&[("x5c", chain)])?,
        forge.evil(&[("x5t", json!("AAAA")), ("x5t#S256", json!("AAAA"))])?,
    ])
}

fn kid_injection(forge: &Forge) -> Result<Vec<String>> {
    let kids = [
        "../../../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "a-rs' UNION SELECT 'secret'-- ",
        "a-rs\"; DROP TABLE keys; --",
        "| /bin/true",
        "$(id)",
        "http://127.0.0.1/keys",
        "a-rs\0",
        "a-rs\0.pem",
        "\u{430}-rs",
        "A-RS",
        "a-rs ",
        "",
        "constructor",
        "__proto__",
        "__class__",
    ];
    let mut tokens: Vec<String> =
        kids.iter().map(|kid| forge.evil(&[("kid", json!(kid))])).collect::<Result<_>>()?;
    tokens.push(forge.evil(&[("kid", json!("k".repeat(4_000)))])?);
    Ok(tokens)
}

fn kid_no_text(forge: &Forge) -> Result<Vec<String>> {
    let kids = [json!([RS]), json!({ "a-rs": 1 }), json!(0), json!(false)];
    kids.into_iter().map(|kid| forge.with_header("RS256", &[("kid", kid)])).collect()
}

/// Right signatures: nothing but `crit` speaks against them.
fn crit(forge: &Forge) -> Result<Vec<String>> {
    let crits: [&[(&str, Value)]; 7] = [
        &[("crit", json!(["bork"])), ("bork", json!("x"))],
        &[("crit", json!(["cnf"])), ("cnf", json!({ "jkt": "x" }))],
        &[("crit", json!(["x-custom-policy"])), ("x-custom-policy", json!("require-mfa"))],
        &[("crit", json!([]))],
        &[("crit", json!(["alg"]))],
        &[("crit", json!("exp"))],
        &[("crit", json!(["b64"])), ("b64", json!(true))],
    ];
    crits.iter().map(|changes| forge.with_header("RS256", changes)).collect()
}

/// The signature over the payload as it is, which `b64: false` would mean, and the usual one.
fn b64_false(forge: &Forge) -> Result<Vec<String>> {
    let header = br#"{"alg":"RS256","kid":"a-rs","b64":false,"crit":["b64"]}"#;
    let payload = encode(forge.root().as_bytes());
    let input = format!("{}.{payload}", encode(header));
    let detached = forge.sign("RS256", input.as_bytes())?;
    Ok(vec![
        forge::join(&input, &detached),
        forge.with_header("RS256", &[("b64", json!(false))])?,
        forge.with_header("RS256", &[("b64", json!(false)), ("crit", json!(["b64"]))])?,
        // RFC 7797 with a detached payload, and with one so large that decoding it is work.
        format!("{}..{}", encode(header), encode(&detached)),
        format!("{}.{}.{}", encode(header), "A".repeat(12_000), encode(&detached)),
    ])
}

fn zip(forge: &Forge) -> Result<Vec<String>> {
    Ok(vec![forge.with_header("RS256", &[("zip", json!("DEF"))])?])
}

/// JWE's member in a JWS: a verifier that takes it for encrypted checks no signature.
fn header_enc(forge: &Forge) -> Result<Vec<String>> {
    let changes = [("enc", json!("A256GCM"))];
    let (_, signature) = forge::split(forge.good())?;
    Ok(vec![
        forge.evil(&changes)?,
        forge.unsigned(&changes, &signature),
        forge.unsigned(&changes, b""),
    ])
}
