//! A secret shared with the issuer, and HMAC with it (RFC 7518 section 3.2). The only way to one is
//! [`KeySet::from_secret`](crate::KeySet::from_secret): no JWK set yields it and no public key is ever taken for it.
//! Where secrets come from is the sidecar's part; the filter has none.

use std::fmt;

use hmac::digest::Digest;
use hmac::digest::block_api::BlockSizeUser;
use hmac::{KeyInit, Mac, SimpleHmac};
use sha2::{Sha256, Sha384, Sha512};

use crate::algorithm::Algorithm;
use crate::limits::MIN_SECRET_BYTES;

/// The secret is too short for every HS* algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret of fewer than {MIN_SECRET_BYTES} bytes")]
pub struct SecretUnusable;

/// At least [`MIN_SECRET_BYTES`] bytes. `Debug` shows none of them, nor how many there are.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: Vec<u8>,
    // A pointer, so that only who makes a secret carries the code of HMAC: the filter makes none.
    is_tag: fn(&[u8], Algorithm, &[u8], &[u8]) -> bool,
}

impl Secret {
    pub(crate) fn new(secret: &[u8]) -> Result<Self, SecretUnusable> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SecretUnusable);
        }
        Ok(Self { bytes: secret.to_vec(), is_tag })
    }

    /// Whether it is at least as long as the algorithm's hash.
    pub(crate) const fn suffices(&self, algorithm: Algorithm) -> bool {
        algorithm.is_symmetric() && self.bytes.len() >= hash_bytes(algorithm)
    }

    /// Whether `tag` is the HMAC over `input`. The comparison takes the same time wherever they differ.
    pub(crate) fn made(&self, algorithm: Algorithm, input: &[u8], tag: &[u8]) -> bool {
        self.suffices(algorithm) && (self.is_tag)(&self.bytes, algorithm, input, tag)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn is_tag(secret: &[u8], algorithm: Algorithm, input: &[u8], tag: &[u8]) -> bool {
    match hash_bytes(algorithm) {
        32 => is_hmac::<Sha256>(secret, input, tag),
        48 => is_hmac::<Sha384>(secret, input, tag),
        64 => is_hmac::<Sha512>(secret, input, tag),
        _ => false,
    }
}

fn is_hmac<D: Digest + BlockSizeUser>(secret: &[u8], input: &[u8], tag: &[u8]) -> bool {
    // The length is compared too: half a tag is none.
    SimpleHmac::<D>::new_from_slice(secret)
        .is_ok_and(|hmac| hmac.chain_update(input).verify_slice(tag).is_ok())
}

/// The length of the hash of HS*, which is that of its tags and of its shortest key; zero for the others.
pub(crate) const fn hash_bytes(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Hs256 => 32,
        Algorithm::Hs384 => 48,
        Algorithm::Hs512 => 64,
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::EdDsa => 0,
    }
}
