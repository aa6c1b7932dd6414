//! The policy file on disk, for the commands: read, parsed, and compiled with the role files beside it.
//! Reads no secret: `lint` and `render` work where there is none. `sallyport serve` watches and reloads by its own means.

use std::path::{Path, PathBuf};

use sallyport_policy::limits::MAX_POLICY_BYTES;
use sallyport_policy::{Document, Format, Policy, Problem, RoleFile};
use serde_json::Value;

use super::failure::{Failure, shown};
use super::tell;
use crate::source_file::read_bounded;

/// A parsed policy file.
#[derive(Debug)]
pub(super) struct PolicyFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
    /// What it says.
    pub(super) document: Document,
}

impl PolicyFile {
    /// Reads and parses.
    ///
    /// # Errors
    /// [`Failure::Unreadable`] and [`Failure::Policy`].
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read(path)?;
        let document = Document::parse(text.as_bytes(), format(path)).map_err(Failure::Policy)?;
        Ok(Self { path: path.to_owned(), text, document })
    }

    /// Where it is: what it names is relative to this.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The role files, from their places relative to the policy file.
    ///
    /// # Errors
    /// [`Failure::Policy`], with every file that cannot be read.
    pub(super) fn roles(&self) -> Result<Vec<RoleFile>, Failure> {
        let directory = self.directory();
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (index, name) in self.document.role_files().iter().enumerate() {
            match read(&directory.join(name)) {
                Ok(text) => files.push(RoleFile { name: name.clone(), text }),
                Err(failure) => problems.push(Problem::error(
                    format!("roles[{index}]"),
                    failure.to_string(),
                    "name a file relative to the policy file",
                )),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(Failure::Policy(problems)) }
    }

    /// Compiles the whole file; gives its warnings too.
    ///
    /// # Errors
    /// [`Failure::Policy`].
    pub(super) fn compile(&self) -> Result<(Policy, Vec<Problem>), Failure> {
        Policy::compile(&self.document, &self.roles()?).map_err(Failure::Policy)
    }

    /// Compiles the whole file and tells its warnings.
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

    /// The same file with `shadow: true` on every route that is not open: what would be denied, were it enforced.
    ///
    /// # Errors
    /// [`Failure::Policy`]; cannot happen after [`PolicyFile::read`].
    pub(super) fn shadowed(self) -> Result<Self, Failure> {
        let unreadable = |error: String| Failure::Unreadable(error);
        let mut value: Value =
            match format(&self.path) {
                Format::Json => serde_json::from_str(&self.text)
                    .map_err(|error| unreadable(error.to_string()))?,
                Format::Yaml => serde_saphyr::from_str(&self.text)
                    .map_err(|error| unreadable(error.to_string()))?,
            };
        let routes = value.get_mut("routes").and_then(Value::as_array_mut);
        for route in routes.into_iter().flatten().filter_map(Value::as_object_mut) {
            // Null is absent, as the policy reads it.
            if route.get("allow").is_none_or(Value::is_null) {
                route.insert("shadow".to_owned(), Value::Bool(true));
            }
        }
        let document = Document::from_value(value).map_err(Failure::Policy)?;
        Ok(Self { document, ..self })
    }
}

fn format(path: &Path) -> Format {
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if json { Format::Json } else { Format::Yaml }
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = read_bytes(path, MAX_POLICY_BYTES)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::Unreadable(format!("`{}` is not UTF-8", path.display())))
}

/// A whole file of at most `limit` bytes.
///
/// # Errors
/// [`Failure::Unreadable`].
pub(super) fn read_bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    read_bounded(path, limit).map_err(|error| {
        Failure::Unreadable(format!("`{}` cannot be read: {error}", path.display()))
    })
}
