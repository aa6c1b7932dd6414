//! Credentials of our own that upstreams get in place of the client's: read with the policy, put into a permit when it
//! is told, and told over a Unix socket alone. Whoever can connect to a TCP listener could otherwise ask for them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use sallyport_policy::{Decision, Outcome, Policy, Problem, Reason, Swap, SwapScheme};

use crate::endpoint::Seldom;
use crate::secret::{self, Secret, SecretError};
use crate::source_file::Sources;

/// Who can listen to an answer, or ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// A Unix socket: owner and group.
    Private,
    /// TCP: whoever gets there.
    Public,
}

/// The secrets of a policy's swaps.
#[derive(Default)]
pub(crate) struct Swaps {
    secrets: HashMap<Arc<Swap>, Secret>,
    public_log: Seldom,
}

/// What to do about a secret that cannot be had.
const FIX: &str = "put the upstream's secret there, readable by the sidecar";

impl Swaps {
    /// Reads them all, each once.
    ///
    /// # Errors
    /// Everything that cannot be read or used, with the route's name.
    pub(crate) fn read(
        policy: &Policy,
        directory: &Path,
        sources: &mut Sources,
    ) -> Result<Self, Vec<Problem>> {
        let mut swaps = Self::default();
        let mut problems = Vec::new();
        for (route, swap) in policy.swaps() {
            if swaps.secrets.contains_key(swap) {
                continue;
            }
            match read(swap, directory, sources) {
                Ok(secret) => {
                    swaps.secrets.insert(Arc::clone(swap), secret);
                }
                Err(error) => {
                    let place = format!("routes.{}.forward.credential", route.name());
                    problems.push(error.problem(place, FIX));
                }
            }
        }
        if problems.is_empty() { Ok(swaps) } else { Err(problems) }
    }

    /// The decision with the upstream's credential in it, where it promises one; a denial where it cannot be told.
    pub(crate) fn carry_out(&self, mut decision: Decision, channel: Channel) -> Decision {
        let Outcome::Allow(permit) = &mut decision.outcome else { return decision };
        let Some(swap) = &permit.mutations().swap else { return decision };
        let secret = self.secrets.get(swap).filter(|_| channel == Channel::Private);
        if let Some(secret) = secret {
            permit.swap_credential(secret.expose());
            return decision;
        }
        if self.public_log.now() {
            tracing::error!(
                rule = decision.rule.as_deref(),
                "an upstream's credential is told over a Unix socket alone, and this connection is TCP"
            );
        }
        decision.instead(Reason::DependencyUnavailable)
    }
}

fn read(swap: &Swap, directory: &Path, sources: &mut Sources) -> Result<Secret, SecretError> {
    let Some(source) = &swap.secret else {
        let what = "is missing: this is the filter's copy of a policy";
        return Err(SecretError::Unusable(what.to_owned()));
    };
    let secret = secret::read(source, directory, sources)?;
    match unusable(&swap.scheme, secret.expose()) {
        None => Ok(secret),
        Some(what) => Err(SecretError::Unusable(format!("the secret {what}"))),
    }
}

/// Why a secret cannot be sent: it would not arrive as it is, or end its header.
fn unusable(scheme: &SwapScheme, secret: &str) -> Option<&'static str> {
    match scheme {
        SwapScheme::Basic { .. } => secret
            .chars()
            .any(char::is_control)
            .then_some("holds a control character (RFC 7617 section 2)"),
        SwapScheme::Bearer => (!secret.bytes().all(|byte| byte.is_ascii_graphic()))
            .then_some("holds what no token may hold (RFC 6750 section 2.1)"),
        SwapScheme::Plain => {
            let inside = secret.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
            (!inside || secret.trim() != secret)
                .then_some("holds what no header may hold (RFC 9110 section 5.5)")
        }
    }
}

#[cfg(test)]
mod tests {
    use sallyport_policy::SwapScheme;

    use super::unusable;

    #[test]
    fn a_secret_arrives_as_it_is_or_not_at_all() {
        let basic = || SwapScheme::Basic { username: "u".into() };
        for (scheme, secret, usable) in [
            (basic(), "p:w ü", true),
            (basic(), "a\nb", false),
            (SwapScheme::Bearer, "abc.def-_~+/=", true),
            (SwapScheme::Bearer, "a b", false),
            (SwapScheme::Bearer, "a\r\nx-admin: 1", false),
            (SwapScheme::Bearer, "ü", false),
            (SwapScheme::Plain, "Token a b", true),
            (SwapScheme::Plain, " a", false),
            (SwapScheme::Plain, "a\tb", false),
            (SwapScheme::Plain, "a\r\nb: c", false),
        ] {
            assert_eq!(unusable(&scheme, secret).is_none(), usable, "{scheme:?} {secret:?}");
        }
    }
}
