//! The one question a crypto library is asked, and the ECDSA encoding some of them want.
//! Backends: [`Pure`](crate::Pure) here, Envoy's foreign function in the filter, aws-lc-rs in the sidecar. All must give
//! the same answer on the same input; what they would judge differently is refused before they are asked.

use crate::algorithm::Algorithm;
use crate::key::Key;

/// Checks one signature. HS* are computed by [`Pure`](crate::Pure) alone: the other backends hand them to it.
///
/// The callers, [`Unverified::verify`](crate::Unverified::verify) and [`Jws::verify`](crate::Jws::verify), guarantee that the key allows the algorithm and that
/// the signature has exactly the length of [`Key::signature_bytes`]. ECDSA signatures are `r || s` (RFC 7518 section 3.4).
pub trait SignatureBackend {
    /// # Errors
    /// When the signature is not valid, and when the backend cannot tell.
    fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        signing_input: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid>;
}

/// The signature was not made by this key over this input, or could not be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature invalid")]
pub struct SignatureInvalid;

/// `r || s` of ES256, ES384 or ES512 as the DER of RFC 3279 `Ecdsa-Sig-Value`. `None` for any other length and where
/// `r` or `s` is zero. Does not compare with the curve's order: the backends do.
pub fn ecdsa_der(raw: &[u8]) -> Option<Vec<u8>> {
    const MAX_DER_BYTES: usize = 141;
    if !matches!(raw.len(), 64 | 96 | 132) {
        return None;
    }
    let (r, s) = raw.split_at_checked(raw.len().checked_div(2)?)?;
    let mut integers = Vec::with_capacity(MAX_DER_BYTES);
    push_integer(&mut integers, r)?;
    push_integer(&mut integers, s)?;

    let length = u8::try_from(integers.len()).ok()?;
    let mut der = Vec::with_capacity(MAX_DER_BYTES);
    der.push(0x30);
    if length > 127 {
        der.push(0x81);
    }
    der.push(length);
    der.append(&mut integers);
    Some(der)
}

/// A positive big-endian number of at most 126 bytes as DER INTEGER.
fn push_integer(der: &mut Vec<u8>, number: &[u8]) -> Option<()> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..)?;
    let negative = *digits.first()? >= 0x80;
    let length = u8::try_from(digits.len()).ok()?.checked_add(u8::from(negative))?;
    der.extend([0x02, length]);
    if negative {
        der.push(0);
    }
    der.extend_from_slice(digits);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_high_and_full_numbers() {
        let mut raw = [0u8; 64];
        raw[31] = 1;
        raw[32] = 0x80;
        let mut expected = vec![0x30, 3 + 2 + 33, 2, 1, 1, 2, 33, 0, 0x80];
        expected.extend([0; 31]);
        assert_eq!(ecdsa_der(&raw), Some(expected));

        let der = ecdsa_der(&[0xff; 132]).unwrap();
        assert_eq!(der.get(..6), Some(&[0x30, 0x81, 138, 2, 67, 0][..]));
        assert_eq!(der.len(), 141);
    }

    #[test]
    fn other_lengths_and_zero_have_no_encoding() {
        for length in [0, 1, 63, 65, 95, 97, 131, 133, 134] {
            assert_eq!(ecdsa_der(&vec![1; length]), None, "{length}");
        }
        for length in [64, 96, 132] {
            assert_eq!(ecdsa_der(&vec![0; length]), None);
            let mut only_r = vec![0; length];
            only_r[0] = 1;
            assert_eq!(ecdsa_der(&only_r), None);
        }
    }
}
