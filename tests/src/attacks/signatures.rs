//! Signatures that are missing, of another token, written in another way, or good for every text.

use sallyport_policy::Reason::{SignatureInvalid, TokenExpired, TokenMalformed};
use serde_json::{Value, json};

use super::forge::{self, Forge, RSA_BYTES, decode, encode, join, split};
use super::{Attack, attack, cube_root};
use crate::Result;

pub(super) const CASES: &[Attack] = &[
    attack("signature-empty", empty, SignatureInvalid),
    attack("signature-missing", missing, TokenMalformed),
    attack("signature-unchecked", unchecked, SignatureInvalid),
    attack("signature-of-another", of_another, SignatureInvalid),
    attack("signature-text", text, TokenMalformed),
    attack("signature-expired", expired, TokenExpired),
    attack("ecdsa-zero", ecdsa_zero, SignatureInvalid),
    attack("ecdsa-der", ecdsa_der, SignatureInvalid),
    attack("ecdsa-length", ecdsa_length, SignatureInvalid),
    attack("rsa-length", rsa_length, SignatureInvalid),
    attack("rsa-padding", rsa_padding, SignatureInvalid),
    attack("eddsa-malleable", eddsa_malleable, SignatureInvalid),
];

/// The order of P-256, big-endian (FIPS 186-5).
const P256_ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
/// The order of Ed25519's group, little-endian (RFC 8032 section 5.1).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn es256(forge: &Forge) -> Result<String> {
    forge.with_header("ES256", &[])
}

/// The good token with another signature.
fn resigned(token: &str, signatures: &[Vec<u8>]) -> Result<Vec<String>> {
    let (input, _) = split(token)?;
    Ok(signatures.iter().map(|signature| join(input, signature)).collect())
}

fn empty(forge: &Forge) -> Result<Vec<String>> {
    let mut tokens = vec![forge.unsigned(&[], b"")];
    for good in [forge.good().to_owned(), es256(forge)?] {
        tokens.extend(resigned(&good, &[Vec::new()])?);
    }
    Ok(tokens)
}

fn missing(forge: &Forge) -> Result<Vec<String>> {
    let (input, _) = split(forge.good())?;
    let (header, payload) = input.split_once('.').ok_or("no payload")?;
    Ok(vec![
        input.to_owned(),
        header.to_owned(),
        format!(".{payload}."),
        format!("{header}.."),
        format!("..{payload}"),
        format!("{}.", forge.good()),
        format!("{}.{payload}", forge.good()),
    ])
}

/// Claims, header or signature changed: what a verifier that never looks at the signature takes.
fn unchecked(forge: &Forge) -> Result<Vec<String>> {
    let (input, signature) = split(forge.good())?;
    let (header, payload) = input.split_once('.').ok_or("no payload")?;
    let mut flipped = signature.clone();
    if let Some(byte) = flipped.last_mut() {
        *byte ^= 1;
    }
    let other_header = encode(br#"{"kid":"a-rs","alg":"RS256","typ":"JWT"}"#);
    Ok(vec![
        forge.unsigned(&[], &signature),
        join(input, &flipped),
        join(&format!("{other_header}.{payload}"), &signature),
        join(&format!("{header}.{}", encode(forge.root().as_bytes())), &signature),
        forge.unsigned(&[], &[0; RSA_BYTES]),
        forge.unsigned(&[], b"x"),
        forge.evil(&[])?,
        forge.evil(&[("kid", Value::Null)])?,
    ])
}

/// The remembered token with the signature of another good token, and the other way round.
fn of_another(forge: &Forge) -> Result<Vec<String>> {
    let other = forge.with_claims(&[("sub", json!("bob"))])?;
    let ((good_input, good_signature), (input, signature)) = (split(forge.good())?, split(&other)?);
    Ok(vec![join(good_input, &signature), join(input, &good_signature)])
}

/// The right bytes in a text that is not theirs.
fn text(forge: &Forge) -> Result<Vec<String>> {
    let (input, signature) = forge.good().rsplit_once('.').ok_or("no compact JWS")?;
    let (start, end) = signature.split_at_checked(40).ok_or("a short signature")?;
    // The last character of 256 bytes holds two bits of them, and four that must be zero.
    let (rest, last) = signature.split_at_checked(341).ok_or("a short signature")?;
    let other = match last {
        "A" => 'B',
        "Q" => 'R',
        "g" => 'h',
        _ => 'x',
    };
    let mut tokens: Vec<String> = ["!", "%", "~", "+", "/", "=", "_=", "%00", " "]
        .iter()
        .map(|odd| format!("{input}.{start}{odd}{end}"))
        .collect();
    tokens.extend([
        format!("{input}.{signature}=="),
        format!("{input}.{signature}AAA!"),
        format!("{input}.{rest}{other}"),
        format!("{input}.{}", signature.replace('-', "+").replace('_', "/") + "="),
        format!("{}=.{signature}", input),
        format!("{input}\u{e9}.{signature}"),
    ]);
    Ok(tokens)
}

/// Expired, and with a signature that is not right either: two errors are no allow.
fn expired(forge: &Forge) -> Result<Vec<String>> {
    let past = [("iat", json!(1_000_000_000)), ("exp", json!(1_000_000_300))];
    let token = forge.with_claims(&past)?;
    let (input, _) = split(&token)?;
    Ok(vec![join(input, b""), join(input, &[0; RSA_BYTES]), token.clone()])
}

fn ecdsa_zero(forge: &Forge) -> Result<Vec<String>> {
    let order = decode(P256_ORDER)?;
    let (zero, mut one) = (vec![0; 32], vec![0; 31]);
    one.push(1);
    let pairs = [
        [&zero, &zero],
        [&zero, &one],
        [&one, &zero],
        [&order, &order],
        [&one, &order],
        [&order, &one],
    ];
    let mut signatures: Vec<Vec<u8>> =
        pairs.iter().map(|[r, s]| [r.as_slice(), s.as_slice()].concat()).collect();
    signatures.push(vec![0; 63]);
    // `MAYCAQACAQA`: r = s = 0 in DER.
    signatures.push(vec![0x30, 6, 2, 1, 0, 2, 1, 0]);
    let header = [("alg", json!("ES256")), ("kid", json!(forge::ES))];
    Ok(signatures.iter().map(|signature| forge.unsigned(&header, signature)).collect())
}

/// A DER integer; this encoding's `extra` leading zeros are BER and no DER.
fn integer(bytes: &[u8], extra: usize) -> Result<Vec<u8>> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    let mut content = vec![0; extra];
    let rest = bytes.get(first..).unwrap_or_default();
    if rest.first().is_some_and(|byte| byte & 0x80 != 0) {
        content.push(0);
    }
    content.extend_from_slice(rest);
    let mut out = vec![2, u8::try_from(content.len())?];
    out.append(&mut content);
    Ok(out)
}

