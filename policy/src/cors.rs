//! Cross-origin requests (the Fetch standard's CORS protocol): whether a route lets a page of another origin ask, and the
//! headers that tell its browser so. A browser keeps the rule for its user's sake; that a foreign page is refused here
//! too, before any credential is read, keeps it for those that do not. Called by `check.rs`.

use std::sync::Arc;

use crate::request::Request;
use crate::trace::CorsRefusal;

/// Headers of an answer to the client, names in lower case.
pub(crate) type ResponseHeaders = Vec<(&'static str, String)>;

/// Who may ask across origins, and for what. Compiled from `cors`.
#[derive(Debug, Default)]
pub(crate) struct Cors {
    /// `*`: everybody, without credentials.
    pub(crate) any: bool,
    /// `https://app.example.com`
    pub(crate) exact: Vec<Box<str>>,
    /// `https://` and `.example.com`: everything below it.
    pub(crate) below: Vec<(Box<str>, Box<str>)>,
    /// Methods that a preflight may announce; none: those for which there is a route with `cors`.
    pub(crate) methods: Option<Vec<Box<str>>>,
    /// In lower case.
    pub(crate) headers: Vec<Box<str>>,
    pub(crate) expose: Option<Arc<str>>,
    pub(crate) credentials: bool,
    pub(crate) max_age_seconds: Option<u64>,
}

impl Cors {
    /// What the answer to an actual request carries; nothing where no page of another origin asks.
    ///
    /// # Errors
    /// What is refused.
    pub(crate) fn admit(&self, request: &Request<'_>) -> Result<ResponseHeaders, CorsRefusal> {
        let mut origins = request.header("origin");
        let Some(origin) = origins.next() else { return Ok(Vec::new()) };
        let alone = origins.next().is_none();
        if alone && is_own(origin, request) {
            return Ok(Vec::new());
        }
        let mut headers = self.origin(origin, alone)?;
        if let Some(expose) = &self.expose {
            headers.push(("access-control-expose-headers", expose.to_string()));
        }
        Ok(headers)
    }

    /// The same for a preflight that announces `method`.
    ///
    /// # Errors
    /// What is refused.
    pub(crate) fn preflight(
        &self,
        request: &Request<'_>,
        origin: &[u8],
        method: &str,
    ) -> Result<ResponseHeaders, CorsRefusal> {
        let mut headers = self.origin(origin, true)?;
        let fits = |methods: &Vec<Box<str>>| methods.iter().any(|own| **own == *method);
        if !self.methods.as_ref().is_none_or(fits) {
            return Err(CorsRefusal::Method);
        }
        for value in request.header("access-control-request-headers") {
            for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let known = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
                if !name.is_empty() && !self.headers.iter().any(|own| known(own)) {
                    return Err(CorsRefusal::Header);
                }
            }
        }
        let methods = match &self.methods {
            Some(methods) => methods.join(", "),
            None => method.to_owned(),
        };
        headers.push(("access-control-allow-methods", methods));
        if !self.headers.is_empty() {
            headers.push(("access-control-allow-headers", self.headers.join(", ")));
        }
        if let Some(seconds) = self.max_age_seconds {
            headers.push(("access-control-max-age", seconds.to_string()));
        }
        Ok(headers)
    }

    fn origin(&self, origin: &[u8], alone: bool) -> Result<ResponseHeaders, CorsRefusal> {
        // Proxies join two with a comma.
        let alone = alone && !origin.contains(&b',');
        if self.any && alone {
            return Ok(vec![("access-control-allow-origin", "*".to_owned())]);
        }
        let origin = std::str::from_utf8(origin).ok().filter(|origin| alone && self.lists(origin));
        let origin = origin.ok_or(CorsRefusal::Origin)?;
        let mut headers =
            vec![("access-control-allow-origin", origin.to_owned()), ("vary", "origin".to_owned())];
        if self.credentials {
            headers.push(("access-control-allow-credentials", "true".to_owned()));
        }
        Ok(headers)
    }

    /// Browsers write origins in one way (RFC 6454 section 6.2), so bytes are compared.
    fn lists(&self, origin: &str) -> bool {
        let below = |(scheme, suffix): &(Box<str>, Box<str>)| {
            let host = origin.strip_prefix(&**scheme).and_then(|rest| rest.strip_suffix(&**suffix));
            host.is_some_and(is_labels)
        };
        self.exact.iter().any(|own| **own == *origin) || self.below.iter().any(below)
    }
}

/// Labels of a host, nothing that could end it.
fn is_labels(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
            })
    };
    host.split('.').all(label)
}

/// Whether a page of the request's own origin asks: scheme and authority. A door that does not know the scheme compares
/// the authority.
fn is_own(origin: &[u8], request: &Request<'_>) -> bool {
    let Some((scheme, host)) = std::str::from_utf8(origin).ok().and_then(|it| it.split_once("://"))
    else {
        return false;
    };
    let raw = request.raw();
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let Ok(authority) = std::str::from_utf8(raw.authority) else { return false };
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    (raw.scheme.is_empty() || raw.scheme == scheme.as_bytes())
        && host.eq_ignore_ascii_case(authority)
}

#[cfg(test)]
mod tests {
    use super::is_own;
    use crate::request::{RawRequest, Request};

    /// Origin, scheme, authority.
    const CASES: &[(&str, &str, &str, bool)] = &[
        ("https://api.example", "https", "api.example", true),
        ("https://api.example", "https", "API.example:443", true),
        ("https://api.example:8443", "https", "api.example:8443", true),
        ("http://api.example", "http", "api.example:80", true),
        ("http://api.example", "", "api.example", true),
        ("https://api.example", "", "api.example", true),
        ("http://api.example", "https", "api.example", false),
        ("https://api.example:8443", "https", "api.example", false),
        ("https://evil.example", "https", "api.example", false),
        ("https://api.example.evil", "https", "api.example", false),
        ("null", "https", "api.example", false),
        ("ftp://api.example", "", "api.example", false),
        ("https://", "https", "api.example", false),
    ];

    #[test]
    fn a_page_of_the_same_origin_is_no_stranger() {
        for (origin, scheme, authority, expected) in CASES {
            let raw = RawRequest {
                method: b"GET",
                scheme: scheme.as_bytes(),
                authority: authority.as_bytes(),
                path: b"/",
                headers: &[],
                peer: b"",
            };
            let request = Request::parse(raw).unwrap();
            assert_eq!(is_own(origin.as_bytes(), &request), *expected, "{origin} {authority}");
        }
    }
}
