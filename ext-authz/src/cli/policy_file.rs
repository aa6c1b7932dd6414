//! The policy on disk, for the commands: read, parsed, and compiled with the role files beside it.
//! Reads no secret: `lint` and `render` work where there is none. `sallyport serve` watches and reloads by its own means.

use std::fs::File;
use std::path::{Path, PathBuf};

use sallyport_policy::{Document, Policy, Problem, RoleFile};

use super::failure::{Failure, shown};
use super::tell;
use crate::policy_files::{NotRead, PolicyFiles, directory};
use crate::source_file::{Sources, read_at_most};

/// A parsed policy file, with what it includes.
#[derive(Debug)]
pub(super) struct PolicyFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is made of.
    pub(super) files: PolicyFiles,
}

impl PolicyFile {
    /// Reads and parses.
    ///
    /// # Errors
    /// [`Failure::Unreadable`] and [`Failure::Policy`].
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let files =
            PolicyFiles::read(path, &mut Sources::default()).map_err(|error| match error {
                NotRead::File(error) => {
                    Failure::Unreadable(format!("`{}` cannot be read: {error}", path.display()))
                }
                NotRead::Problems(problems) => Failure::Policy(problems),
            })?;
        Ok(Self { path: path.to_owned(), files })
    }

    /// What it says.
    pub(super) fn document(&self) -> &Document {
        &self.files.document
    }

    /// Where it is: what it names is relative to this.
    pub(super) fn directory(&self) -> &Path {
        directory(&self.path)
    }

    /// The role files, from their places relative to the policy file.
    ///
    /// # Errors
    /// [`Failure::Policy`], with every file that cannot be read.
    pub(super) fn roles(&self) -> Result<Vec<RoleFile>, Failure> {
        self.files.roles(&mut Sources::default()).map_err(Failure::Policy)
    }

    /// Compiles the whole policy; gives its warnings too.
    ///
    /// # Errors
    /// [`Failure::Policy`].
    pub(super) fn compile(&self) -> Result<(Policy, Vec<Problem>), Failure> {
        Policy::compile(self.document(), &self.roles()?).map_err(Failure::Policy)
    }

    /// Compiles the whole policy and tells its warnings.
    ///
    /// # Errors
    /// [`Failure::Policy`].
    pub(super) fn load(&self) -> Result<Policy, Failure> {
        let (policy, warnings) = self.compile()?;
        for warning in warnings {
            tell(&shown(&warning));
        }
        Ok(policy)
    }

    /// The same policy with `shadow: true` on every route that is not open: what would be denied, were it enforced.
    pub(super) fn shadowed(mut self) -> Self {
        self.files.document = self.files.document.in_shadow();
        self
    }
}

/// A whole file of at most `limit` bytes.
///
/// # Errors
/// [`Failure::Unreadable`].
pub(super) fn read_bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let unreadable =
        |error| Failure::Unreadable(format!("`{}` cannot be read: {error}", path.display()));
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    // The caller's own word on the command line, which may be a pipe: `--jwks main=<(curl ...)`.
    read_at_most(File::open(path).map_err(unreadable)?, limit).map_err(unreadable)
}
