//! What the operator wants of denials besides their reason: `on_deny`, compiled. Shapes an answer, never a decision.

use percent_encoding::utf8_percent_encode;

use crate::answer::accept::names_html;
use crate::answer::reshape::COMPONENT;
use crate::file::wire_types::wire_enum;
use crate::limits::MAX_RETURN_TO_BYTES;
use crate::request::RawRequest;
use crate::request::query;

/// How denials look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OnDeny {
    pub(crate) redirect: Option<Box<Redirect>>,
    pub(crate) decision_header: bool,
    pub(crate) format: Format,
}

wire_enum! {
    /// The form of denials that are not gRPC.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, schemars::JsonSchema)]
    pub(crate) enum Format {
        /// By the request's Accept.
        #[default]
        Auto = "auto",
        /// `application/problem+json`, RFC 9457.
        Problem = "problem",
        /// The same members as `application/json`.
        Json = "json",
        /// One line of text.
        Plain = "plain",
    }
}

/// Sends browsers elsewhere instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// An absolute address or path, without a fragment.
    pub(crate) to: Box<str>,
    pub(crate) code: u16,
    /// Query key that takes the original address.
    pub(crate) return_to: Option<Box<str>>,
    /// 401, 403.
    pub(crate) on: Vec<u16>,
}

/// Query keys that never travel on: RFC 6750 section 2.3.
const CREDENTIAL_KEYS: &[&str] = &["access_token"];

impl Redirect {
    /// Where the denied request is sent; none: it is answered in the ordinary way.
    pub(crate) fn location(&self, status: u16, raw: &RawRequest<'_>) -> Option<String> {
        let page = matches!(raw.method, b"GET" | b"HEAD") && names_html(raw.headers);
        if !page || !self.on.contains(&status) {
            return None;
        }
        let mut location = String::from(&*self.to);
        if let Some(key) = &self.return_to
            && let Some(original) = original(raw)
        {
            location.push(if location.contains('?') { '&' } else { '?' });
            location.push_str(key);
            location.push('=');
            location.push_str(&original);
        }
        Some(location)
    }
}

/// The request's own address, escaped as a query's value; none where it is too long to be one.
fn original(raw: &RawRequest<'_>) -> Option<String> {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let (authority, target) = (text(raw.authority)?, text(raw.path)?);
    // A door that does not know the scheme stands behind a proxy, and browsers come to that over TLS.
    let scheme = if raw.scheme == b"http" { "http" } else { "https" };
    let kept = query::without(target, CREDENTIAL_KEYS);
    let url = [scheme, "://", authority, kept.as_deref().unwrap_or(target)].concat();
    let escaped = utf8_percent_encode(&url, COMPONENT).to_string();
    (escaped.len() <= MAX_RETURN_TO_BYTES).then_some(escaped)
}

#[cfg(test)]
mod tests {
    use super::Redirect;
    use crate::request::{Header, RawRequest};

    /// Method, Accept, scheme, path, status; where to.
    type Case =
        ((&'static str, &'static str, &'static str, &'static str, u16), Option<&'static str>);
    const CASES: &[Case] = &[
        (
            ("GET", "text/html", "http", "/orders/1?a=b&c=%2f", 401),
            Some(
                "https://sso.example/login?app=1&rd=http%3A%2F%2Fapi.example%3A8080%2Forders%2F1%3Fa%3Db%26c%3D%252f",
            ),
        ),
        (
            ("HEAD", "text/html;q=0.1", "", "/", 401),
            Some("https://sso.example/login?app=1&rd=https%3A%2F%2Fapi.example%3A8080%2F"),
        ),
        (
            (
                "GET",
                "text/html",
                "https",
                "/a?access_token=x&b=1&acc%65ss_token=y&&access_token&c=1;access_token=z",
                401,
            ),
            Some(
                "https://sso.example/login?app=1&rd=https%3A%2F%2Fapi.example%3A8080%2Fa%3Fb%3D1%26",
            ),
        ),
        (
            ("GET", "text/html", "https", "/a?b=1&&c", 401),
            Some(
                "https://sso.example/login?app=1&rd=https%3A%2F%2Fapi.example%3A8080%2Fa%3Fb%3D1%26%26c",
            ),
        ),
        (
            ("GET", "text/html", "https", "/a?access_token=b", 401),
            Some("https://sso.example/login?app=1&rd=https%3A%2F%2Fapi.example%3A8080%2Fa"),
        ),
        (("GET", "text/html", "https", "/a", 403), None),
        (("GET", "text/html", "https", "/a", 503), None),
        (("POST", "text/html", "https", "/a", 401), None),
        (("GET", "*/*", "https", "/a", 401), None),
        (("GET", "text/html;q=0", "https", "/a", 401), None),
    ];

    #[test]
    fn browsers_are_sent_elsewhere_and_find_back() {
        let redirect = Redirect {
            to: "https://sso.example/login?app=1".into(),
            code: 302,
            return_to: Some("rd".into()),
            on: vec![401],
        };
        for ((method, accept, scheme, path, status), expected) in CASES {
            let headers: &[Header<'_>] = &[(b"accept", accept.as_bytes())];
            let raw = RawRequest {
                method: method.as_bytes(),
                scheme: scheme.as_bytes(),
                authority: b"api.example:8080",
                path: path.as_bytes(),
                headers,
                peer: b"",
            };
            assert_eq!(redirect.location(*status, &raw).as_deref(), *expected, "{path}");
        }
    }

    #[test]
    fn an_address_that_is_too_long_is_left_out() {
        let redirect = Redirect {
            to: "/login".into(),
            code: 302,
            return_to: Some("rd".into()),
            on: vec![401],
        };
        let path = format!("/{}", "a".repeat(8000));
        let headers: &[Header<'_>] = &[(b"accept", b"text/html")];
        let raw = RawRequest {
            method: b"GET",
            scheme: b"https",
            authority: b"a",
            path: path.as_bytes(),
            headers,
            peer: b"",
        };
        assert_eq!(redirect.location(401, &raw).as_deref(), Some("/login"));
    }
}
