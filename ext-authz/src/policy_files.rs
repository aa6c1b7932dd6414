//! A policy from its files: the policy file, what it includes, and its role files, with `${NAME}` from the environment.
//! Used by the sidecar, which notes down everything that was read and watches it, and by the commands. Reads no secret.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use sallyport_policy::limits::MAX_POLICY_BYTES;
use sallyport_policy::{Document, Format, PolicyPart, Problem, RoleFile};

use crate::source_file::Sources;

/// A policy of one file or several.
#[derive(Debug)]
pub(crate) struct PolicyFiles {
    /// What they say.
    pub(crate) document: Document,
    /// Their texts, the policy file's first.
    pub(crate) texts: Vec<PolicyText>,
    /// The variables that were asked for and are set.
    pub(crate) variables: BTreeMap<String, String>,
    directory: PathBuf,
}

/// The text of one file.
#[derive(Debug)]
pub(crate) struct PolicyText {
    /// Its name, relative to the policy file.
    pub(crate) name: String,
    /// As it is written, without the values of variables.
    pub(crate) text: String,
}

/// Why there is no policy.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// The policy file itself cannot be read.
    File(std::io::Error),
    /// Everything that is wrong.
    Problems(Vec<Problem>),
}

impl PolicyFiles {
    /// Reads a policy file and what it includes. A file is JSON when its name ends in `.json`, YAML otherwise; all
    /// names are relative to the policy file's directory.
    ///
    /// # Errors
    /// See [`NotRead`].
    pub(crate) fn read(path: &Path, sources: &mut Sources) -> Result<Self, NotRead> {
        let bytes = sources.read(path, max_bytes()).map_err(NotRead::File)?;
        let asked = RefCell::new(BTreeMap::new());
        let environment = |name: &str| {
            let value = std::env::var(name).ok()?;
            asked.borrow_mut().insert(name.to_owned(), value.clone());
            Some(value)
        };
        let main = PolicyPart::parse(&file_name(path), &bytes, format(path), &environment)
            .map_err(NotRead::Problems)?;
        let mut texts = vec![text(main.name(), &bytes)];
        let (mut parts, mut problems) = (Vec::new(), Vec::new());
        let directory = directory(path);
        for (place, name) in included(&main, directory, sources, &mut problems) {
            let file = directory.join(&name);
            let read = sources.read(&file, max_bytes());
            match read {
                Ok(bytes) => match PolicyPart::parse(&name, &bytes, format(&file), &environment) {
                    Ok(part) => {
                        texts.push(text(&name, &bytes));
                        parts.push(part);
                    }
                    Err(found) => problems.extend(PolicyPart::named(&name, found)),
                },
                Err(error) => problems.push(unreadable(place, &name, &error)),
            }
        }
        if !problems.is_empty() {
            return Err(NotRead::Problems(problems));
        }
        let document = Document::join(main, parts).map_err(NotRead::Problems)?;
        let variables = asked.into_inner();
        Ok(Self { document, texts, variables, directory: directory.to_owned() })
    }

    /// The role files.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub(crate) fn roles(&self, sources: &mut Sources) -> Result<Vec<RoleFile>, Vec<Problem>> {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for (index, name) in self.document.role_files().iter().enumerate() {
            let read = sources.read(&self.directory.join(name), max_bytes()).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
            });
            match read {
                Ok(text) => files.push(RoleFile { name: name.clone(), text }),
                Err(error) => {
                    let place = self.document.place(&format!("roles[{index}]"));
                    problems.push(unreadable(place, name, &error));
                }
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(problems) }
    }
}

/// Places and names of the included files, in their order: that of `include`, and that of their names where one has a `*`.
fn included(
    main: &PolicyPart,
    directory: &Path,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let mut known = BTreeSet::from([normal(Path::new(main.name()))]);
    for (index, pattern) in main.includes() {
        let place = format!("include[{index}]");
        let found = match matching(pattern, directory, sources) {
            Ok(found) => found,
            Err((message, fix)) => {
                problems.push(Problem::error(place, message, fix));
                continue;
            }
        };
        for name in found {
            if known.insert(normal(Path::new(&name))) {
                names.push((place.clone(), name));
            } else {
                problems.push(Problem::error(
                    &place,
                    format!("`{name}` is read already"),
                    "name it once; the policy file itself is not to be included",
                ));
            }
        }
    }
    names
}

/// The names that a pattern stands for.
fn matching(
    pattern: &str,
    directory: &Path,
    sources: &mut Sources,
) -> Result<Vec<String>, (String, &'static str)> {
    let (folder, last) = pattern.rsplit_once('/').map_or(("", pattern), |(folder, last)| {
        (if folder.is_empty() { "/" } else { folder }, last)
    });
    if folder.contains('*') {
        return Err((
            format!("`{pattern}` has a `*` before its last part"),
            "write `*` in the name of the file alone",
        ));
    }
    if !last.contains('*') {
        return Ok(vec![pattern.to_owned()]);
    }
    let names = sources
        .list(&directory.join(folder), last)
        .map_err(|error| (format!("`{pattern}` cannot be read: {error}"), READABLE))?;
    if names.is_empty() {
        return Err((
            format!("no file is like `{pattern}`"),
            "remove it, or put a file there; names that begin with a dot do not count",
        ));
    }
    let prefix = pattern.strip_suffix(last).unwrap_or_default();
    Ok(names.into_iter().map(|name| format!("{prefix}{name}")).collect())
}

const READABLE: &str = "name a file, relative to the policy file, that may be read";

fn unreadable(place: String, name: &str, error: &std::io::Error) -> Problem {
    Problem::error(place, format!("`{name}` cannot be read: {error}"), READABLE)
}

fn text(name: &str, bytes: &[u8]) -> PolicyText {
    PolicyText { name: name.to_owned(), text: String::from_utf8_lossy(bytes).into_owned() }
}

/// Where a policy file is: what it names is relative to this.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// How a policy file is written.
pub(crate) fn format(path: &Path) -> Format {
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if json { Format::Json } else { Format::Yaml }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `./a//b` is `a/b`.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn max_bytes() -> u64 {
    u64::try_from(MAX_POLICY_BYTES).unwrap_or(u64::MAX)
}
