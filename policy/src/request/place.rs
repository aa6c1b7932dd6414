//! Where in a request a token may stand, and what stands there. Only the places that a route names are read.

use crate::answer::reason::Reason;
use crate::request::Request;
use crate::request::credential::Credential;
use crate::request::{cookie, query};

/// One place. Two authenticators with equal places read one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// `Authorization: Bearer TOKEN`.
    Bearer,
    /// `Authorization: TOKEN`.
    Raw,
    /// A header of its own: its name in lower case, and what stands before the token.
    Header { name: Box<str>, prefix: Box<str> },
    /// A parameter of the query.
    Query(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
}

impl Place {
    /// What stands there. `reads_bare`: the route reads [`Place::Raw`] too.
    ///
    /// # Errors
    /// [`Reason::CredentialAmbiguous`] where it is more than one.
    #[inline]
    pub(crate) fn read<'a>(
        &self,
        request: &Request<'a>,
        reads_bare: bool,
    ) -> Result<Credential<'a>, Reason> {
        match self {
            Self::Bearer => Ok(request.authorization().bearer(reads_bare)),
            Self::Raw => request.authorization().raw(),
            Self::Header { name, prefix } => header(request, name, prefix),
            Self::Query(key) => query::find(request.path().query(), key),
            Self::Cookie(name) => cookie::find(request.raw().headers, name),
        }
    }
}

impl std::fmt::Display for Place {
    #[inline]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bearer => f.write_str("authorization: bearer"),
            Self::Raw => f.write_str("authorization: raw"),
            Self::Header { name, .. } => write!(f, "header: {name}"),
            Self::Query(key) => write!(f, "query: {key}"),
            Self::Cookie(name) => write!(f, "cookie: {name}"),
        }
    }
}

/// Repeated headers arrive joined with a comma in some doors, so a comma is a second header in all of them.
#[inline]
fn header<'a>(request: &Request<'a>, name: &str, prefix: &str) -> Result<Credential<'a>, Reason> {
    let headers = request.raw().headers.iter();
    let mut values = headers
        .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value.trim_ascii());
    let Some(value) = values.next() else { return Ok(Credential::Absent) };
    if values.next().is_some() || value.contains(&b',') {
        return Err(Reason::CredentialAmbiguous);
    }
    let bare = prefix.trim_ascii_end();
    let Some((head, token)) = value.split_at_checked(bare.len()) else {
        return Ok(Credential::Absent);
    };
    // `Token` alone is the prefix `Token ` with nothing behind it: HTTP trims a value's ends.
    let spaced = token.is_empty() || bare == prefix || token.starts_with(b" ");
    if !spaced || !head.eq_ignore_ascii_case(bare.as_bytes()) {
        return Ok(Credential::Absent);
    }
    Ok(Credential::of(token.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::Place;
    use crate::answer::reason::Reason;
    use crate::request::credential::Credential::{self, Absent, Malformed};
    use crate::request::{RawRequest, Request};

    const TWO: Result<Credential<'static>, Reason> = Err(Reason::CredentialAmbiguous);

    const fn token(text: &'static str) -> Result<Credential<'static>, Reason> {
        Ok(Credential::Present(Cow::Borrowed(text.as_bytes())))
    }

    /// Prefix, values of `x-token`, what they are.
    type Case = (&'static str, &'static [&'static str], Result<Credential<'static>, Reason>);
    const CASES: &[Case] = &[
        ("", &[], Ok(Absent)),
        ("", &["a.b"], token("a.b")),
        ("", &[" a.b "], token("a.b")),
        ("", &[""], Ok(Malformed)),
        ("", &["Bearer a"], token("Bearer a")),
        ("", &["a", "b"], TWO),
        ("", &["a,b"], TWO),
        ("", &["a, b"], TWO),
        ("", &["a", "a"], TWO),
        ("", &[",a"], TWO),
        ("", &["", ""], TWO),
        ("Token ", &["Token a"], token("a")),
        ("Token ", &["tOKEN   a"], token("a")),
        ("Token ", &["Token"], Ok(Malformed)),
        ("Token ", &["Token "], Ok(Malformed)),
        ("Token ", &["Tokena"], Ok(Absent)),
        ("Token ", &["Toke"], Ok(Absent)),
        ("Token ", &["a"], Ok(Absent)),
        ("Token ", &[""], Ok(Absent)),
        ("Token ", &["Other a, Token b"], TWO),
        ("Token ", &["Other a", "Token b"], TWO),
        ("v1:", &["v1:a"], token("a")),
        ("v1:", &["V1:a"], token("a")),
        ("v1:", &["v1:"], Ok(Malformed)),
        ("v1:", &["v2:a"], Ok(Absent)),
    ];

    #[test]
    fn one_header_or_none() {
        for (prefix, values, expected) in CASES {
            let headers: Vec<_> =
                values.iter().map(|value| (b"X-Token".as_slice(), value.as_bytes())).collect();
            let raw = RawRequest {
                method: b"GET",
                scheme: b"https",
                authority: b"a",
                path: b"/",
                headers: &headers,
                peer: b"",
            };
            let request = Request::parse(raw).unwrap();
            let place = Place::Header { name: "x-token".into(), prefix: (*prefix).into() };
            assert_eq!(&place.read(&request, false), expected, "{prefix:?} {values:?}");
        }
    }
}
