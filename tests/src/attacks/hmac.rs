//! HS256 with a secret that everybody knows: the public key in each of its texts, nothing, or a guess.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_policy::Reason::AlgorithmNotAllowed;
use serde_json::{Value, json};

use super::forge::{self, Change, Forge, changed, encode, header, pem};
use super::{Attack, attack};
use crate::Result;

pub(super) const CASES: &[Attack] = &[
    attack("hmac-pem", hmac_pem, AlgorithmNotAllowed),
    attack("hmac-pem-variants", hmac_pem_variants, AlgorithmNotAllowed),
    attack("hmac-ec-key", hmac_ec_key, AlgorithmNotAllowed),
    attack("hmac-jwk", hmac_jwk, AlgorithmNotAllowed),
    attack("hmac-empty", hmac_empty, AlgorithmNotAllowed),
    attack("hmac-guess", hmac_guess, AlgorithmNotAllowed),
    attack("hmac-of-token", hmac_of_token, AlgorithmNotAllowed),
];

/// A good token of an issuer with this secret.
#[must_use]
pub fn good(forge: &Forge, secret: &str) -> String {
    sign(forge, "HS256", secret.as_bytes(), &[])
}

/// Tokens that are almost those of an issuer with this secret: other hashes, other readings of the secret, and tags that
/// are cut, extended or of somebody else's text.
#[must_use]
pub fn near(forge: &Forge, secret: &str) -> Vec<String> {
    let line = format!("{secret}\n");
    let readings = [line.as_bytes(), secret.get(1..).unwrap_or_default().as_bytes()];
    let encoded = [STANDARD.encode(secret), encode(secret.as_bytes())];
    let mut tokens: Vec<String> = readings
        .into_iter()
        .chain(encoded.iter().map(String::as_bytes))
        .map(|secret| sign(forge, "HS256", secret, &[]))
        .collect();
    tokens.extend(["HS384", "HS512"].map(|alg| sign(forge, alg, secret.as_bytes(), &[])));
    // HMAC-SHA256 under another name.
    let renamed = |alg: &str| sign(forge, "HS256", secret.as_bytes(), &[("alg", json!(alg))]);
    tokens.extend(["RS256", "HS384", "none", "hs256", "EdDSA"].map(renamed));
    let own = good(forge, secret);
    if let Some((input, tag)) = own.rsplit_once('.') {
        tokens.push(format!("{input}."));
        tokens.push(format!("{input}.{tag}A"));
        tokens
            .extend((1..tag.len()).filter_map(|end| Some(format!("{input}.{}", tag.get(..end)?))));
        tokens.push(format!("{input}.{}", encode(&[0; 32])));
        let other = sign(forge, "HS256", secret.as_bytes(), &[("typ", json!("at+jwt"))]);
        if let Some((_, foreign)) = other.rsplit_once('.') {
            tokens.push(format!("{input}.{foreign}"));
        }
    }
    tokens
}

