//! Credentials are Absent, Malformed or Present (RFC 6750 section 2.1). More than one of a kind refuses the request:
//! Envoy joins two Authorization headers into one with a comma, so a comma is a second credential in every door.
//! Here is the Authorization header, which every request is held to; the other places are in `place.rs`.

use std::borrow::Cow;

use crate::answer::reason::Reason;
use crate::limits::MAX_CREDENTIAL_BYTES;
use crate::request::Header;

/// What one place of a request holds.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// Nothing, or something that is none of this place's credentials.
    Absent,
    /// What should be a token and cannot be one: empty, or too long.
    Malformed,
    /// A token, JWT or opaque; not yet looked into, not even at its characters.
    Present(Cow<'a, [u8]>),
}

impl std::fmt::Debug for Credential<'_> {
    #[inline]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Malformed => "Malformed",
            Self::Present(_) => "Present(..)",
        })
    }
}

impl<'a> Credential<'a> {
    /// A token of possible length, as it stands in the request.
    #[inline]
    pub(crate) fn of(token: &'a [u8]) -> Self {
        if possible(token) { Self::Present(Cow::Borrowed(token)) } else { Self::Malformed }
    }
}

/// Whether it may be a token by its length.
#[inline]
pub(crate) fn possible(token: &[u8]) -> bool {
    !token.is_empty() && token.len() <= MAX_CREDENTIAL_BYTES
}

/// The one Authorization header, read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorization<'a> {
    /// There is none.
    Absent,
    /// `Bearer` and what follows, perhaps nothing.
    Bearer(&'a [u8]),
    /// Another scheme, with the whole value.
    Other(&'a [u8]),
    /// A word without a scheme, perhaps none.
    Bare(&'a [u8]),
}

impl<'a> Authorization<'a> {
    /// Reads the one header.
    ///
    /// # Errors
    /// [`Reason::CredentialAmbiguous`] for two headers, or two that were joined.
    #[inline]
    pub(crate) fn read(headers: &[Header<'a>]) -> Result<Self, Reason> {
        let mut values = headers
            .iter()
            .filter(|(name, _)| name.len() == 13 && name.eq_ignore_ascii_case(b"authorization"))
            .map(|(_, value)| *value);
        let Some(value) = values.next() else { return Ok(Self::Absent) };
        if values.next().is_some() {
            return Err(Reason::CredentialAmbiguous);
        }
        // RFC 9110 section 5.5: white space around a value is no part of it, whichever proxy left it there.
        let value = value.trim_ascii();
        let scheme_end = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
        let (scheme, rest) = value.split_at_checked(scheme_end).unwrap_or((value, &[]));
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            // `Basic x, Bearer y` is two headers that were joined. A lone foreign scheme with parameters (Digest) is not.
            if has_comma(value) && (rest.is_empty() || !is_alone(value)) {
                return Err(Reason::CredentialAmbiguous);
            }
            return Ok(if rest.is_empty() { Self::Bare(value) } else { Self::Other(value) });
        }
        if has_comma(rest) {
            return Err(Reason::CredentialAmbiguous);
        }
        Ok(Self::Bearer(rest.trim_ascii()))
    }

    /// As a bearer credential. Without a scheme it is one that nobody can read, unless the route reads bare words too.
    #[inline]
    pub(crate) fn bearer(self, reads_bare: bool) -> Credential<'a> {
        match self {
            Self::Absent | Self::Other(_) => Credential::Absent,
            Self::Bearer(token) => Credential::of(token),
            Self::Bare(word) if reads_bare && !word.is_empty() => Credential::Absent,
            Self::Bare(_) => Credential::Malformed,
        }
    }

    /// As a bare token.
    ///
    /// # Errors
    /// [`Reason::CredentialAmbiguous`] for a comma: two of them that were joined look like a scheme with parameters.
    #[inline]
    pub(crate) fn raw(self) -> Result<Credential<'a>, Reason> {
        match self {
            Self::Other(value) | Self::Bare(value) if value.contains(&b',') => {
                Err(Reason::CredentialAmbiguous)
            }
            Self::Bearer([]) => Ok(Credential::Malformed),
            Self::Absent | Self::Bearer(_) | Self::Other(_) => Ok(Credential::Absent),
            Self::Bare(word) => Ok(Credential::of(word)),
        }
    }
}

/// Whether there is a comma: a block at a time, since every byte of every token is looked at.
#[inline]
fn has_comma(value: &[u8]) -> bool {
    let (blocks, rest) = value.as_chunks::<BLOCK>();
    let in_block = |block: &[u8; BLOCK]| {
        block.iter().fold(0, |found, byte| found | u8::from(*byte == b',')) != 0
    };
    blocks.iter().any(in_block) || rest.contains(&b',')
}

/// What a compiler makes a few instructions of.
const BLOCK: usize = 64;

/// Whether this is a b64token (RFC 6750 section 2.1). Asked only of tokens that were not verified before: those were.
#[inline]
pub(crate) fn is_b64token(token: &[u8]) -> bool {
    token.iter().all(|byte| B64TOKEN.contains(*byte))
}

/// The characters of a b64token (RFC 6750 section 2.1), as a table: every byte of every token is looked up.
static B64TOKEN: ByteSet =
    ByteSet::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

struct ByteSet([bool; 256]);

impl ByteSet {
    #[expect(
        clippy::as_conversions,
        clippy::indexing_slicing,
        reason = "evaluated at compile time; a byte is below 256"
    )]
    #[inline]
    const fn new(mut bytes: &[u8]) -> Self {
        let mut set = [false; 256];
        while let Some((first, rest)) = bytes.split_first() {
            set[*first as usize] = true;
            bytes = rest;
        }
        Self(set)
    }

    #[inline]
    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }
}

