//! Records and requests to judge, pushed as the filter does.

use sallyport_policy::mirror::wire::{Batch, Header, Judge, PUSH_PATH, Receipt, Record};
use serde_json::json;
use tonic::transport::Channel;

use super::sidecar::{Sidecar, until};

async fn push(channel: Channel, batch: Batch) -> Receipt {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(PUSH_PATH);
    let codec = tonic_prost::ProstCodec::default();
    client.unary(tonic::Request::new(batch), path, codec).await.unwrap().into_inner()
}

fn record(id: &str) -> Record {
    Record { id: id.to_owned(), line: json!({"id": id, "rule": null}).to_string().into_bytes() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_exported_once() {
    let sidecar = Sidecar::start().await;
    let channel = sidecar.channel(false).await;
    let bad = Record { id: "bad".to_owned(), line: b"{}".to_vec() };
    let batch =
        Batch { records: vec![record("r1"), record("r2"), record("r1"), bad], ..Batch::default() };
    let receipt = push(channel.clone(), batch.clone()).await;
    assert_eq!(receipt.accepted, 4);
    assert_eq!(push(channel.clone(), batch).await.accepted, 4, "sent again");
    push(channel.clone(), Batch { records: vec![record("r3")], ..Batch::default() }).await;
    let exported = "sallyport_mirror_records_total{result=\"exported\"";
    until("the export", || sidecar.metric(exported) == 3).await;
    let file = std::fs::read_to_string(sidecar.directory.join("records.ndjson")).unwrap();
    let ids: Vec<_> = file
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["r1", "r2", "r3"]);
    let count = |labels: &str| sidecar.metric(&format!("sallyport_mirror_records_total{labels}"));
    assert_eq!(count("{result=\"received\""), 9);
    assert_eq!(count("{result=\"duplicate\""), 4);
    assert_eq!(count("{result=\"dropped\",reason=\"malformed\"}"), 2);
    assert_eq!(sidecar.metric("sallyport_mirror_queued "), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_judged_over_a_unix_socket_alone() {
    let sidecar = Sidecar::start().await;
    let judge = |id: &str, token: &str| Judge {
        id: id.to_owned(),
        method: b"GET".to_vec(),
        scheme: b"https".to_vec(),
        authority: b"api.example.com".to_vec(),
        path: b"/opaque/1".to_vec(),
        headers: vec![Header {
            name: b"authorization".to_vec(),
            value: format!("Bearer {token}").into_bytes(),
        }],
        peer: b"192.0.2.1".to_vec(),
    };
    let batch = Batch {
        judge: vec![judge("j1", "inactive"), judge("j2", "active"), judge("j1", "inactive")],
        ..Batch::default()
    };
    push(sidecar.channel(false).await, batch.clone()).await;
    assert_eq!(sidecar.metric("sallyport_mirror_judged_total{result=\"refused_transport\"}"), 3);
    push(sidecar.channel(true).await, batch).await;
    until("the judgement", || {
        sidecar.metric("sallyport_mirror_judged_total{result=\"judged\"}") == 2
    })
    .await;
    let denied = "sallyport_would_deny_total{rule=\"opaque\",reason=\"token_inactive\"}";
    assert_eq!(sidecar.metric(denied), 1);
    let allowed = "sallyport_decisions_total{door=\"judge\",rule=\"opaque\",reason=\"allowed\"}";
    assert_eq!(sidecar.metric(allowed), 1);
}
