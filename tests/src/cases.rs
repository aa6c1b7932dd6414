//! The demo's cases: ONE table of requests with what each has to be answered, and the run that sends
//! them through a [`Stage`](crate::stage::Stage) and compares. The demo prints the outcomes, the
//! suite `e2e` fails on them; neither has a case of its own. Expectations are written out here and
//! not computed by the policy crate, whose reasons and doors lend their words alone.

use std::time::Duration;

use sallyport_policy::{Door, Reason};
use serde_json::{Value, json};

use crate::http1::Request;
use crate::stage::Way;

mod cold;
mod judge;
mod ledger;
mod mirror;
mod run;
mod table;
mod wallet;

pub use mirror::mirror_is_balanced;
pub use run::run;
pub use table::{HOST, all};
pub use wallet::{Kind, Token, Wallet};

/// One request and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What it shows.
    pub step: &'static str,
    /// Through which door.
    pub way: Way,
    /// Whether somebody waits for the sidecar: `sync` or `async`.
    pub mode: &'static str,
    /// Method and target, with a space between.
    pub request: &'static str,
    /// The credential.
    pub token: Token,
    /// One more header.
    pub header: Option<(&'static str, &'static str)>,
    /// The route that judges; empty: none does.
    pub rule: &'static str,
    /// Why.
    pub reason: Reason,
    /// The status of the answer.
    pub status: u16,
    /// Who writes the answer.
    pub answer: Told,
    /// Who decides.
    pub door: Door,
    /// The scope that the challenge names.
    pub scope: Option<&'static str>,
    /// How often the provider is asked about the token; none: not looked at.
    pub provider_calls: Option<u64>,
}

/// Who writes an answer, and so whether it tells the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// We do: problem+json with the reason.
    ByUs,
    /// We do, and Envoy drops it (HTTP ext_authz and 5xx, DESIGN section 8).
    Lost,
    /// Envoy does, before any filter of ours.
    ByEnvoy,
}

impl Case {
    /// The same request through another door, where the sidecar decides.
    #[must_use]
    pub const fn by_sidecar(mut self, way: Way) -> Self {
        self.way = way;
        self.door = Door::Sidecar;
        // Only the first door that asks about a token reaches the provider.
        self.provider_calls = None;
        self
    }

    /// Method and target.
    #[must_use]
    pub fn line(&self) -> (&'static str, &'static str) {
        self.request.split_once(' ').unwrap_or((self.request, "/"))
    }

    /// The request as the demo prints it.
    #[must_use]
    pub fn asked(&self) -> String {
        let token = self.token.words();
        match self.header {
            Some((name, value)) => format!("{}, {token}, {name}: {value}", self.request),
            None => format!("{}, {token}", self.request),
        }
    }

    /// The request with its tokens, and with identity headers of the client's own.
    #[must_use]
    pub fn build(&self, tokens: &[String]) -> Request {
        let (method, target) = self.line();
        let mut request = Request::new(method, target).header("host", HOST);
        for (name, value) in table::SPOOFED {
            request = request.header(name, value);
        }
        if let Some((name, value)) = self.header {
            request = request.header(name, value);
        }
        tokens.iter().fold(request, |request, token| request.bearer(token))
    }

    /// The reason that the answer tells, or an allow's.
    fn told_reason(&self) -> Option<&'static str> {
        match self.answer {
            Told::ByUs => Some(self.reason.word()),
            Told::Lost | Told::ByEnvoy => None,
        }
    }
}

/// What became of a case.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it shows.
    pub step: String,
    /// Through which door.
    pub way: Way,
    /// `sync` or `async`.
    pub mode: &'static str,
    /// What was asked, in words.
    pub request: String,
    /// Status and reason that have to be.
    pub expected: (u16, Option<String>),
    /// Status and reason that are; status 0: there was no answer.
    pub actual: (u16, Option<String>),
    /// Who decided: `filter`, `sidecar` or `cache`.
    pub door: &'static str,
    /// From the first byte sent to the last one read.
    pub elapsed: Duration,
    /// What else is wrong.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Whether everything is as it has to be.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.expected == self.actual && self.notes.is_empty()
    }

    /// The line of `demo --json` (DESIGN section 10).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let pair = |(status, reason): &(u16, Option<String>)| json!({ "status": status, "reason": reason });
        json!({
            "step": self.step,
            "topology": self.way.topology(),
            "transport": self.way.transport(),
            "mode": self.mode,
            "request": self.request,
            "expected": pair(&self.expected),
            "actual": pair(&self.actual),
            "door": self.door,
            "pass": self.passed(),
        })
    }

    /// What went wrong, in one line; none if nothing did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        if self.passed() {
            return None;
        }
        let mut text = format!(
            "{} ({} {} {}): {}: expected {:?}, got {:?}",
            self.step,
            self.way.topology(),
            self.way.transport(),
            self.mode,
            self.request,
            self.expected,
            self.actual,
        );
        for note in &self.notes {
            text.push_str("; ");
            text.push_str(note);
        }
        Some(text)
    }
}
