//! The first requests of all, at once, to both filters and so to every worker: each is served, and
//! the keys are fetched once for the whole Envoy process, not once a worker.

use super::Outcome;
use super::ledger::whole;
use super::run::Run;
use super::table::COLD;
use crate::idp::Endpoint;
use crate::stage::{Stage, Way};
use crate::{Result, limits, wait};

/// Requests to each filter. With this many connections the kernel leaves out no worker.
const EACH: usize = 8;

impl Run<'_> {
    /// Sends them and notes them.
    pub(super) async fn cold(&mut self) -> Result<()> {
        let tokens = self.wallet.tokens(&self.stage.idp, COLD.token)?;
        let request = COLD.build(&tokens);
        let mut sends = Vec::new();
        for way in [Way::Ask, Way::ExtAuthz] {
            let port = self.stage.port(way)?;
            for _ in 0..EACH {
                let request = request.clone();
                sends.push(tokio::spawn(async move {
                    request.send_to_port(port, limits::ANSWER).await
                }));
                let case = if way == Way::Ask { COLD } else { COLD.by_sidecar(way) };
                self.ledger.note(&case);
            }
        }
        let mut outcome = Outcome::expecting(&COLD);
        outcome.request = format!("{} x {}", sends.len(), COLD.asked());
        for send in sends {
            let response = send.await??;
            outcome.actual.0 = response.status;
            outcome.elapsed = outcome.elapsed.max(response.elapsed);
            if response.status != COLD.status {
                outcome.actual.1 = super::judge::told(&response);
                break;
            }
            outcome.actual.1 = outcome.expected.1.clone();
        }
        if let Err(error) = fetched_once(self.stage).await {
            outcome.notes.push(error.to_string());
        }
        self.stage.echo.forget();
        self.pending.push((COLD, outcome));
        Ok(())
    }
}

/// The provider's own count is what counts: one fetch for all filters, one for the sidecar.
async fn fetched_once(stage: &Stage) -> Result<()> {
    let fetched = "wasmcustom.sallyport.jwks_fetches.ok";
    stage.envoy.wait_stat(fetched, 1, limits::COUNTED).await?;
    let look = || async {
        let filters = stage.envoy.stat(fetched).await.ok()?;
        let metrics = stage.sidecar_metrics().await.ok()?;
        let sidecar = whole(metrics.sum("sallyport_jwks_fetches_total", &[("result", "ok")]));
        let provider = stage.idp.count(Endpoint::Jwks);
        (provider == filters.saturating_add(sidecar)).then_some((filters, sidecar))
    };
    let found = wait::value(limits::COUNTED, look).await;
    let provider = stage.idp.count(Endpoint::Jwks);
    match found {
        Ok((1, 0 | 1)) => Ok(()),
        Ok((filters, sidecar)) => {
            Err(format!("keys were fetched {filters} times by Envoy, {sidecar} by the sidecar")
                .into())
        }
        Err(_) => {
            Err(format!("the provider was asked for keys {provider} times, not once each").into())
        }
    }
}
