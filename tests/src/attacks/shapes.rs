//! What is no token, or two readers read as two tokens: other serialisations, encryption, nesting, sizes, odd JSON.

use sallyport_policy::Reason::{CredentialAmbiguous, TokenMalformed};
use serde_json::{Value, json};

use super::forge::{self, Forge, encode, header, split};
use super::{Attack, attack};
use crate::Result;

pub(super) const CASES: &[Attack] = &[
    attack("json-serialisation", json_serialisation, CredentialAmbiguous),
    attack("two-tokens", two_tokens, CredentialAmbiguous),
    attack("jwe", jwe, TokenMalformed),
    attack("nested-jwt", nested_jwt, TokenMalformed),
    attack("many-dots", many_dots, TokenMalformed),
    attack("huge", huge, TokenMalformed),
    attack("deep-json", deep_json, TokenMalformed),
    attack("duplicate-members", duplicate_members, TokenMalformed),
    attack("odd-json", odd_json, TokenMalformed),
    attack("not-base64url", not_base64url, TokenMalformed),
];

/// RFC 7515 section 7.2, general and flattened, with the good token's signature and other claims beside it.
fn json_serialisation(forge: &Forge) -> Result<Vec<String>> {
    let (input, _) = split(forge.good())?;
    let (protected, payload) = input.split_once('.').ok_or("no payload")?;
    let signature = forge.good().rsplit('.').next().unwrap_or_default();
    let forged = encode(forge.root().as_bytes());
    let first = format!("  {protected}.{forged}.");
    let signed = json!({ "protected": protected, "signature": signature });
    Ok(vec![
        json!({ first: "", "protected": protected, "payload": payload, "signature": signature }).to_string(),
        json!({ "payload": forged, "protected": protected, "signature": signature }).to_string(),
        json!({ "payload": payload, "signatures": [signed, { "header": { "alg": "none" }, "signature": "" }] }).to_string(),
    ])
}

fn two_tokens(forge: &Forge) -> Result<Vec<String>> {
    let (good, evil) = (forge.good(), forge.evil(&[])?);
    Ok(vec![
        format!("{evil}, Bearer {good}"),
        format!("{good},{evil}"),
        format!("{good}, Basic cm9vdDpyb290"),
    ])
}

/// Five parts: encrypted to a public key by anybody, with nothing signed inside; bombs of zip and of PBKDF2.
fn jwe(forge: &Forge) -> Result<Vec<String>> {
    let inner = forge.unsigned(&[("alg", json!("none"))], b"");
    let headers = [
        json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "cty": "JWT", "kid": "a-rs" }),
        json!({ "alg": "dir", "enc": "A128CBC-HS256", "iss": forge.issuer() }),
        json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "zip": "DEF" }),
        json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_147_483_647, "p2s": "AAAA" }),
        json!({ "alg": "ECDH-ES", "enc": "A128GCM", "epk": { "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" } }),
        json!({ "alg": "RS256", "kid": "a-rs" }),
    ];
    let token = |header: &Value| {
        let head = encode(header.to_string().as_bytes());
        format!(
            "{head}.{}.AAAAAAAAAAAAAAAA.{}.AAAAAAAAAAAAAAAAAAAAAA",
            encode(&[7; 256]),
            encode(inner.as_bytes())
        )
    };
    Ok(headers.iter().map(token).collect())
}

/// A token whose payload is a token.
fn nested_jwt(forge: &Forge) -> Result<Vec<String>> {
    let inner = forge.good();
    let mut nested = header("RS256");
    nested.insert("cty".to_owned(), json!("JWT"));
    let nested = Value::Object(nested).to_string();
    Ok(vec![
        forge.signed("RS256", nested.as_bytes(), inner.as_bytes())?,
        forge.signed("RS256", nested.as_bytes(), json!(inner).to_string().as_bytes())?,
    ])
}

fn many_dots(forge: &Forge) -> Result<Vec<String>> {
    let (input, _) = split(forge.good())?;
    Ok(vec![
        ".".repeat(16_000),
        ".".repeat(40_000),
        format!("{input}{}", ".".repeat(12_000)),
        format!("{}.{}", forge.good(), "a.".repeat(4_000)),
    ])
}

fn huge(forge: &Forge) -> Result<Vec<String>> {
    let filler = json!("x".repeat(20_000));
    Ok(vec![
        forge.with_claims(&[("filler", filler.clone())])?,
        forge.with_header("RS256", &[("filler", filler)])?,
        "A".repeat(50_000),
    ])
}

