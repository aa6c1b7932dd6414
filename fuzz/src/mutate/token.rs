//! Changes of a compact JWS: its parts are decoded, changed and encoded again, exchanged with another token's, and the text
//! itself is written in other ways.

use super::{Mutator, base64};
use crate::random::Random;
use crate::tokens;

/// What people, proxies and lax readers add or read over.
const STRAYS: &[&str] = &[
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\u{a0}",
    "\u{feff}",
    "=",
    "==",
    "%3D",
    "%2E",
    ".",
    "..",
    ",",
    ";",
    "A",
    "AA",
    "AAAA",
    "Bearer ",
    "\"",
    "e30",
    ".e30",
    "eyJhbGciOiJub25lIn0.",
];

/// One change.
pub(super) fn change(
    mutator: &mut Mutator,
    random: &mut Random,
    input: &[u8],
    other: &[u8],
) -> Vec<u8> {
    let mut parts: Vec<Vec<u8>> = input.split(|byte| *byte == b'.').map(<[u8]>::to_vec).collect();
    let others: Vec<&[u8]> = other.split(|byte| *byte == b'.').collect();
    let place = random.below(parts.len());
    match random.below(14) {
        0..4 => json_part(mutator, random, &mut parts, other, 0),
        4..7 => json_part(mutator, random, &mut parts, other, 1),
        7 | 8 => {
            if let Some(signature) = parts.get_mut(2) {
                let changed = self::signature(random, &base64::decode(signature));
                *signature = base64::encode_somehow(random, &changed);
            }
        }
        9 => {
            if let Some(piece) = random.pick(&others) {
                parts[place] = piece.to_vec();
            }
        }
        10 => parts[place] = base64::again(random, &parts[place]),
        11 => rearranged(random, &mut parts, &others),
        12 => {
            let mut out = input.to_vec();
            let at = random
                .pick(&[0, random.clone().below(input.len() + 1), input.len()])
                .copied()
                .unwrap_or(0);
            out.splice(at..at, random.word(STRAYS).bytes());
            return out;
        }
        _ => return mutator.bytes(random, input, other),
    }
    parts.join(&b'.')
}

fn json_part(
    mutator: &mut Mutator,
    random: &mut Random,
    parts: &mut [Vec<u8>],
    other: &[u8],
    place: usize,
) {
    if let Some(part) = parts.get_mut(place) {
        let other =
            base64::decode(other.split(|byte| *byte == b'.').nth(place).unwrap_or_default());
        let text = mutator.json(random, &base64::decode(part), &other);
        *part = base64::encode_somehow(random, &text);
    }
}

fn rearranged(random: &mut Random, parts: &mut Vec<Vec<u8>>, others: &[&[u8]]) {
    let place = random.below(parts.len());
    match random.below(5) {
        0 => drop(parts.remove(place)),
        1 => parts.insert(place, Vec::new()),
        2 => parts.reverse(),
        3 => parts.extend(others.iter().map(|part| part.to_vec())),
        _ => {
            let other = random.below(parts.len());
            parts.swap(place, other);
        }
    }
}

/// What is tried on signatures: bits, lengths, halves that change places, numbers at the ends of their range, DER, and
/// the second signature of ECDSA, which is a valid one.
fn signature(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let half = bytes.len() / 2;
    let place = random.below(bytes.len());
    match random.below(12) {
        0 => out.push(random.byte()),
        1 => drop(out.pop()),
        2 => out.insert(0, 0),
        3 => out.rotate_left(half),
        4 => out.fill(0),
        5 => out.fill(0xff),
        6 => out[..half].fill(0),
        7 => out[half..].fill(0),
        8 => out = sallyport_jwt::ecdsa_der(bytes).unwrap_or_default(),
        9 => out = tokens::second_signature(bytes).unwrap_or_default(),
        10 => out.clear(),
        _ => {
            if let Some(byte) = out.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
    out
}
