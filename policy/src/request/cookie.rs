//! Credentials among cookies (RFC 6265 section 4.2): one cookie of a name over all Cookie headers, and the header less
//! such cookies. HTTP/2 sends one header for each cookie, and HTTP/1.1 clients may; all are read as one.

use crate::answer::reason::Reason;
use crate::request::Header;
use crate::request::credential::Credential;

/// The value of the one cookie with this name, without the quotes around it.
///
/// # Errors
/// [`Reason::CredentialAmbiguous`] where it is there twice, or behind a comma, by which some proxies join two headers.
pub(crate) fn find<'a>(headers: &[Header<'a>], name: &str) -> Result<Credential<'a>, Reason> {
    let mut found = Credential::Absent;
    for pair in pairs(headers) {
        if pair.split(|byte| *byte == b',').skip(1).any(|part| named(part, name)) {
            return Err(Reason::CredentialAmbiguous);
        }
        if !named(pair, name) {
            continue;
        }
        if found != Credential::Absent {
            return Err(Reason::CredentialAmbiguous);
        }
        let end = pair.iter().position(|byte| *byte == b'=');
        let value = end.and_then(|end| pair.split_at_checked(end)).map(|(_, value)| value);
        let value = value.and_then(|value| value.strip_prefix(b"=")).unwrap_or_default();
        let value = value.trim_ascii();
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        found = Credential::of(quoted.unwrap_or(value));
    }
    Ok(found)
}

/// The value of one Cookie header with all cookies but those of these names, empty where none is left; none: the request
/// has no such cookie. A cookie that is no text is left out of it.
pub(crate) fn without(headers: &[Header<'_>], names: &[Box<str>]) -> Option<String> {
    if !pairs(headers).any(|pair| ends_here(pair, names)) {
        return None;
    }
    Some(others(headers, names))
}

/// The same, also where the request has no such cookie.
pub(crate) fn others(headers: &[Header<'_>], names: &[Box<str>]) -> String {
    let rest: Vec<&str> = pairs(headers)
        .filter(|pair| !pair.is_empty() && !ends_here(pair, names))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter(|pair| !pair.chars().any(char::is_control))
        .collect();
    rest.join("; ")
}

fn ends_here(pair: &[u8], names: &[Box<str>]) -> bool {
    pair.split(|byte| *byte == b',').any(|part| names.iter().any(|name| named(part, name)))
}

fn pairs<'h, 'a: 'h>(headers: &'h [Header<'a>]) -> impl Iterator<Item = &'a [u8]> + 'h {
    headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"cookie"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
}

/// Names are compared exactly, as user agents do.
fn named(pair: &[u8], name: &str) -> bool {
    let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    pair.get(..end).is_some_and(|own| own.trim_ascii() == name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{find, without};
    use crate::answer::reason::Reason;
    use crate::request::credential::Credential;

    const ABSENT: Result<&str, &str> = Err("absent");
    const MALFORMED: Result<&str, &str> = Err("malformed");
    const TWO: Result<&str, &str> = Err("ambiguous");

    /// Cookie headers; the token that is found for `session`; the header that is left.
    type Case = (&'static [&'static str], Result<&'static str, &'static str>, Option<&'static str>);
    const CASES: &[Case] = &[
        (&["session=a.b"], Ok("a.b"), Some("")),
        (&["a=1; session=a.b; b=2"], Ok("a.b"), Some("a=1; b=2")),
        (&["a=1", "session=x", "b=2"], Ok("x"), Some("a=1; b=2")),
        (&["session=\"x\""], Ok("x"), Some("")),
        (&["session = x ;a"], Ok("x"), Some("a")),
        (&["session=a=b"], Ok("a=b"), Some("")),
        (&["session=a%20b"], Ok("a%20b"), Some("")),
        (&["session="], MALFORMED, Some("")),
        (&["session"], MALFORMED, Some("")),
        (&["session=\"\""], MALFORMED, Some("")),
        (&["session=a; session=a"], TWO, Some("")),
        (&["session=a", "x=1; session=b"], TWO, Some("x=1")),
        (&["session=; session="], TWO, Some("")),
        (&["a=1,session=b"], TWO, Some("")),
        (&["session=a, session=b; c=d"], TWO, Some("c=d")),
        (&["session=a,b=c"], Ok("a,b=c"), Some("")),
        (&[], ABSENT, None),
        (&["Session=a; sessions=b; xsession=c"], ABSENT, None),
        (&["a=session=b"], ABSENT, None),
        (&["a=\"; session=b; \""], Ok("b"), Some("a=\"; \"")),
        (&[";;"], ABSENT, None),
    ];

    #[test]
    fn one_cookie_or_none_and_nothing_of_it_is_left() {
        for (values, expected, left) in CASES {
            let headers: Vec<_> =
                values.iter().map(|value| (b"Cookie".as_slice(), value.as_bytes())).collect();
            let found = find(&headers, "session");
            let actual = match &found {
                Ok(Credential::Present(token)) => Ok(std::str::from_utf8(token).unwrap()),
                Ok(Credential::Absent) => ABSENT,
                Ok(Credential::Malformed) => MALFORMED,
                Err(Reason::CredentialAmbiguous) => TWO,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(&actual, expected, "{values:?}");
            let rest = without(&headers, &["session".into()]);
            assert_eq!(rest.as_deref(), *left, "{values:?}");
        }
        let bytes = [(b"cookie".as_slice(), b"a=\xff; session=b; c=d".as_slice())];
        assert_eq!(without(&bytes, &["session".into()]).as_deref(), Some("c=d"));
    }
}
