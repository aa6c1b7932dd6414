//! Credentials among the query's parameters: found by their decoded key, and taken out of the path. Everything else of
//! the query stays as it was sent, byte for byte.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::answer::reason::Reason;
use crate::request::credential::{Credential, possible};

/// What some servers take for the end of a parameter, besides `&`. In a request's own query `#` and a second `?` are
/// none; in a path that is refused all the same, a credential may stand behind them.
const INNER: [char; 3] = [';', '#', '?'];

/// The value of the one parameter with this key. Key and value are percent-decoded once; `+` is a plus.
///
/// # Errors
/// [`Reason::CredentialAmbiguous`] where the key is there twice, or behind a `;`, which some servers read as `&`.
pub(crate) fn find<'a>(query: Option<&'a str>, key: &str) -> Result<Credential<'a>, Reason> {
    let mut found = Credential::Absent;
    for pair in query.unwrap_or_default().split('&') {
        if pair.split(INNER).skip(1).any(|part| named(part, key)) {
            return Err(Reason::CredentialAmbiguous);
        }
        if !named(pair, key) {
            continue;
        }
        if found != Credential::Absent {
            return Err(Reason::CredentialAmbiguous);
        }
        let (_, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value: Cow<'a, [u8]> = percent_decode_str(value).into();
        found = if possible(&value) { Credential::Present(value) } else { Credential::Malformed };
    }
    Ok(found)
}

/// The target without the parameters of these keys, wherever in the query they stand; none: it holds none of them.
pub(crate) fn without<K: AsRef<str>>(target: &str, keys: &[K]) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let ends_here = |pair: &&str| keys.iter().any(|key| holds(pair, key.as_ref()));
    if !query.split('&').any(|pair| ends_here(&pair)) {
        return None;
    }
    let mut out = path.to_owned();
    for (index, pair) in query.split('&').filter(|pair| !ends_here(pair)).enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(pair);
    }
    Some(out)
}

/// Whether a parameter has this key, or one behind what some servers take for its end.
fn holds(pair: &str, key: &str) -> bool {
    pair.split(INNER).any(|part| named(part, key))
}

fn named(pair: &str, key: &str) -> bool {
    let end = pair.bytes().position(|byte| byte == b'=').unwrap_or(pair.len());
    let name = pair.get(..end).unwrap_or_default();
    name == key || name.contains('%') && percent_decode_str(name).eq(key.bytes())
}

#[cfg(test)]
mod tests {
    use super::{find, without};
    use crate::answer::reason::Reason;
    use crate::request::credential::Credential;

    const ABSENT: Result<&str, &str> = Err("absent");
    const MALFORMED: Result<&str, &str> = Err("malformed");
    const TWO: Result<&str, &str> = Err("ambiguous");

    /// Query; the token that is found for `access_token`; the query that is left.
    const CASES: &[(&str, Result<&str, &str>, &str)] = &[
        ("access_token=a.b", Ok("a.b"), ""),
        ("x=1&access_token=a.b&y=%2F", Ok("a.b"), "?x=1&y=%2F"),
        ("access%5Ftoken=a.b", Ok("a.b"), ""),
        ("%61ccess_token=a", Ok("a"), ""),
        ("access_token=a%2Eb", Ok("a.b"), ""),
        ("access_token=a+b", Ok("a+b"), ""),
        ("access_token=a=b", Ok("a=b"), ""),
        ("access_token=%zz", Ok("%zz"), ""),
        ("access_token=a;b=c", Ok("a;b=c"), ""),
        ("access_token=", MALFORMED, ""),
        ("access_token", MALFORMED, ""),
        ("a&&b&access_token=x&", Ok("x"), "?a&&b&"),
        ("access_token=a&access_token=b", TWO, ""),
        ("access_token=a&access%5ftoken=a", TWO, ""),
        ("access_token=&access_token=", TWO, ""),
        ("x=1;access_token=a", TWO, ""),
        ("access_token=a&x=1;access_token=b&y", TWO, "?y"),
        ("access_token=a;access_token=b", TWO, ""),
        ("x=1?access_token=a", TWO, ""),
        ("", ABSENT, "="),
        ("x=access_token=a", ABSENT, "="),
        ("Access_token=a", ABSENT, "="),
        ("access_token2=a", ABSENT, "="),
        ("access+token=a", ABSENT, "="),
        ("access%255Ftoken=a", ABSENT, "="),
        (" access_token=a", ABSENT, "="),
    ];

    #[test]
    fn one_parameter_or_none_and_nothing_of_it_is_left() {
        for (query, expected, left) in CASES {
            let found = find(Some(query), "access_token");
            let actual = match &found {
                Ok(Credential::Present(token)) => Ok(std::str::from_utf8(token).unwrap()),
                Ok(Credential::Absent) => ABSENT,
                Ok(Credential::Malformed) => MALFORMED,
                Err(Reason::CredentialAmbiguous) => TWO,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(&actual, expected, "{query}");
            let target = format!("/a?{query}");
            let expected = (*left != "=").then(|| format!("/a{left}"));
            assert_eq!(without(&target, &["access_token"]), expected, "{query}");
        }
        assert_eq!(find(None, "a"), Ok(Credential::Absent));
        assert_eq!(without("/a", &["a"]), None);
        assert_eq!(without("/a?a#a=1", &["a", "b"]), Some("/a".to_owned()));
    }
}
