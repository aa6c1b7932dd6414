//! An address that keys are fetched from, in the parts that a call names. Discovery documents come from outside, and
//! what they say of the address ends up in a request's head and in the log: only plain characters are let by.

use crate::limits::{MAX_ADDRESS_BYTES, MAX_AUTHORITY_BYTES};

/// Scheme, authority and path (with query) of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) scheme: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Address<'a> {
    /// An http or https URL without user information and fragment (RFC 3986 section 3).
    pub(super) fn parse(url: &'a str) -> Option<Self> {
        if url.len() > MAX_ADDRESS_BYTES {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        let named = !authority.is_empty() && authority.len() <= MAX_AUTHORITY_BYTES;
        let path = if path.is_empty() { "/" } else { path };
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        (matches!(scheme, "http" | "https")
            && named
            && authority.bytes().all(plain)
            && path.starts_with('/')
            && path.bytes().all(visible))
        .then_some(Self { scheme, authority, path })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    type Parts = (&'static str, &'static str, &'static str);

    const CASES: &[(&str, Option<Parts>)] = &[
        ("https://idp:8443/a/b?c", Some(("https", "idp:8443", "/a/b?c"))),
        ("http://idp", Some(("http", "idp", "/"))),
        ("https://[::1]:8443/x", Some(("https", "[::1]:8443", "/x"))),
        ("ftp://idp/", None),
        ("idp", None),
        ("https:///x", None),
        ("https://user@idp/x", None),
        ("https://idp?x", None),
        ("https://idp/x#y", None),
        ("https://idp/x y", None),
        ("https://idp/x\r\nhost: other", None),
        ("https://idp\n/x", None),
        ("https://idp/\u{e9}", None),
    ];

    #[test]
    fn addresses_are_taken_apart() {
        for (url, expected) in CASES {
            let parts = Address::parse(url).map(|it| (it.scheme, it.authority, it.path));
            assert_eq!(parts, *expected, "{url}");
        }
        assert_eq!(Address::parse(&format!("https://idp/{}", "x".repeat(4096))), None);
        assert_eq!(Address::parse(&format!("https://{}/", "x".repeat(300))), None);
    }
}
