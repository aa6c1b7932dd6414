//! Whether `peer_certificate` is what a proxy hands on: PEM (RFC 7468) with one certificate or a chain, and nothing else.
//! Looks at the outermost structure of each certificate (RFC 5280 section 4.1); checks no signature, name or date.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// DER tags (ITU-T X.690).
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// One certificate or several.
pub(super) fn is_certificate_chain(pem: &str) -> bool {
    let mut rest = pem.trim_ascii();
    let mut found = false;
    while !rest.is_empty() {
        let block = rest.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END));
        let Some((body, after)) = block else { return false };
        let base64: String = body.split_ascii_whitespace().collect();
        if !STANDARD.decode(base64).is_ok_and(|der| is_certificate(&der)) {
            return false;
        }
        found = true;
        rest = after.trim_ascii_start();
    }
    found
}

/// A sequence of what is signed, algorithm and signature.
fn is_certificate(der: &[u8]) -> bool {
    let Some((SEQUENCE, mut inside, [])) = element(der) else { return false };
    for expected in [SEQUENCE, SEQUENCE, BIT_STRING] {
        match element(inside) {
            Some((tag, [_, ..], rest)) if tag == expected => inside = rest,
            Some(_) | None => return false,
        }
    }
    inside.is_empty()
}

/// The first element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first.checked_sub(0x80) {
        None => (usize::from(*first), rest),
        Some(bytes @ 1..=4) => {
            let (length, rest) = rest.split_at_checked(usize::from(bytes))?;
            let length = length.iter().try_fold(0_usize, |sum, byte| {
                sum.checked_mul(256)?.checked_add(usize::from(*byte))
            })?;
            (length, rest)
        }
        Some(_) => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{BEGIN, END, is_certificate_chain};

    /// Three elements with one byte each.
    const LEAST: &[u8] = &[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0];
    const CASES: &[(&str, &[&[u8]], bool)] = &[
        ("one", &[LEAST], true),
        ("chain", &[LEAST, LEAST], true),
        ("none", &[], false),
        ("empty", &[&[]], false),
        ("long form", &[&[0x30, 0x81, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0]], true),
        ("more behind it", &[&[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0, 0]], false),
        ("cut", &[&[0x30, 9, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1]], false),
        ("no signature", &[&[0x30, 6, 0x30, 1, 0, 0x30, 1, 0]], false),
        ("more inside", &[&[0x30, 12, 0x30, 1, 0, 0x30, 1, 0, 0x03, 1, 0, 2, 1, 0]], false),
        ("endless length", &[&[0x30, 0x80, 0x30, 1, 0]], false),
        ("second is none", &[LEAST, b"text"], false),
    ];

    #[test]
    fn certificates_and_other_bytes() {
        for (name, ders, expected) in CASES {
            let pem: String = ders
                .iter()
                .map(|der| format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der)))
                .collect();
            assert_eq!(is_certificate_chain(&pem), *expected, "{name}: {pem}");
        }
        let good = format!("{BEGIN}{}{END}", STANDARD.encode(LEAST));
        assert!(is_certificate_chain(&good));
        for text in [BEGIN, "x", &format!("{good}x"), &format!("x{good}")] {
            assert!(!is_certificate_chain(text), "{text}");
        }
        assert!(!is_certificate_chain(&good.replace("CERTIFICATE", "PRIVATE KEY")));
    }
}
