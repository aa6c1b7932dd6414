//! The collector, `sallyport.mirror.v1.Collector/Push`: takes the filter's records for the exporter and judges, in
//! shadow, the requests that come with their credentials. Those are honoured only over a Unix socket, and never stored.
//! The records were redacted before they left the proxy; here they are only checked for their shape.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use sallyport_policy::mirror::wire::{Batch, Judge, METHOD, PUSH_PATH, Receipt, Record, SERVICE};
use sallyport_policy::{Header, Outcome, RawRequest};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::certificate::ClientCertificate;
use crate::gate::{Entrance, Gate};
use crate::limits::{JUDGE_CONCURRENCY, MAX_PUSH_BYTES, MAX_RECORD_BYTES, MAX_RECORD_ID_BYTES};
use crate::queue::{Put, Queue, SeenIds};
use crate::swap::Channel;

/// The service.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Inner>);

struct Inner {
    gate: Arc<Gate>,
    /// None: there is no exporter.
    queue: Option<Arc<Queue>>,
    judged: Mutex<SeenIds>,
    judging: Arc<Semaphore>,
}

impl Collector {
    pub(crate) fn new(gate: Arc<Gate>, queue: Option<Arc<Queue>>) -> Self {
        Self(Arc::new(Inner {
            gate,
            queue,
            judged: Mutex::default(),
            judging: Arc::new(Semaphore::new(JUDGE_CONCURRENCY)),
        }))
    }

    /// Takes a batch. Every record is accounted for here, so the filter may forget all of them: a drop of ours that it
    /// sent again would be counted twice.
    fn push(&self, batch: Batch, trusted: bool) -> Receipt {
        let Batch { records, judge, policy_digest: _ } = batch;
        let metrics = &self.0.gate.metrics;
        let accepted = u64::try_from(records.len()).unwrap_or(u64::MAX);
        metrics.records("received", records.len());
        for record in records {
            self.record(record);
        }
        for item in judge {
            if trusted {
                self.judge(item);
            } else {
                metrics.judged("refused_transport");
            }
        }
        Receipt { accepted, generation: self.0.gate.loaded.load().generation() }
    }

    fn record(&self, record: Record) {
        let metrics = &self.0.gate.metrics;
        if !well_formed(&record) {
            metrics.dropped("malformed", 1);
            return;
        }
        let Some(queue) = &self.0.queue else {
            metrics.dropped("no_exporter", 1);
            return;
        };
        match queue.put(&record.id, record.line) {
            Put::Taken => {}
            Put::Duplicate => metrics.records("duplicate", 1),
            Put::Full => metrics.dropped("queue_full", 1),
        }
    }

    /// In a task of its own: the filter's batch is answered without waiting for providers.
    fn judge(&self, item: Judge) {
        let metrics = &self.0.gate.metrics;
        let new = self.0.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(&item.id);
        if !new {
            metrics.judged("duplicate");
            return;
        }
        let Ok(permit) = Arc::clone(&self.0.judging).try_acquire_owned() else {
            metrics.judged("overloaded");
            return;
        };
        let gate = Arc::clone(&self.0.gate);
        tokio::spawn(async move {
            let headers: Vec<Header<'_>> =
                item.headers.iter().map(|header| (&*header.name, &*header.value)).collect();
            let raw = RawRequest {
                method: &item.method,
                scheme: &item.scheme,
                authority: &item.authority,
                path: &item.path,
                headers: &headers,
                peer: &item.peer,
            };
            let judged =
                gate.judge(raw, ClientCertificate::None, (Entrance::Judge, Channel::Public)).await;
            if let Outcome::Deny(denial) = &judged.decision.outcome {
                let rule = judged.decision.rule.clone().unwrap_or_else(|| "".into());
                gate.metrics.would_deny(&rule, denial.reason);
            }
            gate.metrics.judged("judged");
            drop(permit);
        });
    }
}

/// What is read of a record.
#[derive(Deserialize)]
struct Head<'r> {
    #[serde(borrow)]
    id: std::borrow::Cow<'r, str>,
}

/// One JSON object on one line, that names the id it came under.
fn well_formed(record: &Record) -> bool {
    let Record { id, line } = record;
    !id.is_empty()
        && id.len() <= MAX_RECORD_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && line.len() <= MAX_RECORD_BYTES
        && line.first() == Some(&b'{')
        && !line.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
        && serde_json::from_slice::<Head<'_>>(line).is_ok_and(|head| head.id == *id)
}

impl UnaryService<Batch> for Collector {
    type Response = Receipt;
    type Future = BoxFuture<Response<Receipt>, Status>;

    fn call(&mut self, request: Request<Batch>) -> Self::Future {
        let trusted = request.extensions().get::<UdsConnectInfo>().is_some();
        let collector = self.clone();
        Box::pin(async move { Ok(Response::new(collector.push(request.into_inner(), trusted))) })
    }
}

impl Service<http::Request<Body>> for Collector {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let collector = self.clone();
        Box::pin(async move {
            if request.uri().path() != PUSH_PATH {
                return Ok(Status::unimplemented(format!("{SERVICE} has {METHOD}")).into_http());
            }
            let codec = ProstCodec::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_PUSH_BYTES);
            Ok(grpc.unary(collector, request).await)
        })
    }
}

impl NamedService for Collector {
    const NAME: &'static str = SERVICE;
}

#[cfg(test)]
mod tests {
    use super::well_formed;
    use sallyport_policy::mirror::wire::Record;

    const CASES: &[(&str, &str, &str, bool)] = &[
        ("plain", "r1", r#"{"id":"r1","rule":null}"#, true),
        ("id anywhere", "r1", r#"{"a":[1],"id":"r1"}"#, true),
        ("escaped id", "r1", r#"{"id":"\u00721"}"#, true),
        ("another id", "r1", r#"{"id":"r2"}"#, false),
        ("two ids", "r1", r#"{"id":"r1","id":"r1"}"#, false),
        ("no id", "r1", "{}", false),
        ("number as id", "1", r#"{"id":1}"#, false),
        ("array", "r1", r#"["r1"]"#, false),
        ("space before", "r1", r#" {"id":"r1"}"#, false),
        ("two lines", "r1", "{\"id\":\n\"r1\"}", false),
        ("two objects", "r1", r#"{"id":"r1"}{}"#, false),
        ("not JSON", "r1", r#"{"id":"r1""#, false),
        ("empty id", "", r#"{"id":""}"#, false),
        ("id with a space", "r 1", r#"{"id":"r 1"}"#, false),
    ];

    #[test]
    fn records_are_one_object_with_their_id() {
        for (name, id, line, expected) in CASES {
            let record = Record { id: (*id).to_owned(), line: line.as_bytes().to_vec() };
            assert_eq!(well_formed(&record), *expected, "{name}");
        }
        let id = "x".repeat(129);
        let line = format!("{{\"id\":\"{id}\"}}").into_bytes();
        assert!(!well_formed(&Record { id, line }));
    }
}
