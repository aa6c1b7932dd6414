//! Reading the operator's files, bounded, and as they all were at one moment: a ConfigMap swap between two reads would
//! make a policy of one version with the roles of another.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256, digest};

use crate::limits::LOAD_ATTEMPTS;

/// The whole file.
///
/// # Errors
/// Of the file system, when there are more than `max_bytes` bytes, and for what is no regular file: opening a pipe waits
/// for who writes into it.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "no regular file"));
    }
    read_at_most(File::open(path)?, max_bytes)
}

/// What is left of an open file, up to a number of bytes.
///
/// # Errors
/// Of the operating system; and that there is more.
pub(crate) fn read_at_most(file: File, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read <= max_bytes) {
        Ok(bytes)
    } else {
        Err(Error::new(ErrorKind::FileTooLarge, format!("longer than {max_bytes} bytes")))
    }
}

/// The files that were read for one load.
#[derive(Default)]
pub(crate) struct Sources(Vec<Source>);

struct Source {
    what: What,
    /// None: it could not be read.
    hash: Option<Vec<u8>>,
}

enum What {
    File {
        path: PathBuf,
        max_bytes: u64,
    },
    /// The names in a directory that are like this one.
    Names {
        directory: PathBuf,
        pattern: String,
    },
}

impl What {
    fn hash(&self) -> Option<Vec<u8>> {
        match self {
            Self::File { path, max_bytes } => {
                read_bounded(path, *max_bytes).ok().map(|bytes| hash(&bytes))
            }
            Self::Names { directory, pattern } => {
                names(directory, pattern).ok().map(|names| hash_of_names(&names))
            }
        }
    }
}

impl Sources {
    /// The whole file, noted down.
    ///
    /// # Errors
    /// As [`read_bounded`].
    pub(crate) fn read(&mut self, path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
        let bytes = read_bounded(path, max_bytes);
        let hash = bytes.as_deref().ok().map(hash);
        self.0.push(Source { what: What::File { path: path.to_owned(), max_bytes }, hash });
        bytes
    }

    /// The names of the files in a directory that are like `pattern`, where `*` stands for any text; sorted, noted
    /// down. A name that begins with a dot is none.
    ///
    /// # Errors
    /// Of the file system.
    pub(crate) fn list(&mut self, directory: &Path, pattern: &str) -> Result<Vec<String>> {
        let names = names(directory, pattern);
        let hash = names.as_deref().ok().map(hash_of_names);
        let what = What::Names { directory: directory.to_owned(), pattern: pattern.to_owned() };
        self.0.push(Source { what, hash });
        names
    }

    /// A path in each directory that matters.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let path = |source: &Source| match &source.what {
            What::File { path, .. } => path.clone(),
            What::Names { directory, pattern } => directory.join(pattern),
        };
        self.0.iter().map(path).collect()
    }

    /// A hash of all that was read, in order.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let mut all = Context::new(&SHA256);
        for hash in self.0.iter().filter_map(|source| source.hash.as_ref()) {
            all.update(hash);
        }
        all.finish().as_ref().to_vec()
    }

    /// Whether reading again finds the same.
    fn still_there(&self) -> bool {
        self.0.iter().all(|source| source.what.hash() == source.hash)
    }
}

/// What `load` makes of its files, once they do not change under it; none: they keep changing. That a file cannot be
/// read may be of a moment, too.
pub(crate) fn at_one_moment<T>(mut load: impl FnMut(&mut Sources) -> T) -> Option<T> {
    (0..LOAD_ATTEMPTS).find_map(|_| {
        let mut sources = Sources::default();
        let made = load(&mut sources);
        sources.still_there().then_some(made)
    })
}

fn names(directory: &Path, pattern: &str) -> Result<Vec<String>> {
    // An empty path is the directory of a name without one.
    let place = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Through links: a ConfigMap's files are links.
        if !name.starts_with('.')
            && is_like(&name, pattern)
            && std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file())
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a name is like a pattern, where `*` stands for any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.is_empty()
}

