//! What a request costs at the border between Envoy and the filter: calls of the host, and copies
//! that the host makes into the filter's memory, counted in Envoy's own trace of a real run. Every
//! kind of request has its exact list, so that one call more fails here before a bench sees it.

use std::time::Duration;

use sallyport_tests::envoy::{Binary, CURRENT, Envoy, Options};
use sallyport_tests::http1::Request;
use sallyport_tests::idp::{Alg, Claims, Idp};
use sallyport_tests::parts::Parts;
use sallyport_tests::{Result, wait};
use serde_json::{Value, json};

/// How long the trace of a request may take to be written after its answer.
const TRACED: Duration = Duration::from_secs(5);
/// The name of the listener.
const LISTENER: &str = "cost";

/// Reads all headers of the request.
const READ: &str = "get_header_map_pairs";
/// Replaces all headers of the request.
const WRITE: &str = "set_header_map_pairs";
/// Has the host verify a signature.
const VERIFY: &str = "call_foreign_function";
/// Answers the request.
const ANSWER: &str = "send_local_response";

/// What a request costs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Host calls in all phases of the request, in order, without `proxy_`.
    calls: Vec<String>,
    /// Blocks that the host copied into the filter's memory.
    copies: usize,
}

/// The credential of a request.
#[derive(Debug, Clone, Copy)]
enum Token {
    /// None at all.
    None,
    /// One that was sent before.
    Known,
    /// A good one that was not.
    Fresh(Alg),
    /// One whose signature is of another key.
    Forged,
    /// One without the scope, sent before: what was verified once is not verified again.
    KnownNarrow,
}

struct Case {
    name: &'static str,
    path: &'static str,
    token: Token,
    /// A header that the client adds, if any.
    sent: Option<(&'static str, &'static str)>,
    status: u16,
    calls: &'static [&'static str],
    copies: usize,
}

const fn case(
    name: &'static str,
    path: &'static str,
    token: Token,
    status: u16,
    calls: &'static [&'static str],
    copies: usize,
) -> Case {
    Case { name, path, token, sent: None, status, calls, copies }
}

const CASES: &[Case] = &[
    case("open", "/open", Token::None, 200, &[READ], 1),
    case("warm, nothing to write", "/plain/1", Token::Known, 200, &[READ], 1),
    case("warm, three headers", "/full/1", Token::Known, 200, &[READ, WRITE], 1),
    case("warm, the credential ends here", "/last/1", Token::Known, 200, &[READ, WRITE], 1),
    Case {
        sent: Some(("x-user", "mallory")),
        ..case("warm, a forged header", "/plain/1", Token::Known, 200, &[READ, WRITE], 1)
    },
    Case {
        sent: Some(("x-other", "mine")),
        ..case("warm, a header of no concern", "/plain/1", Token::Known, 200, &[READ], 1)
    },
    case("cold RS256", "/plain/1", Token::Fresh(Alg::Rs256), 200, &[READ, VERIFY], 2),
    case("cold ES256", "/full/1", Token::Fresh(Alg::Es256), 200, &[READ, VERIFY, WRITE], 2),
    // The host cannot verify it, so that is ours to compute.
    case("cold EdDSA", "/plain/1", Token::Fresh(Alg::EdDsa), 200, &[READ], 1),
    case("denied, no token", "/plain/1", Token::None, 401, &[READ, ANSWER], 1),
    case("denied, no route", "/nowhere", Token::Known, 403, &[READ, ANSWER], 1),
    case("denied, no scope", "/plain/1", Token::KnownNarrow, 403, &[READ, ANSWER], 1),
    case("denied, bad signature", "/plain/1", Token::Forged, 401, &[READ, VERIFY, ANSWER], 2),
];

/// A request between ticks, on a worker beside the main thread.
const TRACE: &str = "\
[2026-11-22 01:35:21.3][7][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_tick(1)
[2026-11-22 01:35:21.3][7][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_get_current_time_nanoseconds(8)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_tick(1)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_get_current_time_nanoseconds(8)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_tick return: void
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_context_create(2, 1)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_get_property(1, 2, 3, 4)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_context_create return: void
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_request_headers(2, 8, 1)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_get_header_map_pairs(0, 1, 2)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_memory_allocate(259)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_memory_allocate return: 1158944
[2026-11-22 01:35:21.3][7][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_log(2, 8, 8)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm<-host] env.proxy_get_header_map_pairs return: 0
[2026-11-22 01:35:21.3][9][debug][wasm] [context.cc:1] something else
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_request_headers return: 0
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_tick(1)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm->host] env.proxy_get_current_time_nanoseconds(8)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_tick return: void
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_log(2)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [vm->host] wasi_snapshot_preview1.clock_time_get(0, 1, 8)
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_log return: void
[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host->vm] proxy_on_delete(2)
";

