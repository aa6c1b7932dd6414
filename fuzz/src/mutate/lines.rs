//! Changes of a text by its lines, as YAML is written: what stands where and how deep.

use crate::random::Random;

/// What YAML reads in ways of its own.
const SYNTAX: &[&str] = &[
    "&a ",
    "*a",
    "!!str ",
    "!!binary ",
    "!x ",
    "<<: *a",
    "? ",
    "- ",
    ": ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "# ",
    "{",
    "}",
    "[",
    "]",
    "\t",
    "~",
    "yes",
    "no",
    "0o17",
    "0x1F",
    ".inf",
    ".nan",
    "1_000",
    "2001-01-01",
    "'",
    "\"",
    "@",
    "`",
    "\u{85}",
    "\u{2028}",
];

/// One change.
pub(super) fn change(random: &mut Random, input: &[u8], other: &[u8], words: &[String]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> =
        input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return other.to_vec();
    }
    let (place, second) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(8) {
        0 => drop(lines.remove(place)),
        1 => lines.swap(place, second),
        2 => {
            let copy = lines[second].clone();
            lines.insert(place, copy);
        }
        3 => {
            let lines_of_other: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
            if let Some(line) = random.pick(&lines_of_other) {
                lines.insert(place, line.to_vec());
            }
        }
        4 => drop(lines[place].splice(0..0, *b"  ")),
        5 => {
            if lines[place].starts_with(b"  ") {
                lines[place].drain(..2);
            }
        }
        6 => {
            let at = random.below(lines[place].len() + 1);
            lines[place].splice(at..at, random.word(SYNTAX).bytes());
        }
        _ => swap_word(random, &mut lines[place], words),
    }
    lines.concat()
}

/// Puts another word in the place of one.
fn swap_word(random: &mut Random, line: &mut Vec<u8>, words: &[String]) {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:".contains(byte);
    let start = random.below(line.len());
    let Some(start) = line[start..].iter().position(inside).map(|at| start + at) else { return };
    let end =
        line[start..].iter().position(|byte| !inside(byte)).map_or(line.len(), |at| start + at);
    line.splice(start..end, random.word(words).bytes());
}
