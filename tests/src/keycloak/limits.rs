//! Bounds of the Keycloak suite, with what was measured on two cores that others use too.

use std::time::Duration;

/// How long download, build or import may each take, and another process that does them. Measured: 35 s, 57 s, 45 s.
pub(super) const PREPARED: Duration = Duration::from_secs(900);
/// How long a start may take. Measured: 6 s idle and 11 s beside a build with the realms imported, 45 s with an import.
pub(super) const READY: Duration = Duration::from_secs(300);
/// How long a request to Keycloak may take. Measured: 0.7 s for the first token, under 0.1 s for others.
pub(super) const ANSWER: Duration = Duration::from_secs(30);
/// Pause between two looks whether the server answers.
pub(super) const LOOK: Duration = Duration::from_millis(100);
