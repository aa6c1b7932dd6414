//! The built parts that demo and suites run: the filter's .wasm and the sidecar. They are named by
//! whoever built them, or found where cargo leaves them; this module builds nothing.

use std::path::{Path, PathBuf};

use crate::Result;

/// Names the filter's .wasm to the suites.
pub const WASM_VARIABLE: &str = "SALLYPORT_WASM";
/// Names the sidecar's program to the suites.
pub const SIDECAR_VARIABLE: &str = "SALLYPORT_BIN";

/// The filter and the sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The filter, built for wasm32-wasip1.
    pub wasm: PathBuf,
    /// The program `sallyport`.
    pub sidecar: PathBuf,
}

impl Parts {
    /// The parts that the environment names; what it does not name is looked for below `target`.
    ///
    /// # Errors
    /// When a part is not there, with the command that builds it.
    pub fn find() -> Result<Self> {
        Ok(Self {
            wasm: part(
                WASM_VARIABLE,
                &target().join("wasm32-wasip1/release/sallyport_filter.wasm"),
                "cargo build -p sallyport-filter --target wasm32-wasip1 --release",
            )?,
            sidecar: part(
                SIDECAR_VARIABLE,
                &target().join("debug/sallyport"),
                "cargo build --workspace --bin sallyport",
            )?,
        })
    }
}

fn part(variable: &str, built: &Path, command: &str) -> Result<PathBuf> {
    match std::env::var_os(variable).map(PathBuf::from) {
        Some(named) if named.is_file() => Ok(named),
        Some(named) => {
            Err(format!("{variable} names `{}`, which is no file", named.display()).into())
        }
        None if built.is_file() => Ok(built.to_owned()),
        None => Err(format!(
            "{variable} is not set and `{}` is not there: run `cargo xtask test`, or `{command}`",
            built.display()
        )
        .into()),
    }
}

/// The root of this workspace.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The build folder of this workspace.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_part_says_what_to_run() {
        let built = Path::new("/no/such/file");
        let error = part("SALLYPORT_NOT_SET", built, "make it").unwrap_err().to_string();
        for word in ["SALLYPORT_NOT_SET", "/no/such/file", "make it"] {
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(
            part("SALLYPORT_NOT_SET", Path::new("/bin/sh"), "").unwrap(),
            Path::new("/bin/sh")
        );
        assert!(part("PATH", built, "").unwrap_err().to_string().contains("PATH names"));
    }
}
