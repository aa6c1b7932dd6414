//! A JWK set (RFC 7517 section 5) as the keys that may verify signatures, and what was left out and why.
//! One bad key does not spoil the set; a set that cannot be read at all is an error, and the caller keeps the old one.
//! Fetching, caching and refreshing are the adapters' part.

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::json::{JsonError, JsonLimits, parse_json_object};
use crate::key::{Key, SkipReason};
use crate::limits::{MAX_KEY_ID_BYTES, MAX_KEYS};
use crate::secret::{Secret, SecretUnusable};

/// The usable keys of one set, in its order. May be empty: then every token is [`KeyUnknown`](crate::TokenError::KeyUnknown).
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

/// An element of `keys` that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its place in the array, from 0.
    pub index: usize,
    /// Its `kid`, where that is a string of acceptable length.
    pub kid: Option<String>,
    /// Why.
    pub reason: SkipReason,
}

/// Why a set cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not the JSON we accept.
    #[error("key set: {0}")]
    Json(#[from] JsonError),
    /// No member `keys`, or it is not an array.
    #[error("key set: no array of keys")]
    NoKeys,
    /// More than [`MAX_KEYS`] keys.
    #[error("key set: more than {MAX_KEYS} keys")]
    TooManyKeys,
}

impl KeySet {
    /// Whether both sets verify the same: in any order, and whatever else stood in them. Never for a secret, which is
    /// not told apart from another.
    pub fn same_keys(&self, other: &Self) -> bool {
        type Traits<'k> = (Option<&'k str>, Option<Algorithm>, Option<&'k str>, &'k [u8]);
        fn sorted(set: &KeySet) -> Vec<Traits<'_>> {
            let traits =
                |key| (Key::kid(key), Key::algorithm(key), Key::issuer(key), Key::spki_der(key));
            let mut all: Vec<Traits<'_>> = set.keys.iter().map(traits).collect();
            all.sort_unstable();
            all
        }
        !self.keys.iter().any(Key::is_secret) && sorted(self) == sorted(other)
    }

    /// Reads a set.
    ///
    /// # Errors
    /// See [`KeySetError`]. Keys that cannot be used are no error; see [`KeySet::skipped`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let object = parse_json_object(bytes, JsonLimits::JWKS)?;
        let jwks = object.get("keys").and_then(Value::as_array).ok_or(KeySetError::NoKeys)?;
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut set = Self::default();
        for (index, jwk) in jwks.iter().enumerate() {
            match Key::from_jwk(jwk) {
                Ok(key) => set.keys.push(key),
                Err(reason) => set.skipped.push(SkippedKey { index, kid: short_kid(jwk), reason }),
            }
        }
        Ok(set)
    }

    /// The set of one secret shared with the issuer: without `kid`, for HS256, and for HS384 and HS512 where it is at
    /// least 48 and 64 bytes long (RFC 7518 section 3.2). Its holder can sign, so it must never be where tokens are
    /// judged for somebody else.
    ///
    /// # Errors
    /// Fewer than 32 bytes. That the bytes cannot be guessed is for whoever chose them.
    pub fn from_secret(secret: &[u8]) -> Result<Self, SecretUnusable> {
        let key = Key::from_secret(Secret::new(secret)?);
        Ok(Self { keys: vec![key], skipped: Vec::new() })
    }

    /// The usable keys. Several may share a `kid`.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What was left out.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}

fn short_kid(jwk: &Value) -> Option<String> {
    jwk.get("kid")?.as_str().filter(|kid| kid.len() <= MAX_KEY_ID_BYTES).map(str::to_owned)
}
