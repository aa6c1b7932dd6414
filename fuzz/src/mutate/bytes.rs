//! Changes of bytes that know nothing of their meaning.

use crate::random::Random;

/// Where numbers of one byte turn.
const EDGES: &[u8] = &[0, 1, 9, 10, 13, 32, 34, 46, 61, 92, 127, 128, 254, 255];
/// Most bytes that one change moves.
const MOST: usize = 64;

/// One change.
pub(super) fn change(random: &mut Random, input: &[u8], other: &[u8], words: &[String]) -> Vec<u8> {
    let mut out = input.to_vec();
    let place = random.below(out.len());
    match random.below(11) {
        0 | 1 => {
            if let Some(byte) = out.get_mut(place) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = out.get_mut(place) {
                *byte = random.byte();
            }
        }
        3 => {
            if let (Some(byte), Some(edge)) = (out.get_mut(place), random.pick(EDGES)) {
                *byte = *edge;
            }
        }
        4 => out.insert(random.below(out.len() + 1), random.byte()),
        5 => drop(out.drain(random.range(input.len(), MOST))),
        6 => {
            let copy = input[random.range(input.len(), MOST)].to_vec();
            insert(random, &mut out, &copy);
        }
        7 => {
            let word = random.word(words).as_bytes().to_vec();
            insert(random, &mut out, &word);
        }
        8 => {
            let piece = other[random.range(other.len(), MOST * 4)].to_vec();
            insert(random, &mut out, &piece);
        }
        9 => out.truncate(place),
        _ => {
            let place = random.below(other.len().min(out.len()) + 1);
            out.truncate(place);
            out.extend_from_slice(&other[place..]);
        }
    }
    out
}

fn insert(random: &mut Random, out: &mut Vec<u8>, piece: &[u8]) {
    let place = random.below(out.len() + 1);
    out.splice(place..place, piece.iter().copied());
}