/// A token with an administrator's claims under this secret.
fn sign(forge: &Forge, alg: &str, secret: &[u8], changes: &[Change<'_>]) -> String {
    let how = match alg {
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    let header = Value::Object(changed(header(alg), changes)).to_string();
    let input = forge::input(header.as_bytes(), forge.root().as_bytes());
    let tag = hmac::sign(&hmac::Key::new(how, secret), input.as_bytes());
    forge::join(&input, tag.as_ref())
}

/// Each secret with each of the three hashes.
fn all(forge: &Forge, secrets: &[&[u8]]) -> Vec<String> {
    let each =
        |secret: &&[u8]| ["HS256", "HS384", "HS512"].map(|alg| sign(forge, alg, secret, &[]));
    secrets.iter().flat_map(each).collect()
}

fn hmac_pem(forge: &Forge) -> Result<Vec<String>> {
    let (_, spki) = forge.rsa_der()?;
    let pem = pem("PUBLIC KEY", &spki);
    let mut tokens = all(forge, &[pem.as_bytes()]);
    // By the key that another id names, and by none.
    tokens.push(sign(forge, "HS256", pem.as_bytes(), &[("kid", json!("a-es"))]));
    tokens.push(sign(forge, "HS256", pem.as_bytes(), &[("kid", Value::Null)]));
    Ok(tokens)
}

fn hmac_pem_variants(forge: &Forge) -> Result<Vec<String>> {
    let (pkcs1, spki) = forge.rsa_der()?;
    let spki_pem = pem("PUBLIC KEY", &spki);
    let pkcs1_pem = pem("RSA PUBLIC KEY", &pkcs1);
    let leading = format!("\n {spki_pem}");
    let crlf = spki_pem.replace('\n', "\r\n");
    Ok(all(
        forge,
        &[
            spki_pem.trim_end().as_bytes(),
            leading.as_bytes(),
            crlf.as_bytes(),
            pkcs1_pem.as_bytes(),
            pkcs1_pem.trim_end().as_bytes(),
            &spki,
            &pkcs1,
            forge.modulus()?,
            ssh_rsa(forge)?.as_bytes(),
        ],
    ))
}

fn hmac_ec_key(forge: &Forge) -> Result<Vec<String>> {
    let (point, spki) = forge.ec_der()?;
    let ssh = ssh_line("ecdsa-sha2-nistp256", &[b"nistp256", &point])?;
    let ssh_ed = ssh_line("ssh-ed25519", &[forge.ed_public()])?;
    let pem = pem("PUBLIC KEY", &spki);
    Ok(all(forge, &[pem.as_bytes(), &spki, &point, ssh.as_bytes(), ssh_ed.as_bytes()]))
}

/// The key as the JWK set has it, as text and as its members.
fn hmac_jwk(forge: &Forge) -> Result<Vec<String>> {
    let n = encode(forge.modulus()?);
    let jwk =
        json!({ "kty": "RSA", "kid": "a-rs", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB" });
    let text = jwk.to_string();
    Ok(all(forge, &[text.as_bytes(), n.as_bytes(), b"AQAB", b"a-rs"]))
}

fn hmac_empty(forge: &Forge) -> Result<Vec<String>> {
    let mut tokens = all(forge, &[b"", b"\0", &[0; 32], b"null", b"undefined"]);
    tokens.push(sign(forge, "HS256", b"", &[("kid", json!("../../../dev/null"))]));
    tokens.push(sign(forge, "HS256", b"", &[("kid", json!("unknown"))]));
    Ok(tokens)
}

fn hmac_guess(forge: &Forge) -> Result<Vec<String>> {
    Ok(all(
        forge,
        &[b"secret", b"password", b"your-256-bit-secret", b"secrets/gate", b"/run/secrets/gate"],
    ))
}

/// A secret that the token itself brings.
fn hmac_of_token(forge: &Forge) -> Result<Vec<String>> {
    let oct = json!({ "kty": "oct", "k": encode(b"brought-along-brought-along-brought") });
    let secret = b"brought-along-brought-along-brought";
    Ok(vec![
        sign(forge, "HS256", secret, &[("jwk", oct)]),
        sign(forge, "HS256", b"brought", &[("kid", json!("brought"))]),
        sign(forge, "HS256", secret, &[("k", json!(encode(secret)))]),
    ])
}

fn ssh_rsa(forge: &Forge) -> Result<String> {
    // A leading zero, since the top bit is set (RFC 4251, mpint).
    let modulus = [&[0], forge.modulus()?].concat();
    ssh_line("ssh-rsa", &[&[1, 0, 1], &modulus])
}

/// A line of `authorized_keys` (RFC 4253 section 6.6).
fn ssh_line(kind: &str, parts: &[&[u8]]) -> Result<String> {
    let mut bytes = Vec::new();
    for part in [&[kind.as_bytes()], parts].concat() {
        bytes.extend_from_slice(&u32::try_from(part.len())?.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(format!("{kind} {}", STANDARD.encode(bytes)))
}