fn sequence(content: &[u8], tail: &[u8]) -> Result<Vec<u8>> {
    Ok([&[0x30, u8::try_from(content.len())?], content, tail].concat())
}

fn ecdsa_der(forge: &Forge) -> Result<Vec<String>> {
    let token = es256(forge)?;
    let (_, signature) = split(&token)?;
    let (r, s) = signature.split_at_checked(32).ok_or("a short signature")?;
    let der = [integer(r, 0)?, integer(s, 0)?].concat();
    let ber = [integer(r, 1)?, integer(s, 2)?].concat();
    resigned(&token, &[sequence(&der, b"")?, sequence(&der, b"\0")?, sequence(&ber, b"")?])
}

fn ecdsa_length(forge: &Forge) -> Result<Vec<String>> {
    let token = es256(forge)?;
    let (_, signature) = split(&token)?;
    let (r, s) = signature.split_at_checked(32).ok_or("a short signature")?;
    resigned(
        &token,
        &[
            [&signature, &b"\0"[..]].concat(),
            [&b"\0"[..], &signature].concat(),
            [&[0], r, &[0], s].concat(),
            [s, r].concat(),
            signature.get(..63).unwrap_or_default().to_vec(),
            [&signature[..], &signature[..]].concat(),
        ],
    )
}

fn rsa_length(forge: &Forge) -> Result<Vec<String>> {
    let (_, signature) = split(forge.good())?;
    resigned(
        forge.good(),
        &[
            [&b"\0"[..], &signature].concat(),
            [&b"\0\0\0\0"[..], &signature].concat(),
            [&signature, &b"\0"[..]].concat(),
            [&signature, &b"\0garbage"[..]].concat(),
            signature.get(..255).unwrap_or_default().to_vec(),
            signature.get(1..).unwrap_or_default().to_vec(),
        ],
    )
}

/// Bleichenbacher's forgery of 2006: with the exponent 3, a cube whose first bytes are a right padding and hash, and
/// whose rest is garbage. It needs no private key.
fn rsa_padding(forge: &Forge) -> Result<Vec<String>> {
    let header = br#"{"alg":"RS256","kid":"a-e3"}"#;
    let input = forge::input(header, forge.root().as_bytes());
    let start = encoded(input.as_bytes(), 8);
    let root = cube_root::with_start(&start, RSA_BYTES).ok_or("no cube begins so")?;
    Ok(vec![join(&input, &root)])
}

/// What RS256 of 2048 bits raises to the private exponent (RFC 8017 section 9.2).
pub(super) fn padded(input: &[u8]) -> Vec<u8> {
    encoded(input, RSA_BYTES.saturating_sub(54))
}

fn encoded(input: &[u8], padding: usize) -> Vec<u8> {
    /// DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1).
    const INFO: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input);
    [&[0, 1][..], &vec![0xff; padding], &[0], &INFO, hash.as_ref()].concat()
}

/// `S + L`: the same signature by arithmetic, another one by RFC 8032 section 5.1.7.
fn eddsa_malleable(forge: &Forge) -> Result<Vec<String>> {
    let token = forge.with_header("EdDSA", &[])?;
    let (_, signature) = split(&token)?;
    let (r, s) = signature.split_at_checked(32).ok_or("a short signature")?;
    let mut carry = 0_u16;
    let mut sum = Vec::new();
    for (s, order) in s.iter().zip(ED25519_ORDER) {
        let digit = u16::from(*s).saturating_add(u16::from(order)).saturating_add(carry);
        let [low, high] = digit.to_le_bytes();
        sum.push(low);
        carry = u16::from(high);
    }
    resigned(
        &token,
        &[
            [r, &sum].concat(),
            [&signature, &b"\0"[..]].concat(),
            vec![0; 64],
            [r, &[0; 32]].concat(),
        ],
    )
}
