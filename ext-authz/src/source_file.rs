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
/// Of the file system, and when there are more than `max_bytes` bytes.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
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
    path: PathBuf,
    max_bytes: u64,
    /// None: it could not be read.
    hash: Option<Vec<u8>>,
}

impl Sources {
    /// The whole file, noted down.
    ///
    /// # Errors
    /// As [`read_bounded`].
    pub(crate) fn read(&mut self, path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
        let bytes = read_bounded(path, max_bytes);
        let hash = bytes.as_deref().ok().map(hash);
        self.0.push(Source { path: path.to_owned(), max_bytes, hash });
        bytes
    }

    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.0.iter().map(|source| source.path.clone()).collect()
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
        self.0.iter().all(|source| {
            let bytes = read_bounded(&source.path, source.max_bytes);
            bytes.as_deref().ok().map(hash) == source.hash
        })
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

fn hash(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Sources, at_one_moment};
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
