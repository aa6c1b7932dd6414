//! The backends as they are inside Envoy: a filter compiled from our filter's own files, which is
//! sent cases and answers with what the host and pure Rust in wasm say.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::judge::{Batch, Case, Inside, Keys, Question, Reply, Verdict};
use crate::Result;
use crate::envoy::{Binary, Envoy, Options};
use crate::http1::Request;
use crate::parts::Parts;

/// Envoy keeps 1 MiB of a body where nothing else is configured. One case may be longer than this:
/// the longest, with RSA of 8192 bits, is 350 KiB.
const BATCH_BYTES: usize = 256 << 10;
/// Of one batch. Measured: two seconds on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Batches that are judged at a time, each by a worker.
const WORKERS: usize = 2;

/// What Envoy answered to all the questions.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The backends that the probe chose, once for each batch.
    pub probes: Vec<String>,
    /// For each backend that was asked its verdicts, in the order of the questions; none where
    /// pure Rust was spared one.
    pub verdicts: Vec<Vec<Option<Verdict>>>,
}

/// The filter, which is built beside ours.
///
/// # Errors
/// When it is not there, with the command that builds it.
pub fn backend_filter(parts: &Parts) -> Result<PathBuf> {
    let file = parts.wasm.with_file_name("sallyport_backend_filter.wasm");
    if file.is_file() {
        return Ok(file);
    }
    let command = "cargo build -p sallyport-backend-filter --target wasm32-wasip1 --release";
    Err(format!("`{}` is not there: run `cargo xtask test`, or `{command}`", file.display()).into())
}

/// Starts an Envoy with the filter and asks these of its backends.
///
/// # Errors
/// When it does not start, or does not answer every question.
pub async fn ask(
    binary: &Binary,
    filter: &Path,
    cases: &[Case],
    backends: &[Inside],
) -> Result<Answers> {
    let options = Options { concurrency: u32::try_from(WORKERS)?, ..Options::default() };
    let mut envoy = Envoy::start(binary, &bootstrap(filter)?, options).await?;
    let ports = envoy.listener_ports().await?;
    let port = *ports.get("vectors").ok_or("no port of the listener")?;
    let mut answers = Answers::default();
    for backend in backends {
        let (probes, verdicts) = one(port, *backend, cases)
            .await
            .map_err(|error| format!("{backend:?}: {error}\n{}", tail(&envoy)))?;
        answers.probes.extend(probes);
        answers.verdicts.push(verdicts);
    }
    envoy.stop().await?;
    Ok(answers)
}

/// What the probes chose, and the verdicts.
async fn one(
    port: u16,
    backend: Inside,
    cases: &[Case],
) -> Result<(Vec<String>, Vec<Option<Verdict>>)> {
    let chosen: Vec<Vec<bool>> = cases.iter().map(|case| chosen(backend, case)).collect();
    let some: Vec<Case> =
        cases.iter().zip(&chosen).map(|(case, chosen)| part(case, chosen)).collect();
    let (probes, verdicts) = all(port, backend, &some).await?;
    let mut verdicts = verdicts.into_iter();
    let aligned = chosen.iter().flatten().map(|chosen| chosen.then(|| verdicts.next()).flatten());
    Ok((probes, aligned.collect()))
}

/// The questions that are asked. Of pure Rust in wasm only one in eight where the key is longer
/// than 2048 bits: such a verification takes 2 to 16 ms.
fn chosen(backend: Inside, case: &Case) -> Vec<bool> {
    // Wycheproof writes a zero before most.
    const CHARACTERS: usize = (2048_usize / 8 + 1).div_ceil(3) * 4;
    let modulus = match &case.keys {
        Keys::Set(set) => set.pointer("/keys/0/n").and_then(Value::as_str),
        Keys::Secret(_) => None,
    };
    let is_long =
        backend == Inside::Pure && modulus.is_some_and(|modulus| modulus.len() > CHARACTERS);
    (0..case.questions.len()).map(|at| !is_long || at.is_multiple_of(8)).collect()
}