#[test]
fn a_trace_is_read_to_the_end_of_the_first_request() {
    assert_eq!(cost(TRACE), None);
    let end = "[2026-11-22 01:35:21.3][9][trace][wasm] [wasm_vm.cc:39] [host<-vm] proxy_on_delete return: void";
    let calls = ["get_property", "get_header_map_pairs", "wasi_snapshot_preview1.clock_time_get"];
    let calls = calls.iter().map(ToString::to_string).collect();
    assert_eq!(cost(&format!("{TRACE}{end}")), Some(Cost { calls, copies: 1 }));
}

#[tokio::test]
async fn every_kind_of_request_makes_exactly_these_host_calls() {
    let scene = Scene::open().await.unwrap();
    let mut wrong = Vec::new();
    for case in CASES {
        let calls = case.calls.iter().map(ToString::to_string).collect();
        let expected = (case.status, Cost { calls, copies: case.copies });
        let actual = scene.cost(case).await.unwrap();
        if actual != expected {
            wrong.push(format!("{}: expected {expected:?}, got {actual:?}", case.name));
        }
    }
    scene.close().await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An Envoy that traces, with one worker and our filter.
struct Scene {
    envoy: Envoy,
    idp: Idp,
    port: u16,
    known: String,
    narrow: String,
}

impl Scene {
    /// Starts all, and has the filter know two tokens. The first request waits for the issuer's
    /// keys, and so costs more than any other.
    async fn open() -> Result<Self> {
        let idp = Idp::start(0).await?;
        let wasm = std::path::absolute(Parts::find()?.wasm)?;
        let config = bootstrap(&idp, wasm.to_str().ok_or("the path of the filter is not UTF-8")?);
        let options = Options { concurrency: 1, ..Options::default() };
        let envoy = Envoy::start(&Binary::locate(CURRENT).await?, &config, options).await?;
        let port = envoy.listener_ports().await?.get(LISTENER).copied();
        let port = port.ok_or("Envoy does not listen")?;
        let known = idp.access_token(|_| {})?;
        let narrow = idp.access_token(|claims: &mut Claims| {
            claims.insert("scope".to_owned(), "orders.list".into());
        })?;
        envoy.admin_post("/logging?wasm=trace").await?;
        let scene = Self { envoy, idp, port, known, narrow };
        for (path, token) in [("/full/1", Token::Known), ("/full/1", Token::KnownNarrow)] {
            scene.cost(&case("", path, token, 0, &[], 0)).await?;
        }
        Ok(scene)
    }

    /// Sends a request, and waits until the filter has forgotten it.
    async fn cost(&self, case: &Case) -> Result<(u16, Cost)> {
        let token = match case.token {
            Token::None => None,
            Token::Known => Some(self.known.clone()),
            Token::Fresh(alg) => Some(self.idp.access_token_with(alg, |_| {})?),
            Token::Forged => Some(self.idp.bad_signature(Alg::Rs256, |_| {})?),
            Token::KnownNarrow => Some(self.narrow.clone()),
        };
        let mut request = Request::get("cost.example", case.path);
        if let Some(token) = token {
            request = request.bearer(&token);
        }
        if let Some((name, value)) = case.sent {
            request = request.header(name, value);
        }
        let before = self.envoy.log()?.len();
        let response = request.send_to_port(self.port, TRACED).await?;
        let look = || async {
            let log = self.envoy.log().ok()?;
            cost(log.get(before..)?)
        };
        let cost = wait::value(TRACED, look).await;
        Ok((response.status, cost.map_err(|_| "the trace of the request does not end")?))
    }

    async fn close(mut self) -> Result<()> {
        self.envoy.stop().await?;
        self.idp.stop().await
    }
}

/// The phase in which a request's context begins. That of a plugin has no parent.
const CREATED: &str = "proxy_on_context_create";

/// The cost of the first request in a trace; none before its context is deleted. Ticks and other
/// threads write into the same log: what counts is called while a phase of the request runs, on the
/// thread that runs it.
fn cost(trace: &str) -> Option<Cost> {
    let mut lines = trace.lines().filter_map(Line::read);
    let (thread, context) = lines.find_map(|line| match line.what {
        Border::Entered(CREATED, arguments) => {
            let (id, parent) = arguments.split_once(", ")?;
            (parent != "0").then_some((line.thread, id))
        }
        Border::Entered(..) | Border::Left(_) | Border::Called(_) => None,
    })?;
    let mut cost = Cost::default();
    // The phase of this request that is running.
    let mut phase = Some(CREATED);
    for line in lines.filter(|line| line.thread == thread) {
        match (line.what, phase) {
            (Border::Entered(name, arguments), None) => {
                let own = arguments.split(", ").next() == Some(context);
                phase = own.then_some(name);
            }
            (Border::Entered("proxy_on_memory_allocate" | "malloc", _), Some(_)) => {
                cost.copies = cost.copies.saturating_add(1);
            }
            (Border::Called(name), Some(_)) => cost.calls.push(name.to_owned()),
            (Border::Left("proxy_on_delete"), Some("proxy_on_delete")) => return Some(cost),
            (Border::Left(name), Some(running)) if name == running => phase = None,
            (Border::Entered(..) | Border::Left(_) | Border::Called(_), _) => {}
        }
    }
    None
}

/// A line of Envoy's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line<'a> {
    thread: &'a str,
    what: Border<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Border<'a> {
    /// The host enters the filter: name and arguments.
    Entered(&'a str, &'a str),
    /// The filter returns to the host.
    Left(&'a str),
    /// The filter calls the host; the name is without `proxy_`, that of a call of WASI whole.
    Called(&'a str),
}

impl<'a> Line<'a> {
    /// `[TIME][THREAD][trace][wasm] [FILE] [host->vm] NAME(ARGUMENTS)` and its kin.
    fn read(line: &'a str) -> Option<Self> {
        let (_, rest) = line.split_once("][")?;
        let (thread, rest) = rest.split_once("][trace][wasm] ")?;
        let what = if let Some((_, call)) = rest.split_once("[host->vm] ") {
            let (name, arguments) = call.split_once('(')?;
            Border::Entered(name, arguments.trim_end_matches(')'))
        } else if let Some((_, call)) = rest.split_once("[host<-vm] ") {
            Border::Left(call.split_once(' ')?.0)
        } else if let Some((_, call)) = rest.split_once("[vm->host] ") {
            let (name, _) = call.split_once('(')?;
            Border::Called(name.strip_prefix("env.proxy_").unwrap_or(name))
        } else {
            return None;
        };
        Some(Self { thread, what })
    }
}

/// One listener; `x-user` belongs to the policy, whichever route it is written on.
fn bootstrap(idp: &Idp, wasm: &str) -> String {
    let route = |name: &str, forward: Value| {
        json!({
            "name": name,
            "match": { "path": format!("/{name}/{{id}}") },
            "authenticate": [{ "jwt": "main" }],
            "scopes": { "all_of": ["orders.read"] },
            "forward": forward,
        })
    };
    let headers =
        json!({ "x-user": "{subject}", "x-tenant": "{claims.tenant}", "x-client": "{client}" });
    let policy = json!({
        "version": 1,
        "service": "cost",
        "issuers": { "main": {
            "issuer": idp.issuer(),
            "jwks": { "discovery": true, "cluster": "idp" },
            "audiences": ["orders"],
            "algorithms": ["RS256", "ES256", "EdDSA"],
        } },
        "routes": [
            {
                "name": "open",
                "match": { "path": "/open" },
                "allow": "unauthenticated",
                "forward": { "credential": "original" },
            },
            route("plain", json!({ "credential": "original" })),
            route("full", json!({ "credential": "original", "headers": headers })),
            route("last", json!({ "credential": "none" })),
        ],
    });
    let plugin = json!({ "policy": policy, "shared_data": true });
    let filter = json!({ "config": {
        "name": "cost",
        "root_id": "cost",
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": plugin.to_string(),
        },
        "vm_config": {
            "vm_id": "cost",
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": wasm } },
        },
    } });
    let direct = json!({ "status": 200, "body": { "inline_string": "ok\n" } });
    let all = json!({ "match": { "prefix": "/" }, "direct_response": direct });
    let manager = json!({
        "stat_prefix": LISTENER,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [all] }] },
        "http_filters": [
            typed("http.wasm.v3.Wasm", filter),
            typed("http.router.v3.Router", json!({})),
        ],
    });
    let manager = typed("network.http_connection_manager.v3.HttpConnectionManager", manager);
    let endpoint = json!({ "endpoint": { "address": loopback(idp.port()) } });
    let cluster = json!({
        "name": "idp",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": "idp", "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    let listener = json!({
        "name": LISTENER,
        "address": loopback(0),
        "filter_chains": [{ "filters": [manager] }],
    });
    json!({
        "admin": { "address": loopback(0) },
        "static_resources": { "clusters": [cluster], "listeners": [listener] },
    })
    .to_string()
}

fn typed(kind: &str, mut config: Value) -> Value {
    if let Value::Object(fields) = &mut config {
        let url = format!("type.googleapis.com/envoy.extensions.filters.{kind}");
        fields.insert("@type".to_owned(), Value::from(url));
    }
    json!({ "name": kind, "typed_config": config })
}

fn loopback(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}
