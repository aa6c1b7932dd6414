//! What the demo, the suites and the benches stand on: a development identity provider, an echo
//! upstream, a harness around a real Envoy, child processes, ports, exact HTTP/1.1 bytes and
//! metrics. It is test support: nothing of the product depends on it, and it judges no request.
//! Called by the binaries and suites of this crate and, through them, by `cargo xtask`.

pub mod agreement;
pub mod attacks;
pub mod bench;
pub mod cases;
pub mod echo;
pub mod envoy;
pub mod failures;
pub mod fake_sidecar;
mod folder;
pub mod generated;
pub mod http1;
pub mod idp;
pub mod keycloak;
pub mod limits;
pub mod parts;
#[cfg(test)]
mod policy_schema;
pub mod ports;
pub mod process;
pub mod program;
pub mod prom;
pub mod server;
pub mod stage;
pub mod threats;
pub mod vectors;
pub mod wait;
pub(crate) mod wire;

/// What test support reports. It always is about the test's own surroundings, so that a message
/// for people is all it has to carry.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result of test support.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A lock whose data stays usable after a panic of another test thread.
pub(crate) fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