/// Whether all that stands behind commas is parameters of one foreign credential (RFC 9110 section 11.4). A comma within
/// quotes is none, but what looks like a bearer token behind it is one all the same.
#[inline]
fn is_alone(value: &[u8]) -> bool {
    let mut quoted = false;
    let separates = |&byte: &u8| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    };
    let parameters = value.split(separates).skip(1).all(is_parameter);
    parameters && !quoted && !value.split(|&byte| byte == b',').skip(1).any(starts_bearer)
}

/// `name=value`, where the value is more than the end of a token.
#[inline]
fn is_parameter(part: &[u8]) -> bool {
    let mut halves = part.trim_ascii().splitn(2, |&byte| byte == b'=');
    let name = halves.next().unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    !name.is_empty()
        && name.iter().all(is_name)
        && halves.next().is_some_and(|value| value.iter().any(|&byte| byte != b'='))
}

#[inline]
fn starts_bearer(part: &[u8]) -> bool {
    let part = part.trim_ascii_start();
    part.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::{Authorization, Credential};
    use crate::answer::reason::Reason;
    use crate::limits::MAX_CREDENTIAL_BYTES;

    const ABSENT: Result<Credential<'static>, Reason> = Ok(Credential::Absent);
    const MALFORMED: Result<Credential<'static>, Reason> = Ok(Credential::Malformed);
    const TWO: Result<Credential<'static>, Reason> = Err(Reason::CredentialAmbiguous);

    const fn token(text: &'static str) -> Result<Credential<'static>, Reason> {
        Ok(Credential::Present(Cow::Borrowed(text.as_bytes())))
    }

    /// The values, and what they are as bearer, as raw, and as bearer where both are read.
    type Case = (&'static [&'static str], [Result<Credential<'static>, Reason>; 3]);
    const CASES: &[Case] = &[
        (&[], [ABSENT, ABSENT, ABSENT]),
        (&["Bearer abc.def"], [token("abc.def"), ABSENT, token("abc.def")]),
        (&["bearer  abc"], [token("abc"), ABSENT, token("abc")]),
        (&[" Bearer abc\t"], [token("abc"), ABSENT, token("abc")]),
        (&["\tabc "], [MALFORMED, token("abc"), ABSENT]),
        (&["Bearer"], [MALFORMED, MALFORMED, MALFORMED]),
        (&["Bearer "], [MALFORMED, MALFORMED, MALFORMED]),
        (&["Basic dTpw"], [ABSENT, ABSENT, ABSENT]),
        (&[""], [MALFORMED, MALFORMED, MALFORMED]),
        (&["abc.def"], [MALFORMED, token("abc.def"), ABSENT]),
        (&["Bearerabc"], [MALFORMED, token("Bearerabc"), ABSENT]),
        // Two headers, joined.
        (&["abc,def"], [TWO, TWO, TWO]),
        (&["abc, def"], [TWO, TWO, TWO]),
        (&["abc,a=b"], [TWO, TWO, TWO]),
        (&[",abc"], [TWO, TWO, TWO]),
        (&["Basic a,Basic b"], [TWO, TWO, TWO]),
        (&["Basic a,b"], [TWO, TWO, TWO]),
        (&["Basic a,b=="], [TWO, TWO, TWO]),
        (&["Basic a,"], [TWO, TWO, TWO]),
        (&["Basic \"a,Bearer b"], [TWO, TWO, TWO]),
        (&["Digest a=\",Bearer b\""], [TWO, TWO, TWO]),
        // One with parameters.
        (&["Digest a=b, c=d"], [ABSENT, TWO, ABSENT]),
        (&["Digest a=\"b, c\", d=\"e\""], [ABSENT, TWO, ABSENT]),
        (&["Bearer a", "Bearer b"], [TWO, TWO, TWO]),
        (&["a", "b"], [TWO, TWO, TWO]),
        (&["Bearer a,Bearer b"], [TWO, TWO, TWO]),
        (&["Bearer a, Basic b"], [TWO, TWO, TWO]),
        (&["a,Bearer b"], [TWO, TWO, TWO]),
        (&["Basic b,Bearer a"], [TWO, TWO, TWO]),
        (&["", "Bearer a"], [TWO, TWO, TWO]),
    ];

    #[test]
    fn tokens_have_the_characters_of_tokens() {
        for (token, expected) in [
            ("aZ09-._~+/=", true),
            ("a b", false),
            ("\u{e9}", false),
            ("a\"", false),
            ("a\0", false),
        ] {
            assert_eq!(super::is_b64token(token.as_bytes()), expected, "{token}");
        }
    }

    #[test]
    fn one_credential_or_none() {
        for (values, expected) in CASES {
            let headers: Vec<_> =
                values.iter().map(|v| (b"Authorization".as_slice(), v.as_bytes())).collect();
            let read = Authorization::read(&headers);
            let actual = [
                read.map(|value| value.bearer(false)),
                read.and_then(Authorization::raw),
                read.map(|value| value.bearer(true)),
            ];
            assert_eq!(&actual, expected, "{values:?}");
        }
        let long = "a".repeat(MAX_CREDENTIAL_BYTES + 1);
        for value in [long.clone(), format!("Bearer {long}")] {
            let read = Authorization::read(&[(b"authorization", value.as_bytes())]).unwrap();
            assert!(!matches!(read.raw().unwrap(), Credential::Present(_)));
            assert_eq!(read.bearer(false), Credential::Malformed);
        }
    }
}