fn deep_json(forge: &Forge) -> Result<Vec<String>> {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let mut claims = Value::Object(forge.claims()).to_string();
    claims.truncate(claims.len().saturating_sub(1));
    let header = |levels| format!("{{\"alg\":\"RS256\",\"kid\":\"a-rs\",\"x\":{}}}", deep(levels));
    Ok(vec![
        forge.signed_payload(format!("{claims},\"x\":{}}}", deep(40)).as_bytes())?,
        forge.signed_payload(format!("{claims},\"x\":{}}}", deep(5_000)).as_bytes())?,
        forge.signed_payload("[".repeat(10_000).as_bytes())?,
        forge.signed("RS256", header(40).as_bytes(), forge.root().as_bytes())?,
        forge.signed("RS256", header(2_000).as_bytes(), forge.root().as_bytes())?,
        forge.signed("RS256", "{\"a\":".repeat(2_000).as_bytes(), forge.root().as_bytes())?,
    ])
}

fn duplicate_members(forge: &Forge) -> Result<Vec<String>> {
    let good = Value::Object(forge.claims()).to_string();
    let rest = good.strip_prefix('{').unwrap_or_default();
    let mut tokens = Vec::new();
    for twice in [
        r#""sub":"root""#,
        r#""exp":9999999999"#,
        r#""aud":"x""#,
        r#""\u0073ub":"root""#,
        r#""iss":"x""#,
    ] {
        tokens.push(forge.signed_payload(format!("{{{twice},{rest}").as_bytes())?);
    }
    let claims = good.as_bytes();
    for header in [
        r#"{"alg":"none","alg":"RS256","kid":"a-rs"}"#,
        r#"{"alg":"RS256","kid":"a-rs","alg":"none"}"#,
        r#"{"\u0061lg":"none","alg":"RS256","kid":"a-rs"}"#,
        r#"{"alg":"RS256","kid":"x","kid":"a-rs"}"#,
        r#"{"alg":"RS256","kid":"a-rs","x":{"a":1,"a":2}}"#,
    ] {
        tokens.push(forge.signed("RS256", header.as_bytes(), claims)?);
    }
    Ok(tokens)
}

fn odd_json(forge: &Forge) -> Result<Vec<String>> {
    let good = Value::Object(forge.claims()).to_string();
    let claims = good.as_bytes();
    let mut payloads: Vec<Vec<u8>> = [
        "",
        "null",
        "[]",
        "\"{}\"",
        "1",
        "true",
        "{",
        "{}{}",
        "{'sub':'root'}",
        "{\"sub\":\"\\ud800\"}",
        "{\"a\":01}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for (before, after) in [
        (&b"\xef\xbb\xbf"[..], &b""[..]),
        (b"", b"\0"),
        (b"", b" x"),
        (b"/**/", b""),
        (b"[", b"]"),
        (b"", b",{}"),
    ] {
        payloads.push([before, claims, after].concat());
    }
    payloads
        .push([claims.strip_suffix(b"}").unwrap_or_default(), b",\"x\":\"\xff\xfe\"}"].concat());
    payloads.push([claims.strip_suffix(b"}").unwrap_or_default(), b",}"].concat());
    payloads.push(good.replace("\"alice\"", "[\"alice\"]").into_bytes());
    payloads.push(good.replace("\"alice\"", "{\"$ne\":null}").into_bytes());
    let mut tokens: Vec<String> =
        payloads.iter().map(|payload| forge.signed_payload(payload)).collect::<Result<_>>()?;
    for header in [
        &b"[]"[..],
        b"null",
        b"\"RS256\"",
        b"{\"alg\":\"RS256\",\"kid\":\"a-rs\"} x",
        b"\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"a-rs\"}",
        b"{\"alg\":\"RS256\",\"kid\":\"a-rs\",\"x\":\"\xff\"}",
        b"",
    ] {
        tokens.push(forge.signed("RS256", header, claims)?);
    }
    Ok(tokens)
}

/// Good bytes in the alphabet or padding of another base64, whose signature is over that text.
fn not_base64url(forge: &Forge) -> Result<Vec<String>> {
    let header = Value::Object(header("RS256")).to_string();
    let claims = Value::Object(forge.claims()).to_string();
    let (head, payload) = (encode(header.as_bytes()), encode(claims.as_bytes()));
    let inputs = [
        format!("{head}==.{payload}"),
        format!("{head}.{payload}="),
        format!("{head}.{payload}~"),
        format!("{head}+/.{payload}"),
        format!("{head}.{payload}/+"),
        format!("{head}%2E{payload}.{payload}"),
    ];
    let sign = |input: &String| Ok(forge::join(input, &forge.sign("RS256", input.as_bytes())?));
    inputs.iter().map(sign).collect()
}
