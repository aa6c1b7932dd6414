//! RSA signatures (RFC 8017): RSASSA-PKCS1-v1_5 as section 8.2.2 wants it, which compares the whole encoded message, and
//! RSASSA-PSS (section 8.1.2) with a salt as long as the hash (RFC 7518 section 3.5).

use crate::pure::hash::Hash;
use crate::pure::modular::{self, Modulus};

/// A public key.
#[derive(Clone, Debug)]
pub(crate) struct RsaKey {
    modulus: Modulus,
    exponent: [u32; 2],
    /// Length of the modulus.
    bits: usize,
}

impl RsaKey {
    /// From the modulus' big-endian bytes, without leading zeros. None: it is even.
    pub(crate) fn new(modulus: &[u8], exponent: u64) -> Option<Self> {
        let leading = modulus.first()?.leading_zeros();
        let bits = modulus.len().checked_mul(8)?.checked_sub(usize::try_from(leading).ok()?)?;
        let [low, high] = [exponent & u64::from(u32::MAX), exponent >> 32];
        let exponent = [u32::try_from(low).ok()?, u32::try_from(high).ok()?];
        Some(Self { modulus: Modulus::new(modulus)?, exponent, bits })
    }

    /// The length of its signatures.
    pub(crate) const fn bytes(&self) -> usize {
        self.bits.div_ceil(8)
    }

    /// Whether the signature was made with PKCS #1 v1.5's padding.
    pub(crate) fn pkcs1(&self, hash: Hash, input: &[u8], signature: &[u8]) -> bool {
        let digest = hash.of(&[input]);
        let info = hash.digest_info();
        let used = info.len().saturating_add(digest.len()).saturating_add(3);
        // Eight bytes of padding at least; no key that is accepted is so short.
        let Some(padding) = self.bytes().checked_sub(used).filter(|length| *length >= 8) else {
            return false;
        };
        let padding = vec![0xff; padding];
        let expected = [&[0, 1], padding.as_slice(), &[0], info, digest.as_slice()].concat();
        self.opened(signature).is_some_and(|message| message == expected)
    }

    /// Whether the signature was made with PSS. RFC 8017 section 9.1.2, whose steps the comments count.
    pub(crate) fn pss(&self, hash: Hash, input: &[u8], signature: &[u8]) -> bool {
        let Some(message) = self.opened(signature) else { return false };
        let bits = self.bits.saturating_sub(1);
        // The encoded message is a byte shorter than the modulus where that begins with a byte of 1.
        let (above, encoded) = message.split_at(message.len().saturating_sub(bits.div_ceil(8)));
        let digest = hash.of(&[input]);
        // 4 and 5
        let Some(rest) = encoded.strip_suffix(&[0xbc]) else { return false };
        let Some(at) = rest.len().checked_sub(digest.len()) else { return false };
        let (masked, tag) = rest.split_at(at);
        // 6 to 9
        let unused = bits.wrapping_neg() % 8;
        let keep = 0xff_u8.checked_shr(u32::try_from(unused).unwrap_or(8)).unwrap_or(0);
        let mask = hash.mask(tag, masked.len());
        let mut block: Vec<u8> = masked.iter().zip(&mask).map(|(a, b)| a ^ b).collect();
        let Some(first) = block.first_mut() else { return false };
        let clean = masked.first().is_some_and(|byte| byte & !keep == 0);
        *first &= keep;
        // 10
        let Some(at) = block.len().checked_sub(digest.len()) else { return false };
        let (padding, salt) = block.split_at(at);
        let Some((1, zeros)) = padding.split_last().map(|(last, zeros)| (*last, zeros)) else {
            return false;
        };
        let padded = zeros.iter().all(|byte| *byte == 0);
        // 12 to 14
        let expected = hash.of(&[&[0; 8], &digest, salt]);
        above.iter().all(|byte| *byte == 0) && clean && padded && expected == tag
    }

    /// The encoded message, as long as the modulus (RSAVP1). None: the signature is of another length, or not below the
    /// modulus, so that there is no second spelling of one.
    fn opened(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.bytes() {
            return None;
        }
        let number = self.modulus.number(signature)?;
        let message = self.modulus.power(&number, &self.exponent);
        Some(modular::bytes(&message, self.bytes()))
    }
}
