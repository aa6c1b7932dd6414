//! Policy documents and role files. A policy that loads denies whoever has no credential, but where it says `allow:
//! unauthenticated`; its copy for the filter loads, is the same policy by its digest, and has no secret in it.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use sallyport_jwt::{Pure, UnixTime};
use sallyport_policy::{
    Call, Check, Context, Decision, Document, Format, Identity, IssuerId, KeySource, KeyState,
    PeerCertificate, Policy, RawRequest, Reason, Remembered, Reply, Request, RoleFile, Side, Step,
    TokenMemory, json_schema,
};
use serde_json::Value;

use super::{Outcome, Target, must, no_words};
use crate::mutate::Mutator;
use crate::seeds;

pub(super) const POLICY: Target = Target {
    name: "policy",
    about: "policy documents in JSON and YAML, and what they allow without a credential",
    run: policy,
    seeds: policies,
    words: schema_words,
    mutate: Mutator::yaml,
    grows: true,
};

pub(super) const ROLES: Target = Target {
    name: "roles",
    about: "role files",
    run: roles,
    seeds: || seeds::files_below("tests/fixtures", "roles.yaml"),
    words: no_words,
    mutate: Mutator::yaml,
    grows: true,
};

/// What stands for every role file that a document names.
static ROLE_TEXT: LazyLock<Result<String, String>> = LazyLock::new(|| {
    let text = seeds::file("tests/fixtures/agreement/roles.yaml")?;
    String::from_utf8(text).map_err(|error| error.to_string())
});

/// The fixtures as they are written, and each as JSON: so that the value changes and not only the text.
fn policies() -> Result<Vec<Vec<u8>>, String> {
    let mut all = seeds::files_below("tests/fixtures", "policy.yaml")?;
    all.push(seeds::file("envoy/quickstart/policy.yaml")?);
    let json: Vec<Vec<u8>> = all
        .iter()
        .filter_map(|text| serde_saphyr::from_str::<Value>(std::str::from_utf8(text).ok()?).ok())
        .map(|value| value.to_string().into_bytes())
        .collect();
    all.extend(json);
    all.extend(seeds::folder("fuzz/seeds/policy")?);
    Ok(all)
}

/// Every field and word of the schema.
fn schema_words() -> Vec<String> {
    fn collect(value: &Value, words: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                words.extend(
                    members
                        .get("properties")
                        .and_then(Value::as_object)
                        .into_iter()
                        .flat_map(|p| p.keys().cloned()),
                );
                words.extend(members.get("const").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| collect(value, words));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, words)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut words: BTreeSet<String> = WORDS.iter().map(ToString::to_string).collect();
    collect(&json_schema(), &mut words);
    words.into_iter().collect()
}

const WORDS: &[&str] = &[
    "/{**}",
    "/{*}",
    "/{id}",
    "/a/{id}/b",
    "/{a}{b}",
    "/%2F",
    "//",
    "/.",
    "*.example.com",
    "*",
    "GET",
    "get",
    "sync",
    "async",
    "open",
    "closed",
    "none",
    "original",
    "any",
    "all",
    "{subject}",
    "{claims.a}",
    "{path.id}",
    "{",
    "}}",
    "1s",
    "0s",
    "-1s",
    "9999999999999999999h",
    "1h1h",
    "authorization",
    "x-user",
    ":path",
    "unauthenticated",
    "list_all",
    "{tenantid}",
    "https://login.microsoftonline.com/{tenantid}/v2.0",
    "a.\"b.c\".d",
];

fn policy(input: &[u8]) -> Outcome {
    let json = Document::parse(input, Format::Json).ok();
    let yaml = Document::parse(input, Format::Yaml).ok();
    if let (Some(json), Some(yaml)) = (&json, &yaml) {
        must(json.digest() == yaml.digest(), || "one policy as JSON, another as YAML".to_owned())?;
    }
    let mut accepted = false;
    for document in [json, yaml].into_iter().flatten() {
        accepted |= loads(&document)?;
    }
    Ok(accepted)
}

fn loads(document: &Document) -> Outcome {
    let copy = Document::from_value(document.filter_copy())
        .map_err(|problems| format!("the filter's copy is none: {problems:?}"))?;
    must(copy.digest() == document.digest(), || "the filter's copy is another policy".to_owned())?;
    must(copy.role_files().is_empty(), || "role files in the filter's copy".to_owned())?;
    let roles = ROLE_TEXT.as_ref()?;
    let files = document.role_files().iter().take(4);
    let files: Vec<RoleFile> =
        files.map(|name| RoleFile { name: name.clone(), text: roles.clone() }).collect();
    let Ok((policy, _)) = Policy::compile(document, &files) else { return Ok(false) };
    let (filter, _) = Policy::compile_filter_copy(&copy)
        .map_err(|problems| format!("it loads, and its copy does not: {problems:?}"))?;
    must(policy.digest() == filter.digest(), || "the doors have different digests".to_owned())?;
    for (policy, side) in
        [(&policy, Side::Sidecar), (&filter, Side::FilterAsking), (&filter, Side::FilterBefore)]
    {
        denies_strangers(policy, side)?;
    }
    Ok(true)
}

