//! The asynchronous cases: a verdict that nobody waits for, and twenty exchanges full of secrets of
//! which the sidecar's file must hold everything but the secrets.

use serde_json::{Value, json};

use super::Outcome;
use super::ledger::whole;
use super::run::Run;
use super::table::{HOST, NOTE, SHADOW};
use crate::http1::Request;
use crate::stage::Stage;
use crate::{Result, limits, wait};

/// Every secret holds this word, also the upstream's ([`crate::echo::RESPONSE_SECRET`]).
const CANARY: &str = "canary";
const NOTES: usize = 20;
/// The one whose body is longer than the policy's `max_bytes`.
const LONG: usize = 7;
const LONG_BYTES: usize = 6_000;

impl Run<'_> {
    /// Sends all of it, and then looks at counters and file.
    pub(super) async fn mirrored(&mut self) -> Result<()> {
        let mut shadow = self.one(&SHADOW).await;
        let token = self.wallet.tokens(&self.stage.idp, NOTE.token)?.concat();
        let mut notes = self.send_notes(&token).await?;
        shadow.notes.extend(would_deny(self.stage).await.err().map(|error| error.to_string()));
        notes.notes.extend(look_at_notes(self.stage, &token).await);
        self.stage.echo.forget();
        self.pending.extend([(SHADOW, shadow), (NOTE, notes)]);
        Ok(())
    }

    /// The twenty, as one outcome.
    async fn send_notes(&mut self, token: &str) -> Result<Outcome> {
        let mut client = self.stage.client(NOTE.way)?;
        let mut outcome = Outcome::expecting(&NOTE);
        outcome.request = format!("{NOTES} x POST /notes, secrets in headers and bodies");
        for number in 0..NOTES {
            let response = client.send(&note(number, token)).await?;
            self.ledger.note(&NOTE);
            outcome.elapsed = outcome.elapsed.max(response.elapsed);
            outcome.actual = (response.status, super::judge::told(&response));
            if response.status != NOTE.status {
                return Ok(outcome);
            }
        }
        outcome.actual.1 = outcome.expected.1.clone();
        Ok(outcome)
    }
}

/// A role would deny, and the request passed: counted for the rule, and mirrored.
async fn would_deny(stage: &Stage) -> Result<()> {
    let labels = [("rule", SHADOW.rule), ("reason", "role_missing")];
    let counted = || async {
        let metrics = stage.sidecar_metrics().await.ok()?;
        (whole(metrics.sum("sallyport_would_deny_total", &labels)) == 1).then_some(())
    };
    if wait::value(limits::COUNTED, counted).await.is_err() {
        return Err(format!("sallyport_would_deny_total{labels:?} is not 1").into());
    }
    let (_, path) = SHADOW.line();
    mirrored(stage, path).await
}

/// What is wrong with the twenty records, with the rest of the file and with the counters.
async fn look_at_notes(stage: &Stage, token: &str) -> Vec<String> {
    let filed = || async {
        let records = stage.records();
        let own = records.iter().filter(|record| text(record, "/rule") == NOTE.rule);
        (own.count() >= NOTES).then_some(())
    };
    // Those that are missing are named below.
    drop(wait::value(limits::COUNTED, filed).await);
    let mut wrong = Vec::new();
    wrong.extend(mirror_is_balanced(stage).await.err().map(|error| error.to_string()));
    wrong.extend(exported(stage).await.err().map(|error| error.to_string()));
    let records = stage.records();
    for number in 0..NOTES {
        let error = check(&records, number).err();
        wrong.extend(error.map(|error| format!("record {number}: {error}")));
    }
    let file = stage.exported();
    let leak = file.lines().find(|line| line.contains(CANARY) || line.contains(token));
    wrong.extend(leak.map(|line| format!("a secret is in the file: {line}")));
    wrong
}

fn note(number: usize, token: &str) -> Request {
    let filler = if number == LONG { "x".repeat(LONG_BYTES) } else { String::new() };
    let body = json!({
        "note": format!("plain-{number}{filler}"),
        "password": format!("{CANARY}-1"),
        "card_number": format!("{CANARY}-2"),
        "items": [{ "api_key": format!("{CANARY}-3"), "jwt": token }],
    });
    Request::new("POST", format!("/notes?n={number}&access_token={CANARY}-4"))
        .header("host", HOST)
        .header("content-type", "application/json")
        .header("x-api-key", format!("{CANARY}-5"))
        .header("x-internal-key", format!("{CANARY}-6"))
        .header("cookie", format!("session={CANARY}-7"))
        .header("x-plain", format!("plain-{number}"))
        .bearer(token)
        .body(body.to_string())
}