fn part(case: &Case, chosen: &[bool]) -> Case {
    let questions = case.questions.iter().zip(chosen).filter(|(_, chosen)| **chosen);
    Case {
        keys: case.keys.clone(),
        questions: questions.map(|(question, _)| question.clone()).collect(),
    }
}

/// What the probes chose, and the verdicts.
async fn all(port: u16, backend: Inside, cases: &[Case]) -> Result<(Vec<String>, Vec<Verdict>)> {
    let permits = Arc::new(Semaphore::new(WORKERS));
    let mut sent = Vec::new();
    for batch in batches(backend, cases) {
        let permits = Arc::clone(&permits);
        let questions = batch.cases.iter().map(|case| case.questions.len()).sum();
        let body = serde_json::to_string(&batch)?;
        sent.push(tokio::spawn(async move {
            let _permit = permits.acquire().await?;
            ask_batch(port, questions, &body).await
        }));
    }
    let (mut probes, mut verdicts) = (Vec::new(), Vec::new());
    for reply in sent {
        let reply = reply.await??;
        probes.push(reply.probe);
        verdicts.extend(reply.verdicts);
    }
    Ok((probes, verdicts))
}

async fn ask_batch(port: u16, questions: usize, body: &str) -> Result<Reply> {
    let request = Request::new("POST", "/").header("host", "vectors").body(body);
    let response = request.send_to_port(port, DEADLINE).await?;
    if response.status != 200 {
        return Err(format!("the filter answered {}: {}", response.status, response.text()).into());
    }
    let reply: Reply = serde_json::from_slice(&response.body)?;
    if reply.verdicts.len() != questions {
        return Err("the filter did not answer every question".into());
    }
    Ok(reply)
}

fn batches(backend: Inside, cases: &[Case]) -> Vec<Batch<&Case>> {
    let mut batches: Vec<Batch<&Case>> = Vec::new();
    let mut room = 0;
    for case in cases {
        let size = size(case);
        match batches.last_mut() {
            Some(batch) if size <= room => batch.cases.push(case),
            Some(_) | None => {
                batches.push(Batch { backend, cases: vec![case] });
                room = BATCH_BYTES;
            }
        }
        room = room.saturating_sub(size);
    }
    batches
}

/// The characters of its questions, about.
fn size(case: &Case) -> usize {
    let sizes = case.questions.iter().map(|question| match question {
        Question::Token(token) => token.len(),
        Question::Signature { input, signature, .. } => input.len().saturating_add(signature.len()),
    });
    sizes.sum()
}

fn bootstrap(filter: &Path) -> Result<String> {
    let file = filter.to_str().ok_or("the path of the filter is not UTF-8")?;
    let loopback = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    let plugin = json!({
        "name": "vectors",
        "failure_policy": "FAIL_CLOSED",
        // The body comes to a filter that has stopped the headers.
        "allow_on_headers_stop_iteration": true,
        "vm_config": {
            "vm_id": "vectors",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": file } },
        },
    });
    let wasm = typed("http.wasm.v3.Wasm", json!({ "config": plugin }));
    let router = typed("http.router.v3.Router", json!({}));
    let direct = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 500 } });
    let manager = typed(
        "network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "vectors",
            "route_config": {
                "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [direct] }],
            },
            "http_filters": [wasm, router],
        }),
    );
    let listener = json!({
        "name": "vectors",
        "address": loopback,
        // Else both connections may be one worker's.
        "connection_balance_config": { "exact_balance": {} },
        "filter_chains": [{ "filters": [manager] }],
    });
    let config = json!({
        "admin": { "address": loopback },
        "static_resources": { "listeners": [listener] },
    });
    Ok(config.to_string())
}

/// A filter. `kind` is its message below `envoy.extensions.filters`.
fn typed(kind: &str, mut config: Value) -> Value {
    if let Value::Object(fields) = &mut config {
        let url = format!("type.googleapis.com/envoy.extensions.filters.{kind}");
        fields.insert("@type".to_owned(), Value::from(url));
    }
    json!({ "name": kind, "typed_config": config })
}

fn tail(envoy: &Envoy) -> String {
    let log = envoy.log().unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(crate::limits::SHOWN_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
