//! What of a request a decision of the sidecar may rest on, so that the filter reuses it for the same request alone.
//! Always part of it: scheme, authority, method, path with query, Authorization and the peer's address. Here is what a
//! route reads besides.

use std::sync::Arc;

/// What a route reads besides the parts that are always compared. Most read nothing more, and have none of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Lower case, sorted.
    pub(crate) headers: Vec<Arc<str>>,
    pub(crate) certificate: bool,
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

    /// Whether the client's certificate is one.
    #[must_use]
    pub fn certificate(&self) -> bool {
        self.certificate
    }

    /// The words by which sidecar and filter name them to each other.
    pub fn words(&self) -> impl Iterator<Item = String> {
        let certificate = self.certificate.then(|| "peer_certificate".to_owned());
        self.headers.iter().map(|name| format!("header:{name}")).chain(certificate)
    }

    pub(crate) fn read_header(&mut self, name: &str) {
        if let Err(at) = self.headers.binary_search_by(|known| (**known).cmp(name)) {
            self.headers.insert(at, name.into());
        }
    }
}
