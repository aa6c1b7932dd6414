//! How the demo and the bench end: with their work, or when somebody stops them. Either way all that they started is
//! dropped on the way out.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::Result;

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs a program's work until it ends, or until Ctrl-C or a polite kill.
///
/// # Errors
/// Of the work; or signals cannot be heard.
pub async fn until_stopped(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::select! {
        ended = work => ended,
        stopped = stopped() => stopped.map(|()| ExitCode::from(INTERRUPTED)),
    }
}

/// Waits for Ctrl-C, or a polite kill.
///
/// # Errors
/// When signals cannot be heard.
pub async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
