//! DER SubjectPublicKeyInfo (RFC 5280 section 4.1, RFC 5480, RFC 8410) for the keys we hold: what Envoy's
//! `verify_signature` takes, and aws-lc-rs too. Computed once per key, when a set is read.
//! The curves' documents differ in the point only, so a fixed prefix is all there is; RSA's is two numbers.

use crate::key::KeyType;

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

    /// From an uncompressed point.
    pub(crate) fn ec(key_type: KeyType, point: &[u8]) -> Self {
        match key_type {
            KeyType::P256 => Self::prefixed(P256, point),
            KeyType::P384 => Self::prefixed(P384, point),
            KeyType::P521 => Self::prefixed(P521, point),
            KeyType::Rsa | KeyType::Ed25519 | KeyType::Octets => Self::absent(),
        }
    }

    /// From 32 bytes.
    pub(crate) fn ed25519(key: &[u8]) -> Self {
        Self::prefixed(ED25519, key)
    }

    /// For keys that have no such encoding.
    pub(crate) const fn absent() -> Self {
        Self { der: Vec::new(), inner_start: 0 }
    }

    /// From the big-endian numbers without leading zeros.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        let inner = sequence(&[integer(modulus), integer(exponent)].concat());
        let bits = element(0x03, &[&[0], inner.as_slice()].concat());
        let der = sequence(&[RSA_ENCRYPTION, bits.as_slice()].concat());
        let inner_start = der.len().saturating_sub(inner.len());
        Self { der, inner_start }
    }

    fn prefixed(prefix: &[u8], key: &[u8]) -> Self {
        Self { der: [prefix, key].concat(), inner_start: prefix.len() }
    }
}

/// `AlgorithmIdentifier` of rsaEncryption (RFC 8017 appendix A.1), parameters NULL.
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

fn sequence(content: &[u8]) -> Vec<u8> {
    element(0x30, content)
}

/// A positive INTEGER: a leading zero where the first bit would be a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    element(0x02, &[sign, number].concat())
}

/// Tag, length in its shortest form, content (X.690 section 8.1).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let short: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match short.as_slice() {
        [] => out.push(0),
        [byte @ 0..0x80] => out.push(*byte),
        // At most eight bytes.
        long => {
            out.push(u8::try_from(long.len()).unwrap_or(0) | 0x80);
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}
