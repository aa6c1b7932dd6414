//! The order of things: cold start, the table door by door, mirroring, then each dependency taken
//! away and given back. The counters are balanced before the sidecar's are lost, and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ledger::Ledger;
use super::table::{AGAIN, ASKED, BACK, INLINE, WITHOUT_PROVIDER, WITHOUT_SIDECAR, other_doors};
use super::wallet::Wallet;
use super::{Case, Outcome, judge};
use crate::Result;
use crate::http1::Response;
use crate::idp::Endpoint;
use crate::stage::{Client, Stage, Way};

/// One run over a stage.
pub(super) struct Run<'s> {
    pub(super) stage: &'s Stage,
    pub(super) wallet: Wallet,
    pub(super) ledger: Ledger,
    /// Sent, and not yet compared with the counters.
    pub(super) pending: Vec<(Case, Outcome)>,
    clients: BTreeMap<Way, Client>,
    report: &'s mut dyn FnMut(Outcome),
}

/// Runs all cases on a fresh stage and reports each outcome, in order. Afterwards everything runs
/// again that was taken away.
///
/// # Errors
/// When the stage itself fails; a case that goes wrong is an outcome.
pub async fn run(stage: &Stage, report: &mut dyn FnMut(Outcome)) -> Result<()> {
    let mut run = Run {
        stage,
        wallet: Wallet::default(),
        ledger: Ledger::default(),
        pending: Vec::new(),
        clients: BTreeMap::new(),
        report,
    };
    run.cold().await?;
    run.each(INLINE).await;
    // Each verdict directly after the one that it reuses, on the same connection.
    run.each(ASKED).await;
    run.each(AGAIN).await;
    run.each(&other_doors()).await;
    run.mirrored().await?;
    stage.idp.stop().await?;
    run.each(WITHOUT_PROVIDER).await;
    stage.idp.restart().await?;
    run.settle().await?;
    stage.kill_sidecar().await?;
    run.ledger.forget_sidecar();
    run.each(WITHOUT_SIDECAR).await;
    stage.start_sidecar().await?;
    run.each(BACK).await;
    run.settle().await
}

impl Run<'_> {
    async fn each(&mut self, cases: &[Case]) {
        for case in cases {
            let outcome = self.one(case).await;
            self.pending.push((*case, outcome));
        }
    }

    /// Balances the books, and reports what was sent since the last time.
    async fn settle(&mut self) -> Result<()> {
        let wrong = self.ledger.balance(self.stage).await?;
        let mut pending = std::mem::take(&mut self.pending);
        for (case, outcome) in &mut pending {
            outcome.notes.extend(wrong.of(case));
        }
        // A counter that no case of this run advances.
        let explained = pending.iter().any(|(_, outcome)| !outcome.passed());
        if let (false, Some((_, last))) = (explained, pending.last_mut()) {
            last.notes.extend(wrong.all());
        }
        pending.into_iter().for_each(|(_, outcome)| (self.report)(outcome));
        Ok(())
    }

    /// Sends one case and compares all but the counters.
    pub(super) async fn one(&mut self, case: &Case) -> Outcome {
        let mut outcome = Outcome::expecting(case);
        let asked = self.stage.idp.count(Endpoint::Introspection);
        self.stage.echo.forget();
        match self.send(case).await {
            Ok(response) => {
                outcome.actual = (response.status, judge::told(&response));
                // The echo upstream's answer tells no reason; the counters confirm this one.
                if response.status == 200 && case.reason.allows() {
                    outcome.actual.1.clone_from(&outcome.expected.1);
                }
                outcome.elapsed = response.elapsed;
                let seen = self.stage.echo.requests();
                outcome.notes = judge::differences(case, &response, &seen);
            }
            Err(error) => outcome.notes.push(error.to_string()),
        }
        let calls = self.stage.idp.count(Endpoint::Introspection).saturating_sub(asked);
        if let Some(expected) = case.provider_calls.filter(|expected| *expected != calls) {
            outcome.notes.push(format!("the provider was asked {calls} times, not {expected}"));
        }
        self.ledger.note(case);
        outcome
    }

    async fn send(&mut self, case: &Case) -> Result<Response> {
        let tokens = self.wallet.tokens(&self.stage.idp, case.token)?;
        let request = case.build(&tokens);
        let client = match self.clients.entry(case.way) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(self.stage.client(case.way)?)
            }
        };
        client.send(&request).await
    }
}

impl Outcome {
    /// Nothing came back yet.
    pub(super) fn expecting(case: &Case) -> Self {
        Self {
            step: case.step.to_owned(),
            way: case.way,
            mode: case.mode,
            request: case.asked(),
            expected: (case.status, case.told_reason().map(str::to_owned)),
            actual: (0, None),
            door: case.door.word(),
            elapsed: Duration::ZERO,
            notes: Vec::new(),
        }
    }
}
