//! OpenID Connect Discovery 1.0 (and RFC 8414): where an issuer's keys are, by its own document. Untrusted text in, an
//! address out; which of the addresses may be reached is the caller's business. Called by filter and sidecar.

use crate::json::{JsonLimits, parse_json_object};

/// Why a discovery document is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryError {
    /// No JSON object within [`JsonLimits::DOCUMENT`].
    NoDocument,
    /// Its `issuer` is another than the one it was asked of (section 4.3).
    OtherIssuer,
    /// It has no `jwks_uri`, or one that is no http address.
    NoKeys,
    /// Its `jwks_uri` is not https, although the document's own address is: such keys may be anybody's.
    NotSecure,
}

/// The `jwks_uri` of a discovery document that came from `address`, of exactly this issuer.
///
/// # Errors
/// [`DiscoveryError`].
pub fn discovered_jwks_uri(
    document: &[u8],
    address: &str,
    issuer: &str,
) -> Result<String, DiscoveryError> {
    let document = parse_json_object(document, JsonLimits::DOCUMENT)
        .map_err(|_| DiscoveryError::NoDocument)?;
    let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err(DiscoveryError::OtherIssuer);
    }
    let uri = text("jwks_uri").ok_or(DiscoveryError::NoKeys)?;
    match (scheme(uri), scheme(address)) {
        (Some(Scheme::Https), _) | (Some(Scheme::Http), Some(Scheme::Http)) => Ok(uri.to_owned()),
        (Some(Scheme::Http), _) => Err(DiscoveryError::NotSecure),
        (None, _) => Err(DiscoveryError::NoKeys),
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Http,
    Https,
}

/// In lower case, as every provider writes it; another spelling would not be understood in both doors.
fn scheme(address: &str) -> Option<Scheme> {
    match address.split_once("://")? {
        (_, "") => None,
        ("https", _) => Some(Scheme::Https),
        ("http", _) => Some(Scheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{DiscoveryError as E, discovered_jwks_uri};

    const ISSUER: &str = "https://idp.example";

    type Case = (&'static str, &'static str, Result<&'static str, E>);
    const CASES: &[Case] = &[
        (
            r#"{"issuer":"https://idp.example","jwks_uri":"https://keys.example/k"}"#,
            "https://idp.example/d",
            Ok("https://keys.example/k"),
        ),
        (
            r#"{"issuer":"https://idp.example","jwks_uri":"http://127.0.0.1/k"}"#,
            "http://127.0.0.1/d",
            Ok("http://127.0.0.1/k"),
        ),
        (
            r#"{"issuer":"https://idp.example","jwks_uri":"HTTPS://keys.example/k"}"#,
            "https://idp.example/d",
            Err(E::NoKeys),
        ),
        (
            r#"{"issuer":"https://idp.example","jwks_uri":"http://keys.example/k"}"#,
            "https://idp.example/d",
            Err(E::NotSecure),
        ),
        (
            r#"{"issuer":"https://idp.example","jwks_uri":"file:///etc/passwd"}"#,
            "https://idp.example/d",
            Err(E::NoKeys),
        ),
        (
            r#"{"issuer":"https://idp.example","jwks_uri":["https://keys.example/k"]}"#,
            "https://idp.example/d",
            Err(E::NoKeys),
        ),
        (r#"{"issuer":"https://idp.example"}"#, "https://idp.example/d", Err(E::NoKeys)),
        (
            r#"{"issuer":"https://idp.example/","jwks_uri":"https://keys.example/k"}"#,
            "https://idp.example/d",
            Err(E::OtherIssuer),
        ),
        (r#"{"jwks_uri":"https://keys.example/k"}"#, "https://idp.example/d", Err(E::OtherIssuer)),
        ("<html>", "https://idp.example/d", Err(E::NoDocument)),
        (
            r#"{"issuer":"https://evil.example","issuer":"https://idp.example","jwks_uri":"https://keys.example/k"}"#,
            "https://idp.example/d",
            Err(E::NoDocument),
        ),
    ];

    #[test]
    fn a_document_is_followed_or_named() {
        for (document, address, expected) in CASES {
            let found = discovered_jwks_uri(document.as_bytes(), address, ISSUER);
            assert_eq!(found, expected.map(str::to_owned), "{document}");
        }
    }
}
