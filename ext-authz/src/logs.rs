//! Logs: JSON lines on standard error. `SALLYPORT_LOG` (error, warn, info, debug) sets how much we say; the libraries
//! stay at warn whatever is asked, because at their finer levels they write headers, and so tokens.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Starts logging. A second call changes nothing.
pub(crate) fn init() {
    let level: LevelFilter = std::env::var("SALLYPORT_LOG")
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let filter = EnvFilter::new(format!("warn,sallyport_ext_authz={level}"));
    let subscriber =
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}
