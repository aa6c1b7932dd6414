//! The certificate that a client showed to the TLS listener, which verified it. Adapters bring the name that a route asks
//! for; here is decided what counts as one.

use std::borrow::Cow;

use schemars::JsonSchema;

use crate::file::wire_types::wire_enum;
use crate::limits::MAX_SUBJECT_BYTES;

wire_enum! {
    /// Which name of a certificate is the subject.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub enum CertificateSubject {
        /// The first URI among its alternative names, like a SPIFFE id.
        UriSan = "uri_san",
        /// The first DNS name among its alternative names.
        DnsSan = "dns_san",
        /// The one common name of its subject.
        CommonName = "common_name",
    }
}

impl CertificateSubject {
    /// As the policy file spells it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::UriSan => "uri_san",
            Self::DnsSan => "dns_san",
            Self::CommonName => "common_name",
        }
    }
}

/// What a client showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerCertificate {
    /// No certificate, or no TLS; also where a door cannot know.
    Absent,
    /// One without a name of the wanted kind, or with several of which none is the first.
    Without,
    /// One with this name, unjudged.
    Named(String),
}

/// A name that may be a subject. One constructor: [`CertificateName::read`].
pub(crate) struct CertificateName<'a>(&'a str);

impl<'a> CertificateName<'a> {
    /// Text that is not empty, not too long, and has no control characters and no white space around it.
    pub(crate) fn read(name: &'a str) -> Option<Self> {
        let valid = !name.is_empty()
            && name.len() <= MAX_SUBJECT_BYTES
            && name.trim() == name
            && !name.chars().any(char::is_control);
        valid.then_some(Self(name))
    }

    pub(crate) fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The one common name of a subject that is written as RFC 2253 says, as Envoy writes it; none where there is none, where
/// there are two, and where it is not text.
#[must_use]
pub fn common_name(subject: &str) -> Option<String> {
    let mut found = None;
    let mut rest = subject.as_bytes();
    while !rest.is_empty() {
        let end = end_of_pair(rest);
        let (pair, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or_default();
        let pair = pair.trim_ascii_start();
        let Some(value) = pair.strip_prefix(b"CN=") else { continue };
        if found.replace(unescaped(value)?).is_some() {
            return None;
        }
    }
    found
}

/// Pairs end at `,`, or at `+` where one part of the name has several.
fn end_of_pair(text: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' | b'+' => return at,
            _ => {}
        }
    }
    text.len()
}

/// `\\,` is a comma and `\\C3` a byte; `#` begins what is no text.
fn unescaped(value: &[u8]) -> Option<String> {
    if value.starts_with(b"#") {
        return None;
    }
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let first = bytes.next()?;
        match char::from(first).to_digit(16) {
            None => out.push(first),
            Some(high) => {
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
            }
        }
    }
    match String::from_utf8_lossy(&out) {
        Cow::Borrowed(text) => Some(text.to_owned()),
        Cow::Owned(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{CertificateName, common_name};

    const CASES: &[(&str, Option<&str>)] = &[
        ("CN=alice", Some("alice")),
        ("CN=alice,OU=staff,O=acme", Some("alice")),
        ("OU=staff,CN=alice", Some("alice")),
        ("OU=staff+CN=alice,O=acme", Some("alice")),
        ("CN=a\\,b\\+c\\\\d\\\"e", Some("a,b+c\\d\"e")),
        ("CN=\\C3\\A5lice", Some("\u{e5}lice")),
        ("CN=\\23x", Some("#x")),
        ("O=x\\,CN=mallory,CN=alice", Some("alice")),
        ("O=x\\+CN=mallory", None),
        ("CN=", Some("")),
        ("CN=alice,CN=bob", None),
        ("CN=alice+CN=alice", None),
        ("CN=#0c0161", None),
        ("CN=\\C3", None),
        ("CN=a\\", None),
        ("CN=a\\4", None),
        ("cn=alice", None),
        ("O=acme", None),
        ("", None),
    ];

    #[test]
    fn one_common_name_or_none() {
        for (subject, expected) in CASES {
            assert_eq!(common_name(subject).as_deref(), *expected, "{subject}");
        }
    }

    #[test]
    fn names_are_text() {
        for (name, expected) in [
            ("spiffe://example/a", true),
            ("Alice B. \u{e5}", true),
            ("", false),
            (" a", false),
            ("a\0b", false),
            ("a\nb", false),
        ] {
            assert_eq!(CertificateName::read(name).is_some(), expected, "{name:?}");
        }
        assert!(CertificateName::read(&"a".repeat(3000)).is_none());
    }
}
