//! DER SubjectPublicKeyInfo (RFC 5280 section 4.1, RFC 5480, RFC 8410) for the keys we hold: what Envoy's
//! `verify_signature` takes, and aws-lc-rs too. Computed once per key, when a set is read.
//! The curves' documents differ in the point only, so a fixed prefix is all there is; RSA comes from the `rsa` crate.

use rsa::RsaPublicKey;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::EncodePublicKey;

const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
const P384: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
const P521: &[u8] = b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00";
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// A public key in both encodings: the inner one is the end of the outer one.
#[derive(Clone, Debug)]
pub(crate) struct Spki {
    der: Vec<u8>,
    inner_start: usize,
}

impl Spki {
    /// The whole document.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// What the BIT STRING holds: PKCS#1 `RSAPublicKey`, uncompressed point, or the 32 bytes of Ed25519.
    pub(crate) fn inner(&self) -> &[u8] {
        self.der.get(self.inner_start..).unwrap_or_default()
    }

    /// From an uncompressed point on P-256.
    pub(crate) fn p256(point: &[u8]) -> Self {
        Self::prefixed(P256, point)
    }

    /// From an uncompressed point on P-384.
    pub(crate) fn p384(point: &[u8]) -> Self {
        Self::prefixed(P384, point)
    }

    /// From an uncompressed point on P-521.
    pub(crate) fn p521(point: &[u8]) -> Self {
        Self::prefixed(P521, point)
    }

    /// From 32 bytes.
    pub(crate) fn ed25519(key: &[u8]) -> Self {
        Self::prefixed(ED25519, key)
    }

    /// `None` if the key cannot be encoded.
    pub(crate) fn rsa(key: &RsaPublicKey) -> Option<Self> {
        let inner = key.to_pkcs1_der().ok()?.into_vec();
        let der = key.to_public_key_der().ok()?.into_vec();
        let inner_start = der.len().checked_sub(inner.len())?;
        der.ends_with(&inner).then_some(Self { der, inner_start })
    }

    fn prefixed(prefix: &[u8], key: &[u8]) -> Self {
        Self { der: [prefix, key].concat(), inner_start: prefix.len() }
    }
}
