//! A policy in force with everything that belongs to it: its secrets, its issuers' keys, its token memory. Made in one
//! piece from the files, or not at all; `reload.rs` decides when, requests hold the one they started with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sallyport_policy::limits::MAX_POLICY_BYTES;
use sallyport_policy::{Document, Format, IssuerId, IssuerKind, Policy, Problem, RoleFile};

use crate::clock;
use crate::endpoint::Endpoint;
use crate::key_fetch::KeyFetcher;
use crate::keys::Keys;
use crate::secret::{self, Secret};
use crate::source_file::read_bounded;
use crate::tokens::Tokens;

/// A policy file with its role files, compiled.
struct PolicyFiles {
    policy: Policy,
    warnings: Vec<Problem>,
    /// What was read besides the policy file.
    role_paths: Vec<PathBuf>,
    fingerprint: aws_lc_rs::digest::Context,
}

/// What is in force.
pub(crate) struct Loaded {
    pub(crate) policy: Arc<Policy>,
    /// Advances with every load, also across restarts: milliseconds of the load's time, at least one more than before.
    load: u64,
    pub(crate) keys: Keys,
    pub(crate) tokens: Tokens,
    /// Every file that was read.
    pub(crate) files: Vec<PathBuf>,
    endpoints: Vec<Option<Arc<Endpoint>>>,
    /// Of all that was read; the same bytes are not loaded twice.
    fingerprint: Vec<u8>,
}

/// What a reload found.
pub(crate) enum Load {
    /// The files say the same as before.
    Unchanged,
    /// Another policy.
    New(Box<Loaded>),
}

impl PolicyFiles {
    /// Reads and compiles. A file is JSON when its name ends in `.json`, YAML otherwise; role files are relative to its
    /// directory.
    ///
    /// # Errors
    /// Everything that is wrong, each with its path.
    fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let unreadable = |place: &str, file: &Path, error: std::io::Error| {
            Problem::error(
                place,
                format!("file `{}` cannot be read: {error}", file.display()),
                "name a file that the sidecar may read",
            )
        };
        let max_bytes = u64::try_from(MAX_POLICY_BYTES).unwrap_or(u64::MAX);
        let bytes =
            read_bounded(path, max_bytes).map_err(|error| vec![unreadable("$", path, error)])?;
        let json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        let document = Document::parse(&bytes, if json { Format::Json } else { Format::Yaml })?;
        let mut fingerprint = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        add(&mut fingerprint, &bytes);

        let (mut roles, mut role_paths, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (index, name) in document.role_files().iter().enumerate() {
            let file = directory(path).join(name);
            let text = read_bounded(&file, max_bytes).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
            });
            match text {
                Ok(text) => {
                    add(&mut fingerprint, text.as_bytes());
                    roles.push(RoleFile { name: name.clone(), text });
                    role_paths.push(file);
                }
                Err(error) => {
                    problems.push(unreadable(&format!("roles[{index}]"), &file, error));
                }
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (policy, warnings) = Policy::compile(&document, &roles)?;
        Ok(Self { policy, warnings, role_paths, fingerprint })
    }
}

impl Loaded {
    /// Reads everything that a policy file names. `earlier` is what is in force now.
    pub(crate) fn read(
        path: &Path,
        earlier: Option<&Self>,
        fetcher: &KeyFetcher,
    ) -> Result<Load, Vec<Problem>> {
        let PolicyFiles { policy, warnings, role_paths, mut fingerprint } =
            PolicyFiles::read(path)?;
        let mut files = vec![path.to_owned()];
        files.extend(role_paths);
        let mut endpoints = Vec::with_capacity(policy.issuers().len());
        let mut problems = Vec::new();
        for issuer in policy.issuers() {
            let endpoint = match issuer.kind() {
                IssuerKind::Jwt(_) => None,
                IssuerKind::Introspection(introspection) => introspection.endpoint.as_ref(),
            };
            let Some(endpoint) = endpoint else {
                endpoints.push(None);
                continue;
            };
            let place = format!("issuers.{}", issuer.name());
            let read = secret::read(&place, &endpoint.client_secret, directory(path));
            match read {
                Ok((secret, file)) => {
                    add(&mut fingerprint, secret.expose().as_bytes());
                    files.extend(file);
                    endpoints.push(Self::endpoint(endpoint, &secret));
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let fingerprint = fingerprint.finish().as_ref().to_vec();
        if earlier.is_some_and(|earlier| earlier.fingerprint == fingerprint) {
            return Ok(Load::Unchanged);
        }
        for warning in &warnings {
            tracing::warn!(path = %warning.path, message = %warning.message, fix = %warning.fix, "policy");
        }
        let load = earlier.map_or(0, |earlier| earlier.load.saturating_add(1));
        Ok(Load::New(Box::new(Self {
            keys: Keys::new(&policy, earlier.map(|earlier| &earlier.keys), fetcher),
            policy: Arc::new(policy),
            load: load.max(clock::now_ms()),
            tokens: Tokens::new(fetcher.epoch.clone()),
            files,
            endpoints,
            fingerprint,
        })))
    }

    fn endpoint(
        endpoint: &sallyport_policy::IntrospectionEndpoint,
        secret: &Secret,
    ) -> Option<Arc<Endpoint>> {
        Endpoint::new(endpoint, secret).map(Arc::new)
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

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// With its length before it, so that no two sets of files are the same text.
fn add(fingerprint: &mut aws_lc_rs::digest::Context, bytes: &[u8]) {
    fingerprint.update(&bytes.len().to_be_bytes());
    fingerprint.update(bytes);
}
