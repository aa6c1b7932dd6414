//! What suites of many small checks on one stage share: asking, and collecting everything that is not
//! as expected, so that one failure does not hide the next.

use crate::Result;
use crate::cases::HOST;
use crate::http1::{Request, Response};
use crate::stage::{Stage, Way};

/// Status, and the reason of a denial.
#[must_use]
pub fn told(response: &Response) -> (u16, String) {
    let body = response.json().unwrap_or_default();
    let reason = body.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
    (response.status, reason.to_owned())
}

/// A GET with a bearer token over a connection of its own.
///
/// # Errors
/// When there is no answer.
pub async fn get(stage: &Stage, way: Way, path: &str, token: &str) -> Result<(u16, String)> {
    Ok(told(&stage.send(way, &Request::get(HOST, path).bearer(token)).await?))
}

/// What is not as expected.
#[derive(Debug, Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Notes something that is wrong.
    pub fn push(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Compares two values.
    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, actual: T, expected: T) {
        if actual != expected {
            self.0.push(format!("{what}: {actual:?}, not {expected:?}"));
        }
    }

    /// Compares an answer; the reason of an allow is empty.
    pub fn answer(&mut self, what: &str, actual: Result<(u16, String)>, status: u16, reason: &str) {
        match actual {
            Ok(actual) => self.same(what, actual, (status, reason.to_owned())),
            Err(error) => self.0.push(format!("{what}: {error}")),
        }
    }

    /// All of them, as a message; none when everything is as expected.
    #[must_use]
    pub fn report(&self) -> Option<String> {
        let count = self.0.len();
        (count > 0).then(|| format!("{count} differ:\n{}", self.0.join("\n")))
    }
}

/// No filter was started again, none trapped, and Envoy logs nothing that bad.
///
/// # Errors
/// When Envoy does not answer.
pub async fn unharmed(stage: &Stage, failures: &mut Failures) -> Result<()> {
    let stats = stage.envoy.stats("wasm.").await?;
    for (name, value) in stats.iter().filter(|(name, _)| name.contains("vm_reload")) {
        failures.same(name, *value, 0);
    }
    let log = stage.envoy.log()?;
    let bad = |line: &&str| line.contains("[critical]") || line.contains("Function: proxy_");
    failures.0.extend(log.lines().filter(bad).map(|line| format!("Envoy's log: {line}")));
    Ok(())
}
