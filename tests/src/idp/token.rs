//! Compact JWS (RFC 7515) assembled by hand, so that a test decides every header and claim.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Claims;
use super::keys::{Alg, Key};
use crate::Result;

/// What a token shall be. The header is `{"alg","kid","typ":"JWT"}` unless overridden.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSpec {
    alg: Alg,
    kid: Option<String>,
    claims: Claims,
    header: Vec<(String, Value)>,
}

impl TokenSpec {
    /// A token signed by the current key of an algorithm.
    #[must_use]
    pub fn new(alg: Alg, claims: Claims) -> Self {
        Self { alg, kid: None, claims, header: Vec::new() }
    }

    /// Signs with this key instead, which may be a retired one or the encryption key.
    #[must_use]
    pub fn kid(mut self, kid: &str) -> Self {
        self.kid = Some(kid.to_owned());
        self
    }

    /// Sets a header parameter, also `alg`, `kid` and `typ`; `null` leaves it out. The key and
    /// the signature stay the same.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn alg(&self) -> Alg {
        self.alg
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(super) fn sign_with(&self, key: &Key) -> Result<String> {
        let input = self.signing_input(self.alg.name(), key.kid());
        let signature = key.sign(self.alg, input.as_bytes())?;
        Ok(join(&input, &signature))
    }

    /// The first two parts, with the header's defaults.
    pub(super) fn signing_input(&self, alg: &str, kid: &str) -> String {
        let mut header = Claims::new();
        for (name, value) in [("alg", alg), ("kid", kid), ("typ", "JWT")] {
            header.insert(name.to_owned(), Value::from(value));
        }
        for (name, value) in &self.header {
            if value.is_null() {
                header.remove(name);
            } else {
                header.insert(name.clone(), value.clone());
            }
        }
        let header = URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
        let claims = URL_SAFE_NO_PAD.encode(Value::Object(self.claims.clone()).to_string());
        format!("{header}.{claims}")
    }
}

/// Appends the third part.
pub(super) fn join(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// 24 random bytes as text, for opaque tokens and token ids.
pub(super) fn random() -> Result<String> {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