fn hash_of_names(names: &[String]) -> Vec<u8> {
    // No name holds a slash.
    hash(names.join("/").as_bytes())
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Sources, at_one_moment, is_like, read_bounded};
    use crate::limits::LOAD_ATTEMPTS;

    /// A directory with two files, as a ConfigMap is mounted: `..data` is a link to a version, swapped as a whole.
    struct Mounted(PathBuf);

    impl Mounted {
        fn new(name: &str) -> Self {
            let root =
                std::env::temp_dir().join(format!("sallyport-{name}-{}", std::process::id()));
            for version in ["v1", "v2"] {
                std::fs::create_dir_all(root.join(version)).unwrap();
                std::fs::write(root.join(version).join("policy"), version).unwrap();
                std::fs::write(root.join(version).join("roles"), version).unwrap();
            }
            std::fs::write(root.join("v2").join("new"), "v2").unwrap();
            let mounted = Self(root);
            mounted.swap("v1");
            mounted
        }

        fn swap(&self, version: &str) {
            let link = self.0.join("..data_tmp");
            std::os::unix::fs::symlink(version, &link).unwrap();
            std::fs::rename(link, self.0.join("..data")).unwrap();
        }

        fn read(&self, sources: &mut Sources, name: &str) -> Option<String> {
            let bytes = sources.read(&self.0.join("..data").join(name), 100);
            bytes.ok().map(|bytes| String::from_utf8(bytes).unwrap())
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    /// Name, pattern, whether one is like the other.
    const LIKE: &[(&str, &str, bool)] = &[
        ("a.yaml", "*.yaml", true),
        (".yaml", "*.yaml", true),
        ("a.yaml", "*", true),
        ("a.yaml", "a*", true),
        ("a.yaml", "*a*", true),
        ("ab", "a*b", true),
        ("aba", "a*b", false),
        ("a", "a*a", false),
        ("abcb", "a*b*b", true),
        ("acb", "a*b*b", false),
        ("a.yml", "*.yaml", false),
        ("b.yaml", "a*", false),
        ("a", "a", true),
        ("ab", "a", false),
    ];

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let mounted = Mounted::new("irregular");
        let pipe = mounted.0.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        let mut irregular = vec![mounted.0.clone(), PathBuf::from("/dev/null")];
        irregular.extend(made.is_ok_and(|status| status.success()).then_some(pipe));
        for path in irregular {
            let error = read_bounded(&path, 100).unwrap_err();
            assert_eq!(error.to_string(), "no regular file", "{}", path.display());
        }
        assert!(mounted.read(&mut Sources::default(), "policy").is_some());
    }

    #[test]
    fn names_are_like_patterns() {
        for (name, pattern, expected) in LIKE {
            assert_eq!(is_like(name, pattern), *expected, "{name} {pattern}");
        }
    }

    #[test]
    fn a_swap_between_two_reads_makes_no_mixture() {
        for second in ["roles", "new"] {
            let mounted = Mounted::new(&format!("swap-{second}"));
            let mut attempts = 0;
            let read = at_one_moment(|sources| {
                attempts += 1;
                let policy = mounted.read(sources, "policy");
                if attempts == 1 {
                    mounted.swap("v2");
                }
                (policy, mounted.read(sources, second))
            });
            let version = || Some("v2".to_owned());
            assert_eq!((read, attempts), (Some((version(), version())), 2), "{second}");
        }
    }

    #[test]
    fn a_failure_of_a_moment_is_read_again_and_a_lasting_one_is_told() {
        let mounted = Mounted::new("moment");
        let mut attempts = 0;
        let read = at_one_moment(|sources| {
            attempts += 1;
            let new = mounted.read(sources, "new");
            if attempts == 1 {
                mounted.swap("v2");
            }
            new
        });
        assert_eq!((read, attempts), (Some(Some("v2".to_owned())), 2));
        assert_eq!(at_one_moment(|sources| mounted.read(sources, "missing")), Some(None));
    }

    #[test]
    fn files_that_keep_changing_are_given_up() {
        let mounted = Mounted::new("changing");
        let mut attempts = 0;
        let read = at_one_moment(|sources| {
            attempts += 1;
            let policy = mounted.read(sources, "policy");
            mounted.swap(if attempts % 2 == 0 { "v1" } else { "v2" });
            policy
        });
        assert_eq!((read, attempts), (None, LOAD_ATTEMPTS));
    }
}
