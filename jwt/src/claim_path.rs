//! The path to a claim inside nested objects: `realm_access.roles`, `resource_access."my.client".roles`.
//! Strictly as written: a dot always separates, a name with a dot in it must be quoted. No array indexes, no wildcards.
//! `policy` parses these from its file; [`Claims::at`](crate::Claims::at) follows them.

use std::fmt;
use std::str::FromStr;

use crate::limits::{MAX_CLAIM_PATH_BYTES, MAX_CLAIM_PATH_NAMES};

/// One or more names, outermost first. [`fmt::Display`] writes the one shortest text that parses to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimPath(Box<[String]>);

impl ClaimPath {
    /// The names, outermost first; never empty.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Why a text is not a claim path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimPathError {
    /// Longer than [`MAX_CLAIM_PATH_BYTES`].
    #[error("longer than {MAX_CLAIM_PATH_BYTES} bytes")]
    TooLong,
    /// More names than [`MAX_CLAIM_PATH_NAMES`].
    #[error("more than {MAX_CLAIM_PATH_NAMES} names")]
    TooManyNames,
    /// Nothing before, between or after dots.
    #[error("a name is empty")]
    EmptyName,
    /// A quote is opened and not closed.
    #[error("a quote is not closed")]
    UnclosedQuote,
    /// A quote inside a bare name, or text after a closing quote.
    #[error("a quoted name must stand alone between dots")]
    StrayQuote,
    /// A backslash before something other than a quote or a backslash.
    #[error("only \\\" and \\\\ may be escaped, inside quotes")]
    UnknownEscape,
    /// A control character, or whitespace outside quotes.
    #[error("control characters and unquoted whitespace are not allowed")]
    ForbiddenCharacter,
}

impl FromStr for ClaimPath {
    type Err = ClaimPathError;

    fn from_str(text: &str) -> Result<Self, ClaimPathError> {
        if text.len() > MAX_CLAIM_PATH_BYTES {
            return Err(ClaimPathError::TooLong);
        }
        let mut names = Vec::new();
        let mut rest = text;
        loop {
            if names.len() == MAX_CLAIM_PATH_NAMES {
                return Err(ClaimPathError::TooManyNames);
            }
            let (name, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted_name(quoted)?,
                None => bare_name(rest)?,
            };
            if name.is_empty() {
                return Err(ClaimPathError::EmptyName);
            }
            names.push(name);
            match after {
                Some(after) => rest = after,
                None => return Ok(Self(names.into())),
            }
        }
    }
}

/// A name up to the next dot, and what follows the dot.
fn bare_name(text: &str) -> Result<(String, Option<&str>), ClaimPathError> {
    let (name, after) = match text.split_once('.') {
        Some((name, after)) => (name, Some(after)),
        None => (text, None),
    };
    if name.contains('"') {
        return Err(ClaimPathError::StrayQuote);
    }
    if name.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(ClaimPathError::ForbiddenCharacter);
    }
    Ok((name.to_owned(), after))
}

/// A name up to its closing quote, and what follows the dot behind it. `text` starts after the opening quote.
fn quoted_name(text: &str) -> Result<(String, Option<&str>), ClaimPathError> {
    let mut name = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next().ok_or(ClaimPathError::UnclosedQuote)? {
            '"' => break,
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => name.push(escaped),
                Some(_) => return Err(ClaimPathError::UnknownEscape),
                None => return Err(ClaimPathError::UnclosedQuote),
            },
            c if c.is_control() => return Err(ClaimPathError::ForbiddenCharacter),
            c => name.push(c),
        }
    }
    match chars.as_str() {
        "" => Ok((name, None)),
        after => Ok((name, Some(after.strip_prefix('.').ok_or(ClaimPathError::StrayQuote)?))),
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if name.contains(|c: char| c == '.' || c == '"' || c.is_whitespace()) {
                write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))?;
            } else {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &[&str], &str)] = &[
        ("scope", &["scope"], "scope"),
        ("realm_access.roles", &["realm_access", "roles"], "realm_access.roles"),
        (
            r#"resource_access."my.client".roles"#,
            &["resource_access", "my.client", "roles"],
            r#"resource_access."my.client".roles"#,
        ),
        (
            r#""https://example.com/roles""#,
            &["https://example.com/roles"],
            r#""https://example.com/roles""#,
        ),
        (r#""plain".x"#, &["plain", "x"], "plain.x"),
        (r#""a\"b\\c""#, &["a\"b\\c"], r#""a\"b\\c""#),
        (r"a\b", &[r"a\b"], r"a\b"),
        (r#""a b""#, &["a b"], r#""a b""#),
        ("cnf.x5t#S256", &["cnf", "x5t#S256"], "cnf.x5t#S256"),
        ("a[0]", &["a[0]"], "a[0]"),
    ];

    const BAD: &[(&str, ClaimPathError)] = &[
        ("", ClaimPathError::EmptyName),
        (".", ClaimPathError::EmptyName),
        ("a.", ClaimPathError::EmptyName),
        (".a", ClaimPathError::EmptyName),
        ("a..b", ClaimPathError::EmptyName),
        (r#""""#, ClaimPathError::EmptyName),
        (r#""a"#, ClaimPathError::UnclosedQuote),
        (r#""a\"#, ClaimPathError::UnclosedQuote),
        (r#""a"b"#, ClaimPathError::StrayQuote),
        (r#"a"b""#, ClaimPathError::StrayQuote),
        (r#""a\n""#, ClaimPathError::UnknownEscape),
        ("a b", ClaimPathError::ForbiddenCharacter),
        ("\"a\nb\"", ClaimPathError::ForbiddenCharacter),
        ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", ClaimPathError::TooManyNames),
    ];

    #[test]
    fn good_paths_parse_and_display_the_shortest_text() {
        for (text, names, shown) in GOOD {
            let path: ClaimPath = text.parse().unwrap();
            assert_eq!(path.names(), *names, "{text}");
            assert_eq!(path.to_string(), *shown);
            assert_eq!(path.to_string().parse(), Ok(path));
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        for (text, expected) in BAD {
            assert_eq!(text.parse::<ClaimPath>(), Err(*expected), "{text:?}");
        }
        assert_eq!("a".repeat(513).parse::<ClaimPath>(), Err(ClaimPathError::TooLong));
    }
}
