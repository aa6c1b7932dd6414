//! base64url, and the other texts for the same bytes that a lax decoder would read.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{STANDARD, URL_SAFE as PADDED, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::random::Random;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes, as well as they can be told; empty where they cannot.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    LENIENT.decode(text).unwrap_or_default()
}

/// The one right text.
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    URL_SAFE_NO_PAD.encode(bytes).into_bytes()
}

/// Mostly the right text; else one that a strict reader refuses.
pub(super) fn encode_somehow(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    match random.below(40) {
        0 => STANDARD.encode(bytes).into_bytes(),
        1 => PADDED.encode(bytes).into_bytes(),
        2 => again(random, &encode(bytes)),
        _ => encode(bytes),
    }
}

/// Another text for the same bytes.
pub(super) fn again(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    match random.below(6) {
        0 => out.push(b'='),
        1 => out.extend_from_slice(b"=="),
        2 => out.insert(random.below(text.len() + 1), *random.pick(b" \n\r\t").unwrap_or(&b' ')),
        3 => {
            for byte in &mut out {
                *byte = match *byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    same => same,
                };
            }
        }
        // The unused bits of the last character, which the alphabet counts up.
        4 => {
            if let Some(last) = out.last_mut() {
                *last = last.wrapping_add(1);
            }
        }
        _ => out = text.iter().flat_map(|byte| percent(random, *byte)).collect(),
    }
    out
}

fn percent(random: &mut Random, byte: u8) -> Vec<u8> {
    if random.once_in(20) { format!("%{byte:02X}").into_bytes() } else { vec![byte] }
}
