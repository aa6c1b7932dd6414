//! Mutations by what a text is: bytes, JSON, base64url, compact JWS, YAML lines. Bytes alone get nothing past base64, so
//! parts are decoded, changed and encoded again. Each step is one small change; the engine makes several.

mod base64;
mod bytes;
mod json;
mod lines;
mod render;
mod token;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::random::Random;

/// What mutations are made of besides chance.
#[derive(Debug)]
pub(crate) struct Mutator {
    /// Words that the readers know, and those of the seeds.
    words: Vec<String>,
    /// Values of the seeds.
    values: Vec<Value>,
}

/// Words that mean something to JOSE and to careless readers.
const WORDS: &[&str] = &[
    "alg",
    "kid",
    "typ",
    "cty",
    "crit",
    "b64",
    "zip",
    "jku",
    "jwk",
    "x5u",
    "x5c",
    "x5t",
    "none",
    "None",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "ES256K",
    "EdDSA",
    "Ed25519",
    "HS256",
    "HS384",
    "HS512",
    "JWT",
    "at+jwt",
    "application/at+jwt",
    "logout+jwt",
    "dpop+jwt",
    "kty",
    "use",
    "key_ops",
    "sig",
    "enc",
    "verify",
    "sign",
    "keys",
    "RSA",
    "EC",
    "OKP",
    "oct",
    "crv",
    "P-256",
    "P-384",
    "P-521",
    "secp256k1",
    "X25519",
    "Ed448",
    "n",
    "e",
    "d",
    "p",
    "q",
    "dp",
    "dq",
    "qi",
    "oth",
    "k",
    "x",
    "y",
    "AQAB",
    "AQ",
    "Aw",
    "issuer",
    "jwks_uri",
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "client_id",
    "appid",
    "cid",
    "tid",
    "scope",
    "scp",
    "scopes",
    "roles",
    "nonce",
    "at_hash",
    "events",
    "{tenantid}",
    "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "",
    "https://idp.example",
    "http://",
    "__proto__",
    "\u{0}",
    "\u{feff}",
    "\u{e9}",
    "\u{1f600}",
    " ",
    "..",
    "*",
    "null",
];

impl Mutator {
    /// With the words and values of these seeds beside the usual ones.
    pub(crate) fn new(seeds: &[Vec<u8>], words: Vec<String>) -> Self {
        let mut all: BTreeSet<String> = WORDS.iter().map(ToString::to_string).collect();
        all.extend(words);
        let mut values = Vec::new();
        for seed in seeds {
            for part in seed.split(|byte| *byte == b'.') {
                let text = base64::decode(part);
                let value = serde_json::from_slice(seed).or_else(|_| serde_json::from_slice(&text));
                if let Ok(value) = value {
                    json::harvest(&value, &mut all, &mut values);
                }
            }
        }
        Self { words: all.into_iter().collect(), values }
    }

    /// Changes some bytes.
    pub(crate) fn bytes(&mut self, random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
        bytes::change(random, input, other, &self.words)
    }

    /// Changes a JSON text; one that is none, or once in a while any, by bytes.
    pub(crate) fn json(&mut self, random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
        match serde_json::from_slice::<Value>(input) {
            Ok(mut value) if !random.once_in(8) => {
                json::change(random, &mut value, &self.words, &self.values);
                render::render(random, &value)
            }
            Ok(_) | Err(_) => self.bytes(random, input, other),
        }
    }

    /// Changes a compact JWS.
    pub(crate) fn token(&mut self, random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
        token::change(self, random, input, other)
    }

    /// Changes a YAML text: its lines, its bytes, or the value it was made from, where it is JSON.
    pub(crate) fn yaml(&mut self, random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
        if input.trim_ascii_start().starts_with(b"{") {
            return self.json(random, input, other);
        }
        if random.once_in(3) {
            return self.bytes(random, input, other);
        }
        lines::change(random, input, other, &self.words)
    }
}