/// One record, with its request and its response.
fn check(records: &[Value], number: usize) -> Result<()> {
    let own = |record: &&Value| {
        let path = text(record, "/request/path");
        path.starts_with(&format!("/notes?n={number}&"))
    };
    let mut found = records.iter().filter(own);
    let record = found.next().ok_or("is not there")?;
    if found.next().is_some() {
        return Err("is there twice".into());
    }
    let fate = if number == LONG { "truncated" } else { "exported" };
    let expected = [
        ("/rule", NOTE.rule),
        ("/reason", "allowed"),
        ("/door", "filter"),
        ("/service", "orders"),
        ("/request/method", "POST"),
        ("/request/body/fate", fate),
        ("/response/body/fate", "exported"),
    ];
    for (path, expected) in expected {
        let actual = text(record, path);
        if actual != expected {
            return Err(format!("{path} is `{actual}`, not `{expected}`").into());
        }
    }
    if record.pointer("/response/status") != Some(&json!(200)) {
        return Err(format!("no paired response: {record}").into());
    }
    let body = text(record, "/request/body/text");
    if body.contains("plain-") == (number == LONG) {
        return Err(format!("the body is `{body}`").into());
    }
    let headers = record.pointer("/request/headers").map(Value::to_string).unwrap_or_default();
    if !headers.contains(&format!("\"plain-{number}\"")) {
        return Err(format!("the headers are {headers}").into());
    }
    Ok(())
}

fn text<'r>(record: &'r Value, path: &str) -> &'r str {
    record.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Waits for the record of a path.
async fn mirrored(stage: &Stage, path: &str) -> Result<()> {
    let look = || async {
        let records = stage.records();
        let found = records.into_iter().find(|record| text(record, "/request/path") == path);
        found.filter(|record| record.pointer("/response/status") == Some(&json!(200)))
    };
    match wait::value(limits::COUNTED, look).await {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{path}` was not mirrored").into()),
    }
}

/// captured = exported + dropped + queued, by the filter's counters; and in the end nothing queued
/// and nothing dropped.
///
/// # Errors
/// When it is not so, with the counters.
pub async fn mirror_is_balanced(stage: &Stage) -> Result<()> {
    let look = || async { settled(stage).await.ok() };
    match wait::value(limits::COUNTED, look).await {
        Ok(()) => Ok(()),
        Err(_) => settled(stage).await,
    }
}

async fn settled(stage: &Stage) -> Result<()> {
    let prefix = "wasmcustom.sallyport.mirror.";
    let stats = stage.envoy.stats(prefix).await?;
    let value = |name: &str| stats.get(&format!("{prefix}{name}")).copied().unwrap_or(0);
    let is_drop = |name: &str| name.starts_with(&format!("{prefix}dropped"));
    let dropped = stats.iter().filter(|(name, _)| is_drop(name)).map(|(_, count)| *count);
    let dropped = dropped.fold(0, u64::saturating_add);
    let (captured, exported, queued) = (value("captured"), value("exported"), value("queued"));
    let sum = exported.saturating_add(dropped).saturating_add(queued);
    if captured == 0 || captured != sum || queued != 0 || dropped != 0 {
        return Err(format!(
            "captured {captured}, exported {exported}, dropped {dropped}, queued {queued}"
        )
        .into());
    }
    Ok(())
}

/// The same at the sidecar: what it exported is in the file, line by line.
async fn exported(stage: &Stage) -> Result<()> {
    let look = || async {
        let metrics = stage.sidecar_metrics().await.ok()?;
        let exported =
            whole(metrics.sum("sallyport_mirror_records_total", &[("result", "exported")]));
        let lines = u64::try_from(stage.records().len()).ok()?;
        (exported == lines).then_some(())
    };
    match wait::value(limits::COUNTED, look).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!(
            "{} lines in the file, and the sidecar says otherwise",
            stage.records().len()
        )
        .into()),
    }
}
