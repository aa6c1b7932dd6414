//! A policy in force with everything that belongs to it: its secrets, its issuers' keys, its token memory. Made in one
//! piece from the files, or not at all; `reload.rs` decides when, requests hold the one they started with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sallyport_jwt::KeySet;
use sallyport_policy::{Issuer, IssuerId, IssuerKind, Policy, Problem};

use crate::clock;
use crate::endpoint::Endpoint;
use crate::hmac_secret;
use crate::key_fetch::KeyFetcher;
use crate::keys::Keys;
use crate::policy_files::{NotRead, PolicyFiles, directory};
use crate::secret;
use crate::source_file::{Sources, at_one_moment};
use crate::swap::Swaps;
use crate::tokens::Tokens;

/// What is in force.
pub(crate) struct Loaded {
    pub(crate) policy: Arc<Policy>,
    /// Advances with every load, also across restarts: milliseconds of the load's time, at least one more than before.
    load: u64,
    pub(crate) keys: Keys,
    pub(crate) tokens: Tokens,
    pub(crate) swaps: Swaps,
    /// Every file that was read.
    pub(crate) files: Vec<PathBuf>,
    endpoints: Vec<Option<Arc<Endpoint>>>,
    /// Of all files; the same bytes are not loaded twice. What comes from the environment does not change.
    fingerprint: Vec<u8>,
}

/// What a reload found.
pub(crate) enum Load {
    /// The files say the same as before.
    Unchanged,
    /// Another policy.
    New(Box<Loaded>),
}

/// Reads and compiles the policy's files; gives its warnings too.
///
/// # Errors
/// Everything that is wrong, each with its path.
fn compiled(path: &Path, sources: &mut Sources) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    let files = PolicyFiles::read(path, sources).map_err(|error| match error {
        NotRead::Problems(problems) => problems,
        NotRead::File(error) => vec![Problem::error(
            "$",
            format!("file `{}` cannot be read: {error}", path.display()),
            "name a file that the sidecar may read",
        )],
    })?;
    Policy::compile(&files.document, &files.roles(sources)?)
}

impl Loaded {
    /// Reads everything that a policy file names, as it was at one moment. `earlier` is what is in force now.
    ///
    /// # Errors
    /// Everything that is wrong; also that the files keep changing.
    pub(crate) fn read(
        path: &Path,
        earlier: Option<&Self>,
        fetcher: &KeyFetcher,
    ) -> Result<Load, Vec<Problem>> {
        let read = at_one_moment(|sources| Self::read_once(path, earlier, fetcher, sources));
        let (load, warnings) = read.unwrap_or_else(|| {
            Err(vec![Problem::error(
                "$",
                format!("`{}` and its files change while they are read", path.display()),
                "replace them together, or leave them alone for a moment",
            )])
        })?;
        for warning in &warnings {
            tracing::warn!(path = %warning.path, message = %warning.message, fix = %warning.fix, "policy");
        }
        Ok(load)
    }

    fn read_once(
        path: &Path,
        earlier: Option<&Self>,
        fetcher: &KeyFetcher,
        sources: &mut Sources,
    ) -> Result<(Load, Vec<Problem>), Vec<Problem>> {
        let (policy, warnings) = compiled(path, sources)?;
        let (mut endpoints, mut secrets) = (Vec::new(), Vec::new());
        let mut problems = Vec::new();
        for issuer in policy.issuers() {
            match Credentials::read(issuer, directory(path), sources) {
                Ok(Credentials { endpoint, secret }) => {
                    endpoints.push(endpoint);
                    secrets.push(secret);
                }
                Err(problem) => problems.push(problem),
            }
        }
        let swaps = Swaps::read(&policy, directory(path), sources).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            Swaps::default()
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let fingerprint = sources.fingerprint();
        if earlier.is_some_and(|earlier| earlier.fingerprint == fingerprint) {
            return Ok((Load::Unchanged, Vec::new()));
        }
        let load = earlier.map_or(0, |earlier| earlier.load.saturating_add(1));
        let loaded = Self {
            keys: Keys::new(&policy, secrets, earlier.map(|earlier| &earlier.keys), fetcher),
            swaps,
            policy: Arc::new(policy),
            load: load.max(clock::now_ms()),
            tokens: Tokens::new(fetcher.epoch.clone(), fetcher.metrics.token_cache.clone()),
            files: sources.paths(),
            endpoints,
            fingerprint,
        };
        Ok((Load::New(Box::new(loaded)), warnings))
    }

    /// Advances when verdicts given before must not be reused: with every load, and when keys change.
    pub(crate) fn generation(&self) -> u64 {
        self.load.saturating_add(self.tokens.epoch())
    }

    /// How an issuer is asked; none: it cannot be.
    pub(crate) fn endpoint_of(&self, issuer: IssuerId) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(issuer.index()).and_then(Option::as_ref)
    }
}

/// What an issuer's secret, if it has one, was made into.
#[derive(Default)]
struct Credentials {
    endpoint: Option<Arc<Endpoint>>,
    secret: Option<Arc<KeySet>>,
}

impl Credentials {
    fn read(issuer: &Issuer, directory: &Path, sources: &mut Sources) -> Result<Self, Problem> {
        let place = |what: &str| format!("issuers.{}.{what}", issuer.name());
        match issuer.kind() {
            IssuerKind::Jwt(_) => Ok(Self::default()),
            IssuerKind::Introspection(introspection) => {
                let Some(endpoint) = &introspection.endpoint else { return Ok(Self::default()) };
                let secret = secret::read(&endpoint.client_secret, directory, sources);
                let secret = secret.map_err(|error| {
                    error.problem(
                        place("introspection.client_secret"),
                        "put the client's secret there, readable by the sidecar",
                    )
                })?;
                let endpoint = Endpoint::new(endpoint, &secret).map(Arc::new);
                Ok(Self { endpoint, secret: None })
            }
            IssuerKind::Hmac(hmac) => {
                let set = hmac_secret::key_set(hmac, directory, sources);
                let set = set
                    .map_err(|error| error.problem(place(hmac_secret::PLACE), hmac_secret::FIX))?;
                Ok(Self { endpoint: None, secret: set.map(Arc::new) })
            }
        }
    }
}
