//! `forward.credential`, compiled: what becomes of the client's credential, and which one of our own takes its place.

use std::sync::Arc;

use crate::answer::permit::{AUTHORIZATION, Credential};
use crate::answer::swap::{Swap, SwapScheme};
use crate::compile::Half;
use crate::compile::forward::header_name;
use crate::compile::issuer::check_secret;
use crate::file::credential_source::{BasicSource, CredentialSource};
use crate::file::issuer_source::SecretSource;
use crate::file::problem::Problems;
use crate::file::source::ForwardSource;

/// Where it stands.
pub(super) struct Place<'a> {
    /// Of `forward`.
    pub(super) place: &'a str,
    /// The route asks for nothing.
    pub(super) open: bool,
    /// It is the route's own word, not inherited.
    pub(super) own: bool,
    pub(super) half: Half,
}

impl Place<'_> {
    pub(super) fn credential(&self, source: &ForwardSource, problems: &mut Problems) -> Credential {
        let (header, scheme, secret) = match &source.credential {
            CredentialSource::None => return Credential::None,
            CredentialSource::Original => return Credential::Original,
            CredentialSource::Basic(basic) => {
                let username = self.username(basic, problems);
                let secret = self.secret("basic.password", basic.password.as_ref(), problems);
                (AUTHORIZATION.into(), SwapScheme::Basic { username }, secret)
            }
            CredentialSource::Bearer(bearer) => {
                let secret = self.secret("bearer.token", bearer.token.as_ref(), problems);
                (AUTHORIZATION.into(), SwapScheme::Bearer, secret)
            }
            CredentialSource::Header(header) => {
                let secret = self.secret("header.value", header.value.as_ref(), problems);
                (self.header(&header.name, source, problems), SwapScheme::Plain, secret)
            }
        };
        if self.open && !self.own {
            return Credential::None;
        }
        if self.open {
            problems.error(
                format!("{}.credential", self.place),
                "would give everybody what our credential may, since this route asks for nothing",
                "remove `allow: unauthenticated`; `authenticate: [{ anonymous: {} }]` says that this is meant",
            );
        }
        Credential::Swapped(Arc::new(Swap { header, scheme, secret }))
    }

    /// The filter's copy has none.
    fn secret(
        &self,
        what: &str,
        secret: Option<&SecretSource>,
        problems: &mut Problems,
    ) -> Option<SecretSource> {
        let place = format!("{}.credential.{what}", self.place);
        match secret {
            Some(secret) => check_secret(&place, secret, problems),
            None if self.half == Half::Whole => {
                problems.error(place, "is missing", "write `{ file: /run/secrets/name }`");
            }
            None => {}
        }
        secret.cloned()
    }

    fn username(&self, source: &BasicSource, problems: &mut Problems) -> Box<str> {
        let place = format!("{}.credential.basic.username", self.place);
        let name = source.username.as_deref().unwrap_or_default();
        if name.is_empty() && self.half == Half::Whole {
            problems.error(place, "is missing", "RFC 7617 asks for it");
        } else if name.contains(':') || name.chars().any(char::is_control) {
            problems.error(
                place,
                "holds a colon or a control character",
                "RFC 7617 allows neither",
            );
        }
        name.into()
    }

    /// Also `authorization`, for schemes that are neither Basic nor Bearer.
    fn header(&self, name: &str, source: &ForwardSource, problems: &mut Problems) -> Arc<str> {
        let place = format!("{}.credential.header.name", self.place);
        let lower = name.to_ascii_lowercase();
        if lower != AUTHORIZATION
            && let Err(fix) = header_name(name)
        {
            problems.error(&place, format!("`{name}` is no header for a credential"), fix);
        }
        let mut others = (source.headers.keys())
            .chain(source.append_headers.keys())
            .chain(&source.remove_headers);
        if others.any(|other| other.eq_ignore_ascii_case(name)) {
            problems.error(
                place,
                format!("`{name}` is set, added to or removed here already"),
                "write each header once",
            );
        }
        lower.into()
    }
}
