//! A credential of the gate's own that the upstream gets in place of the client's. The secret is not here: the policy
//! knows where it is, the sidecar reads it and puts it in, and the filter knows only that there is one.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::file::issuer_source::SecretSource;

/// `forward.credential` of a route that swaps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Swap {
    /// Header that it stands in; lower case. Never from the client on these routes.
    pub header: Arc<str>,
    /// How the secret becomes the header's value.
    pub scheme: SwapScheme,
    /// Where the secret is read; none in the filter's copy.
    pub secret: Option<SecretSource>,
}

/// How a secret is written in its header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SwapScheme {
    /// RFC 7617: user name and password.
    Basic {
        /// Without a colon, which would end it.
        username: Box<str>,
    },
    /// RFC 6750 section 2.1.
    Bearer,
    /// The secret is the value.
    Plain,
}

impl Swap {
    /// The header's value.
    #[must_use]
    pub fn value(&self, secret: &str) -> String {
        match &self.scheme {
            SwapScheme::Basic { username } => {
                format!("Basic {}", STANDARD.encode([username, ":", secret].concat()))
            }
            SwapScheme::Bearer => ["Bearer ", secret].concat(),
            SwapScheme::Plain => secret.to_owned(),
        }
    }

    /// What may be shown in place of the value.
    #[must_use]
    pub fn shown(&self) -> &'static str {
        match self.scheme {
            SwapScheme::Basic { .. } => "Basic [secret]",
            SwapScheme::Bearer => "Bearer [secret]",
            SwapScheme::Plain => "[secret]",
        }
    }
}
