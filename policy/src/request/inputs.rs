//! What of a request a decision of the sidecar may rest on, so that the filter reuses it for the same request alone.
//! Always part of it: scheme, authority, method, path with query, Authorization and the peer's address. Here is what a
//! route reads besides.

use std::sync::Arc;

use crate::request::certificate::CertificateSubject;

/// What a route reads besides the parts that are always compared. Most read nothing more, and have none of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Lower case, sorted.
    pub(crate) headers: Vec<Arc<str>>,
    /// In the order in which they are first named.
    pub(crate) certificate: Vec<CertificateSubject>,
}

impl Inputs {
    /// These headers, in lower case.
    #[must_use]
    pub fn of_headers<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut inputs = Self::default();
        names.into_iter().for_each(|name| inputs.read_header(name));
        inputs
    }

    /// Headers, in lower case: every copy of each, also that there is none.
    #[must_use]
    pub fn headers(&self) -> &[Arc<str>] {
        &self.headers
    }

    /// Names in the client's certificate.
    #[must_use]
    pub fn certificate(&self) -> &[CertificateSubject] {
        &self.certificate
    }

    /// The words by which sidecar and filter name them to each other.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let certificate = self.certificate.iter();
        let certificate = certificate.map(|subject| format!("certificate:{}", subject.word()));
        self.headers.iter().map(|name| format!("header:{name}")).chain(certificate)
    }

    pub(crate) fn read_header(&mut self, name: &str) {
        if let Err(at) = self.headers.binary_search_by(|known| (**known).cmp(name)) {
            self.headers.insert(at, name.into());
        }
    }
}
