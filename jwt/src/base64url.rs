//! base64url without padding, canonical only: RFC 7515 section 2 and RFC 4648 section 3.5.
//! Whitespace, padding, the `+/` alphabet and non-zero trailing bits are refused, so one value has one text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The bytes, or `None` when the text is not canonical.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, Option<&[u8]>)] = &[
        ("", Some(b"")),
        ("Zg", Some(b"f")),
        ("Zm8", Some(b"fo")),
        ("Zm9v", Some(b"foo")),
        ("-_8", Some(b"\xfb\xff")),
        ("+/8", None),
        ("Zh", None),
        ("Zm9", None),
        ("Zg==", None),
        ("Z", None),
        ("Zm9v ", None),
        ("Zm9v\n", None),
        ("Zm.v", None),
    ];

    #[test]
    fn only_the_canonical_text_decodes() {
        for (text, expected) in CASES {
            assert_eq!(decode(text.as_bytes()).as_deref(), *expected, "{text:?}");
        }
    }
}
