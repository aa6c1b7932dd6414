//! Where things are: the root, the target directory, members and their test files.
//!
//! Also the one place that starts cargo, so that every nested build uses the same target
//! directory and none of the variables that `cargo run` sets for this program.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stop::Stop;

/// The crate whose `tests/*.rs` need a built filter and sidecar.
const TESTS_CRATE: &str = "tests";

/// The checkout that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// Finds the workspace by the manifest directory that `cargo run` hands over.
    pub(crate) fn open() -> Result<Self, Stop> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or_else(|| Stop::usage("start this program as `cargo xtask`".to_owned()))?;
        let root = Path::new(&manifest)
            .parent()
            .ok_or_else(|| Stop::usage("the xtask crate has no folder above it".to_owned()))?
            .to_owned();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            // Relative to where the caller stands, as cargo reads it.
            Some(path) if !path.is_empty() => env::current_dir()?.join(path),
            Some(_) | None => root.join("target"),
        };
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Self { root, target, cargo })
    }

    /// Cargo in the root, without colours, and with our target directory.
    pub(crate) fn cargo<S: AsRef<str>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(words.iter().map(AsRef::as_ref)).current_dir(&self.root);
        // Build scripts may watch these; left in, every change of caller would rebuild them.
        for (name, _) in env::vars_os() {
            let known = name.to_string_lossy();
            if known.starts_with("CARGO_PKG_") || known.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command.env("CARGO_TARGET_DIR", &self.target).env("CARGO_TERM_COLOR", "never");
        command
    }

    /// The built filter.
    pub(crate) fn wasm(&self) -> PathBuf {
        self.target.join("wasm32-wasip1/release/sallyport_filter.wasm")
    }

    /// The built filter that does nothing.
    pub(crate) fn noop_wasm(&self) -> PathBuf {
        self.wasm().with_file_name("sallyport_noop_filter.wasm")
    }

    /// The built sidecar.
    pub(crate) fn sidecar(&self) -> PathBuf {
        self.program("sallyport")
    }

    /// A built program of any crate, in cargo's dev profile.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// Names of the integration tests on the built parts, sorted.
    pub(crate) fn integration_tests(&self) -> Result<Vec<String>, Stop> {
        Ok(test_names(&self.root.join(TESTS_CRATE).join("tests"))?)
    }

    /// Names of all other crates' integration tests, sorted. One that is also the name of a test
    /// in `tests/` is refused: cargo selects by name across the workspace.
    pub(crate) fn crate_tests(&self) -> Result<Vec<String>, Stop> {
        let manifest = fs::read_to_string(self.root.join("Cargo.toml"))?;
        let suites = self.integration_tests()?;
        let mut names = Vec::new();
        for member in members(&manifest).filter(|member| *member != TESTS_CRATE) {
            for name in test_names(&self.root.join(member).join("tests"))? {
                if suites.contains(&name) {
                    let text =
                        format!("{member}/tests and tests/tests both have `{name}`: rename one");
                    return Err(Stop::failed(text));
                }
                names.push(name);
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// The members that the root manifest lists, as written.
fn members(manifest: &str) -> impl Iterator<Item = &str> {
    let list = manifest.lines().skip_while(|line| !line.trim_start().starts_with("members")).scan(
        true,
        |open, line| {
            let this = *open;
            *open &= !line.contains(']');
            this.then_some(line)
        },
    );
    list.flat_map(|line| line.split('"').skip(1).step_by(2))
}

/// What cargo finds by itself in a `tests` folder: `NAME.rs` and `NAME/main.rs`.
fn test_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    if !folder.is_dir() {
        return Ok(names);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_test = path.extension().is_some_and(|end| end == "rs") && path.is_file();
        if is_test || path.join("main.rs").is_file() {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: &[(&str, &str, &[&str])] = &[
        (
            "one line",
            "[workspace]\nmembers = [\"jwt\", \"tests\"]\nexclude = [\"fuzz\"]\n",
            &["jwt", "tests"],
        ),
        (
            "many lines",
            "members = [\n  \"jwt\",\n  \"policy\",\n]\nexclude = [\"fuzz\"]\n",
            &["jwt", "policy"],
        ),
        ("none", "[workspace]\n", &[]),
    ];

    #[test]
    fn members_are_read_from_the_manifest() {
        for (name, manifest, expected) in MEMBERS {
            assert_eq!(members(manifest).collect::<Vec<_>>(), *expected, "{name}");
        }
    }

    #[test]
    fn this_workspace_lists_this_crate() {
        let manifest = fs::read_to_string("../Cargo.toml").unwrap();
        assert!(members(&manifest).any(|member| member == "xtask"));
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_tests() {
        assert!(test_names(Path::new("no/such/folder")).unwrap().is_empty());
    }
}
