//! Who may vouch for a route's callers, in the order in which they are tried: the places of a token, each with the
//! authenticators that read it, then perhaps nobody at all. Walking it is `authenticate.rs`'s business.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::answer::permit::RemovedHeaders;
use crate::file::source::OnInvalid;
use crate::identity::Identity;
use crate::identity::issuer::IssuerId;
use crate::request::certificate::CertificateSubject;
use crate::request::inputs::Inputs;
use crate::request::place::Place;
use crate::route::issuers::RouteIssuers;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Places of a token, and the certificate, in order of first mention.
    pub(crate) steps: SmallVec<[Step; 1]>,
    /// Who comes without any credential, where that is somebody.
    pub(crate) anonymous: Option<Arc<Identity>>,
}

/// One place where a caller may show something.
#[derive(Debug)]
pub(crate) enum Step {
    Token(TokenPlace),
    /// The certificate that the client showed to the listener, and whether one without this name is refused.
    Certificate(CertificateSubject, OnInvalid),
}

/// One place of a token, and who reads it.
#[derive(Debug)]
pub(crate) struct TokenPlace {
    pub(crate) place: Place,
    /// Which issuer verifies the token, and whether its refusal is final.
    pub(crate) jwt: RouteIssuers,
    /// Who is asked about what is no JWT of those.
    pub(crate) introspection: Vec<(IssuerId, OnInvalid)>,
    /// Every one of them says `on_invalid: next`.
    pub(crate) all_next: bool,
}

impl Chain {
    /// Has the place read, from here on in the order where it was not before.
    #[inline]
    pub(crate) fn add(&mut self, place: &Place) {
        if !self.places().any(|known| known.place == *place) {
            self.steps.push(Step::Token(TokenPlace {
                place: place.clone(),
                jwt: RouteIssuers::default(),
                introspection: Vec::new(),
                all_next: true,
            }));
        }
    }

    /// A place that is read.
    #[inline]
    pub(crate) fn at(&mut self, place: &Place) -> Option<&mut TokenPlace> {
        self.steps.iter_mut().find_map(|step| match step {
            Step::Token(known) if known.place == *place => Some(known),
            Step::Token(_) | Step::Certificate(..) => None,
        })
    }

    /// The places of a token.
    #[inline]
    pub(crate) fn places(&self) -> impl Iterator<Item = &TokenPlace> {
        self.steps.iter().filter_map(|step| match step {
            Step::Token(place) => Some(place),
            Step::Certificate(..) => None,
        })
    }

    /// The names that are read from a certificate.
    #[inline]
    pub(crate) fn certificate(&self) -> impl Iterator<Item = CertificateSubject> {
        self.steps.iter().filter_map(|step| match step {
            Step::Certificate(subject, _) => Some(*subject),
            Step::Token(_) => None,
        })
    }

    /// Whether the sidecar alone can judge some of the tokens that are accepted.
    #[inline]
    pub(crate) fn needs_sidecar(&self) -> bool {
        self.places().any(|place| !place.introspection.is_empty() || place.jwt.need_sidecar())
    }

    /// Whether a bare word in Authorization may be a token.
    #[inline]
    pub(crate) fn reads_bare(&self) -> bool {
        self.places().any(|place| place.place == Place::Raw)
    }

    /// What a verdict rests on besides the parts that are always compared.
    #[inline]
    pub(crate) fn note(&self, inputs: &mut Inputs) {
        inputs.certificate.extend(self.certificate());
        for place in self.places() {
            match &place.place {
                Place::Header { name, .. } => inputs.read_header(name),
                Place::Cookie(_) => inputs.read_header("cookie"),
                Place::Bearer | Place::Raw | Place::Query(_) => {}
            }
        }
    }
}

/// Credentials that a route can read and that end here, besides Authorization, which every policy's lists hold.
#[derive(Debug)]
pub(crate) struct Spent {
    /// Query keys: they vanish whatever the route says of its credential.
    pub(crate) query: Vec<Box<str>>,
    pub(crate) cookies: Vec<Box<str>>,
    /// Header names that never come from the client, with the credentials' among them.
    pub(crate) removed: Arc<RemovedHeaders>,
    /// The same for a request with one of the cookies: its Cookie header is written anew.
    pub(crate) removed_with_cookie: Arc<RemovedHeaders>,
}