const PATHS: &[&[u8]] = &[
    b"/",
    b"/healthz",
    b"/orders/1",
    b"/clusters/c",
    b"/admin/x/y",
    b"/a/b/c;d?e=f",
    b"/reports/%C3%A9",
    b"*",
];
const HOSTS: &[&[u8]] = &[b"api.example.com", b"admin.example.com:443", b"x.internal.example"];
const TOKENS: &[Option<&[u8]>] = &[
    None,
    Some(b"Bearer opaque"),
    Some(b"Bearer eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjE4MDgwL3JlYWxtcy9tYWluIiwiZXhwIjo0MTAyNDQ0ODAwLCJhdWQiOiJvcmRlcnMifQ.AAAA"),
];

/// Requests with no credential, and with two that nobody made.
fn denies_strangers(policy: &Policy, side: Side) -> Result<(), String> {
    for (index, path) in PATHS.iter().enumerate() {
        let host = HOSTS[index % HOSTS.len()];
        let token = TOKENS[index / 2 % TOKENS.len()];
        let headers: Vec<(&[u8], &[u8])> =
            token.map(|token| (b"authorization".as_slice(), token)).into_iter().collect();
        let raw = RawRequest {
            method: b"GET",
            scheme: b"https",
            authority: host,
            path,
            headers: &headers,
            peer: b"192.0.2.1",
        };
        let Ok(request) = Request::parse(raw) else { continue };
        let decision = decide(policy, side, &request)?;
        let open = matches!(
            decision.reason,
            Reason::AllowedUnauthenticated | Reason::AllowedByFailureMode
        );
        let owed = decision.would_deny.is_some() || decision.deferred;
        // In topology B the filter leaves to the sidecar what is the sidecar's.
        let left = side == Side::FilterBefore;
        must(!decision.allows() || open || owed || left, || {
            format!("{side:?} allows a stranger {}: {decision:?}", String::from_utf8_lossy(path))
        })?;
    }
    Ok(())
}

/// With no keys, no certificate, no sidecar and no provider.
fn decide(policy: &Policy, side: Side, request: &Request<'_>) -> Result<Decision, String> {
    let context = Context {
        policy,
        keys: &Nothing,
        tokens: &Nothing,
        backend: &Pure,
        now: UnixTime(1_800_000_000),
        side,
    };
    let (mut check, mut step) = Check::start(&context, request);
    for _ in 0..32 {
        match step {
            Step::Decided(decision) => return Ok(*decision),
            Step::Ask(call) => {
                let reply = match call {
                    Call::Keys { .. } => Reply::Keys,
                    Call::Introspect { .. } => Reply::Introspection(None),
                    Call::PeerCertificate { .. } => Reply::PeerCertificate(PeerCertificate::Absent),
                    Call::Sidecar { .. } => Reply::Verdict(None),
                };
                step = check.resume(&context, request, reply);
            }
        }
    }
    Err("it asks without end".to_owned())
}

/// Knows no key and no token.
struct Nothing;

impl KeySource for Nothing {
    fn keys(&self, _: IssuerId) -> KeyState {
        KeyState::Unavailable
    }
}

impl TokenMemory for Nothing {
    fn recall(&self, _: &[u8], _: UnixTime) -> Option<Remembered> {
        None
    }
    fn remember(&self, _: &[u8], _: &Arc<Identity>) {}
    fn remember_refusal(&self, _: &[u8], _: IssuerId, _: UnixTime) {}
}

/// A policy that asks for roles.
static WITH_ROLES: LazyLock<Result<Document, String>> = LazyLock::new(|| {
    let policy = seeds::file("tests/fixtures/agreement/policy.yaml")?;
    Document::parse(&policy, Format::Yaml).map_err(|problems| format!("{problems:?}"))
});

fn roles(input: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(input) else { return Ok(false) };
    let document = WITH_ROLES.as_ref()?;
    let file = RoleFile { name: "roles.yaml".to_owned(), text: text.to_owned() };
    let Ok((policy, _)) = Policy::compile(document, &[file]) else { return Ok(false) };
    denies_strangers(&policy, Side::Sidecar)?;
    Ok(true)
}
