//! `sallyport serve`: reads the server's configuration and hands over to [`crate::serve`].

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Failure;
use super::{PolicyArgument, tell};
use crate::config::Config;
use crate::serve::{ServeOptions, serve};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    policy: PolicyArgument,
    /// Where to listen and what to export.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = match &arguments.config {
        None => Config::default(),
        Some(path) => Config::read(path)
            .map_err(|error| Failure::Unreadable(format!("`{}`: {error}", path.display())))?,
    };
    let options = ServeOptions { policy: arguments.policy.policy.clone(), config };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(serve(options)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tell(&error.to_string());
            Ok(ExitCode::from(error.exit_code()))
        }
    }
}
