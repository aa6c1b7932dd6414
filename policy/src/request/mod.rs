//! One request as every door sees it: canonical, with at most one credential of a kind, or refused.
//! Adapters fill a [`RawRequest`]; nobody else makes a [`Request`].

pub(crate) mod certificate;
pub(crate) mod cookie;
pub(crate) mod credential;
pub(crate) mod host;
pub(crate) mod inputs;
pub(crate) mod path;
pub(crate) mod place;
pub(crate) mod query;

use std::borrow::Cow;

use crate::answer::reason::Reason;
use crate::limits::{MAX_HEADERS, MAX_METHOD_BYTES};
use crate::request::credential::Authorization;
use crate::request::host::canonical_host;
use crate::request::path::{CanonicalPath, decoded};

/// A header as it came: name in any case, value as bytes.
pub type Header<'a> = (&'a [u8], &'a [u8]);

/// What an adapter knows about a request, unjudged.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    /// Method, as sent.
    pub method: &'a [u8],
    /// `http` or `https`; may be empty where the door does not know.
    pub scheme: &'a [u8],
    /// `:authority` or Host, as sent.
    pub authority: &'a [u8],
    /// Request target: path with query.
    pub path: &'a [u8],
    /// All headers that the door sees, repeated ones repeated. Pseudo-headers are ignored.
    pub headers: &'a [Header<'a>],
    /// IP address of the peer, without port; empty where the door does not know.
    pub peer: &'a [u8],
}

/// A request that can be judged. One constructor: [`Request::parse`].
pub struct Request<'a> {
    raw: RawRequest<'a>,
    method: &'a str,
    host: Cow<'a, str>,
    path: CanonicalPath<'a>,
    authorization: Authorization<'a>,
}

impl<'a> Request<'a> {
    /// Checks method, host, path and credentials.
    ///
    /// # Errors
    /// [`Reason::RequestMalformed`] or [`Reason::CredentialAmbiguous`].
    #[inline]
    pub fn parse(raw: RawRequest<'a>) -> Result<Self, Reason> {
        if raw.headers.len() > MAX_HEADERS {
            return Err(Reason::RequestMalformed);
        }
        let method = method(raw.method).ok_or(Reason::RequestMalformed)?;
        let host = canonical_host(raw.authority).ok_or(Reason::RequestMalformed)?;
        let path = CanonicalPath::parse(raw.path).map_err(|_| Reason::RequestMalformed)?;
        let authorization = Authorization::read(raw.headers)?;
        Ok(Self { raw, method, host, path, authorization })
    }

    /// The method, as sent; compared exactly (RFC 9110: methods are case-sensitive).
    #[must_use]
    #[inline]
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The canonical host.
    #[must_use]
    #[inline]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The canonical path.
    #[must_use]
    #[inline]
    pub fn path(&self) -> CanonicalPath<'a> {
        self.path
    }

    /// The Authorization header.
    #[inline]
    pub(crate) fn authorization(&self) -> Authorization<'a> {
        self.authorization
    }

    /// What the adapter gave.
    #[must_use]
    #[inline]
    pub fn raw(&self) -> &RawRequest<'a> {
        &self.raw
    }

    /// The values of a header, in order; `name` in lower case.
    #[inline]
    pub fn header<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.raw
            .headers
            .iter()
            .filter(move |(header, _)| header.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| *value)
    }

    /// The value of a query key, both percent-decoded; `+` is a space in neither. None where the key is not there, there
    /// twice, broken, or where the query holds a `;`, at which some upstreams split it and others do not.
    #[inline]
    pub(crate) fn query_value(&self, key: &str) -> Option<Cow<'a, str>> {
        let query = self.path.query().filter(|query| !query.contains(';'))?;
        let mut found = None;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decoded(name) == key && found.replace(value).is_some() {
                return None;
            }
        }
        query_text(found?)
    }
}

/// Decoded once; none for a broken escape, and for what is not UTF-8.
#[inline]
fn query_text(value: &str) -> Option<Cow<'_, str>> {
    let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' && !(hex(bytes.next()) && hex(bytes.next())) {
            return None;
        }
    }
    percent_encoding::percent_decode_str(value).decode_utf8().ok()
}

#[inline]
fn method(bytes: &[u8]) -> Option<&str> {
    let token = !bytes.is_empty()
        && bytes.len() <= MAX_METHOD_BYTES
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if token { std::str::from_utf8(bytes).ok() } else { None }
}
