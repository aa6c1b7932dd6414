//! Credentials are Absent, Malformed or Present (RFC 6750 section 2.1). More than one of a kind refuses the request:
//! Envoy joins two Authorization headers into one with a comma, so a comma is a second credential in every door.

use crate::answer::reason::Reason;
use crate::limits::MAX_CREDENTIAL_BYTES;
use crate::request::Header;

/// What the Authorization header holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// No Authorization header, or one of another scheme: no bearer credential was presented (RFC 6750 section 3.1).
    Absent,
    /// The scheme is `Bearer`, but no token follows, or one that is too long; or there is no scheme.
    Malformed,
    /// A bearer token, JWT or opaque; not yet looked into, not even at its characters.
    Present(&'a [u8]),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Malformed => "Malformed",
            Self::Present(_) => "Present(..)",
        })
    }
}

/// Reads the one Authorization header.
pub(crate) fn bearer<'a>(headers: &[Header<'a>]) -> Result<Credential<'a>, Reason> {
    let mut values = headers
        .iter()
        .filter(|(name, _)| name.len() == 13 && name.eq_ignore_ascii_case(b"authorization"))
        .map(|(_, value)| *value);
    let Some(value) = values.next() else { return Ok(Credential::Absent) };
    if values.next().is_some() {
        return Err(Reason::CredentialAmbiguous);
    }
    let scheme_end = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(scheme_end).unwrap_or((value, &[]));
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        // `Basic x, Bearer y` is two headers that were joined. A lone foreign scheme with a comma (Digest) is not.
        if value.split(|&byte| byte == b',').skip(1).any(starts_bearer) {
            return Err(Reason::CredentialAmbiguous);
        }
        // Without a scheme it is no credential that anyone could read.
        return Ok(if rest.is_empty() { Credential::Malformed } else { Credential::Absent });
    }
    if rest.contains(&b',') {
        return Err(Reason::CredentialAmbiguous);
    }
    let token = rest.trim_ascii();
    let possible = !token.is_empty() && token.len() <= MAX_CREDENTIAL_BYTES;
    Ok(if possible { Credential::Present(token) } else { Credential::Malformed })
}

/// Whether this is a b64token (RFC 6750 section 2.1). Asked only of tokens that were not verified before: those were.
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
    const fn new(mut bytes: &[u8]) -> Self {
        let mut set = [false; 256];
        while let Some((first, rest)) = bytes.split_first() {
            set[*first as usize] = true;
            bytes = rest;
        }
        Self(set)
    }

    fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }
}

fn starts_bearer(part: &[u8]) -> bool {
    let part = part.trim_ascii_start();
    part.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

#[cfg(test)]
mod tests {
    use super::{Credential, bearer};
    use crate::answer::reason::Reason;

    type Case = (&'static [&'static str], Result<Credential<'static>, Reason>);
    const CASES: &[Case] = &[
        (&[], Ok(Credential::Absent)),
        (&["Bearer abc.def"], Ok(Credential::Present(b"abc.def"))),
        (&["bearer  abc"], Ok(Credential::Present(b"abc"))),
        (&["Bearer"], Ok(Credential::Malformed)),
        (&["Bearer "], Ok(Credential::Malformed)),
        (&["Basic dTpw"], Ok(Credential::Absent)),
        (&[""], Ok(Credential::Malformed)),
        (&["Digest a=b, c=d"], Ok(Credential::Absent)),
        (&["Bearer a", "Bearer b"], Err(Reason::CredentialAmbiguous)),
        (&["Bearer a,Bearer b"], Err(Reason::CredentialAmbiguous)),
        (&["Bearer a, Basic b"], Err(Reason::CredentialAmbiguous)),
        (&["Basic b,Bearer a"], Err(Reason::CredentialAmbiguous)),
        (&["", "Bearer a"], Err(Reason::CredentialAmbiguous)),
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
            assert_eq!(&bearer(&headers), expected, "{values:?}");
        }
    }
}
