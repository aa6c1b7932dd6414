//! The `sallyport` command; see [`sallyport_ext_authz::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    sallyport_ext_authz::cli::run()
}
