//! The contract of `sallyport check` and `explain`, word by word: one row for each member of input and output, for each
//! option and exit code that other programs rely on.

use serde_json::{Value, json};

use crate::run::{Folder, Run, sallyport};
use crate::token::{NOW, certificate, claims, key_set, sign};

const POLICY: &str = r#"
version: 1
service: orders
timeout: 2s
issuers:
  main: { issuer: "http://127.0.0.1:18080/realms/main", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } }, audiences: [orders] }
roles: [roles.yaml]
mirror: { sink: { sidecar: {} } }
routes:
  - name: order
    match: { path: "/orders/{id}" }
    authenticate: [{ jwt: main }, { introspection: opaque }, { client_certificate: { subject: uri_san } }]
    forward: { headers: { x-user: "{subject}", x-scheme: "{scheme}" } }
  - { name: scoped, match: { path: /scoped }, authenticate: [{ jwt: main }], scopes: { all_of: [admin] } }
  - { name: role, match: { methods: [DELETE], path: /role }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }
  - { name: later, mode: async, match: { path: /later }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }
  - { name: open, match: { path: /open }, allow: unauthenticated }
  - { name: page, match: { path: /page }, authenticate: [{ jwt: main }], on_deny: { redirect: { to: "https://sso.example/login", return_to: rd } } }
  - { name: across, match: { path: /across }, allow: unauthenticated, cors: { origins: ["https://app.example.com"] } }
  - name: shaped
    match: { path: "/shaped/{id}" }
    authenticate: [{ jwt: main, from: { query: token } }]
    forward:
      append_headers: { x-trace: "{path.id}" }
      remove_headers: [x-gone]
      cookies: { user: "{subject}" }
      query: { tenant: "{claims.tenant}" }
      path: "/v2/{path.id}"
"#;
const ROLES: &str = "kind: Role
metadata: { name: r }
rules: [{ api: '', resources: [''], namespaces: [''], verbs: [create, get, update, delete] }]
---
kind: RoleBinding
metadata: { name: b }
roles: [r]
users: [nobody]";

/// What the word promises of one line, at a JSON pointer.
struct Row {
    word: &'static str,
    /// Arguments besides the policy, the time, the keys and the replies.
    more: &'static [&'static str],
    /// Members over those of [`request`]; null takes one away.
    over: &'static str,
    at: &'static str,
    expected: &'static str,
}

const fn row(
    word: &'static str,
    over: &'static str,
    at: &'static str,
    expected: &'static str,
) -> Row {
    Row { word, more: &[], over, at, expected }
}

const INPUT: &[Row] = &[
    row("id: text", r#"{"id":"a"}"#, "/id", r#""a""#),
    row("id: a number", r#"{"id":7}"#, "/id", "7"),
    row("id: none", r#"{"id":null}"#, "/id", "null"),
    row("method", r#"{"method":"DELETE","path":"/role"}"#, "/rule", r#""role""#),
    row("scheme", r#"{"scheme":"http"}"#, "/upstream/set/0", r#"["x-scheme","http"]"#),
    row("host", r#"{"host":"a b"}"#, "/reason", r#""request_malformed""#),
    row("path", r#"{"path":"/open"}"#, "/rule", r#""open""#),
    row("path with a query", r#"{"path":"/open?a=1"}"#, "/upstream/path", r#""/open?a=1""#),
    row("headers", r#"{"headers":[]}"#, "/reason", r#""token_missing""#),
    row("headers: none", r#"{"headers":null}"#, "/reason", r#""token_missing""#),
    row(
        "headers: a name twice",
        r#"{"headers":[["authorization","Bearer a"],["Authorization","Bearer b"]]}"#,
        "/reason",
        r#""credential_ambiguous""#,
    ),
    row(
        "a header value that is not UTF-8",
        r#"{"headers":[["authorization",{"base64":"QmVhcmVyIP8="}]]}"#,
        "/reason",
        r#""token_malformed""#,
    ),
    row("source: ip:port", r#"{"source":"[2001:db8::1]:9"}"#, "/decision", r#""allow""#),
    row("source: none", r#"{"source":null}"#, "/decision", r#""allow""#),
    row(
        "peer_certificate: PEM",
        r#"{"headers":[],"peer_certificate":"{certificate}"}"#,
        "/identity/issuer",
        r#""client_certificate""#,
    ),
    row("body: base64", r#"{"method":"POST","body":"e30="}"#, "/decision", r#""allow""#),
];

const OUTPUT: &[Row] = &[
    row("decision: allow", "{}", "/decision", r#""allow""#),
    row("decision: deny", r#"{"path":"/nowhere"}"#, "/decision", r#""deny""#),
    row("status of an allow is 200", "{}", "/status", "200"),
    row("status of a denial", r#"{"headers":[]}"#, "/status", "401"),
    row(
        "status of a redirect",
        r#"{"path":"/page","headers":[["accept","text/html"]]}"#,
        "/status",
        "302",
    ),
    row(
        "status of a gRPC denial",
        r#"{"headers":[["content-type","application/grpc"]]}"#,
        "/status",
        "401",
    ),
    row("rule", "{}", "/rule", r#""order""#),
    row("rule: none", r#"{"path":"/nowhere"}"#, "/rule", "null"),
    row("reason of an allow is allowed", "{}", "/reason", r#""allowed""#),
    row(
        "reason of an open route",
        r#"{"path":"/open"}"#,
        "/reason",
        r#""allowed_unauthenticated""#,
    ),
    row("reason of a denial", r#"{"path":"/scoped"}"#, "/reason", r#""scope_missing""#),
    row("door: the filter", "{}", "/door", r#""filter""#),
    row(
        "door: the sidecar",
        r#"{"headers":[["authorization","Bearer opaque-1"]]}"#,
        "/door",
        r#""sidecar""#,
    ),
    row("door of an async route: nobody waits", r#"{"path":"/later"}"#, "/door", r#""filter""#),
    row("identity: issuer", "{}", "/identity/issuer", r#""main""#),
    row(
        "identity: issuer of an introspected token",
        r#"{"headers":[["authorization","Bearer opaque-1"]]}"#,
        "/identity/issuer",
        r#""opaque""#,
    ),
    row("identity: subject", "{}", "/identity/subject", r#""5f1c0c1e-alice""#),
    row("identity: client", "{}", "/identity/client", r#""shop""#),
    row("identity: scopes", "{}", "/identity/scopes", r#"["orders.read","orders.write"]"#),
    row("identity: roles", "{}", "/identity/roles", r#"["customer"]"#),
    row("identity: claims", "{}", "/identity/claims/tenant", r#""acme""#),
    row("identity: none", r#"{"path":"/open"}"#, "/identity", "null"),
    row(
        "identity of a caller who may not",
        r#"{"path":"/scoped"}"#,
        "/identity/subject",
        r#""5f1c0c1e-alice""#,
    ),
    row(
        "upstream: set",
        "{}",
        "/upstream/set",
        r#"[["x-scheme","https"],["x-user","5f1c0c1e-alice"]]"#,
    ),
    row(
        "upstream: set, what is added to",
        r#"{"path":"/shaped/7?token={token}","headers":[["x-trace","a"]]}"#,
        "/upstream/set",
        r#"[["x-trace","a, 7"],["cookie","user=5f1c0c1e-alice"]]"#,
    ),
    row("upstream: remove", "{}", "/upstream/remove", r#"["authorization"]"#),
    row(
        "upstream: remove, of this route",
        r#"{"path":"/shaped/7?token={token}","headers":[["x-gone","a"]]}"#,
        "/upstream/remove",
        r#"["authorization","x-gone","x-scheme","x-user"]"#,
    ),
    row("upstream: path", "{}", "/upstream/path", r#""/orders/7?q=1""#),
    row(
        "upstream: path, rewritten",
        r#"{"path":"/shaped/7?token={token}&a=1"}"#,
        "/upstream/path",
        r#""/v2/7?a=1&tenant=acme""#,
    ),
    row("upstream of a denial", r#"{"headers":[]}"#, "/upstream", "null"),
    row(
        "response: headers",
        r#"{"path":"/scoped"}"#,
        "/response/headers/2",
        r#"["www-authenticate","Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"admin\""]"#,
    ),
    row(
        "response: headers of a redirect",
        r#"{"path":"/page","headers":[["accept","text/html"]]}"#,
        "/response/headers/2",
        r#"["location","https://sso.example/login?rd=https%3A%2F%2Fapi.example.com%2Fpage"]"#,
    ),
    row(
        "response: body",
        r#"{"path":"/nowhere","headers":[["accept","text/plain"]]}"#,
        "/response/body",
        r#""403 no_route: no rule allows this request (decision r)\n""#,
    ),
    row("response of an allow", "{}", "/response", "null"),
    row(
        "response of an allow to a page of another origin",
        r#"{"path":"/across","headers":[["origin","https://app.example.com"]]}"#,
        "/response",
        r#"{"headers":[["access-control-allow-origin","https://app.example.com"],["vary","origin"]],"body":""}"#,
    ),
    row("would_deny: null", "{}", "/would_deny", "null"),
    row(
        "would_deny: of the sidecar, for an async route",
        r#"{"path":"/later"}"#,
        "/would_deny",
        r#""role_missing""#,
    ),
    Row {
        more: &["--shadow"],
        ..row("--shadow", r#"{"path":"/scoped"}"#, "/would_deny", r#""scope_missing""#)
    },
    Row {
        more: &["--shadow"],
        ..row("--shadow: the answer", r#"{"path":"/scoped"}"#, "/status", "200")
    },
    row(
        "introspection: a token that the file does not name",
        r#"{"headers":[["authorization","Bearer opaque-9"]]}"#,
        "/reason",
        r#""token_inactive""#,
    ),
    row(
        "introspection: a reply that is none",
        r#"{"headers":[["authorization","Bearer opaque-2"]]}"#,
        "/reason",
        r#""dependency_unavailable""#,
    ),
];

/// Members of the output, in order; of the objects in it, too.
const MEMBERS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "id",
            "decision",
            "status",
            "rule",
            "reason",
            "door",
            "identity",
            "upstream",
            "response",
            "would_deny",
        ],
    ),
    ("/identity", &["issuer", "subject", "client", "scopes", "roles", "claims"]),
    ("/upstream", &["set", "remove", "path"]),
];

fn request(over: &str) -> Value {
    let token = sign(&claims("orders.read orders.write"));
    let over = over
        .replace("{token}", &token)
        .replace("{certificate}", &certificate().replace('\n', "\\n"));
    let mut request = json!({
        "id": "r", "method": "GET", "scheme": "https", "host": "api.example.com", "path": "/orders/7?q=1",
        "headers": [["authorization", format!("Bearer {token}")]], "source": "192.0.2.7:4711",
        "peer_certificate": null, "body": null,
    });
    let over: Value = serde_json::from_str(&over).unwrap();
    request.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    request
}

/// `given`: whether keys and replies are.
fn run(folder: &Folder, command: &str, given: bool, more: &[&str], input: &str) -> Run {
    let policy = folder.write("policy.yaml", POLICY);
    folder.write("roles.yaml", ROLES);
    let keys = format!("main={}", folder.write("a=keys.json", &key_set()));
    let mut active = claims("orders.read");
    active["active"] = json!(true);
    let replies = json!({ "opaque-1": active, "opaque-2": "none" }).to_string();
    let replies = format!("opaque={}", folder.write("b=replies.json", &replies));
    let now = NOW.to_string();
    let mut all = vec![command, "--policy", &policy, "--now", &now];
    if given {
        all.extend(["--jwks", &keys, "--introspection", &replies]);
    }
    all.extend(more);
    sallyport(&all, input)
}

#[test]
fn every_word_of_the_line() {
    let folder = Folder::new("contract");
    let mut wrong = Vec::new();
    for Row { word, more, over, at, expected } in INPUT.iter().chain(OUTPUT) {
        let run =
            run(&folder, "check", true, &[&["--json"], *more].concat(), &request(over).to_string());
        let lines = run.lines();
        let found = lines.first().and_then(|line| line.pointer(at)).map(Value::to_string);
        let expected: Value = serde_json::from_str(expected).unwrap();
        if (run.code, lines.len()) != (0, 1) || found != Some(expected.to_string()) {
            wrong.push(format!("{word}: {at}: {found:?}, not {expected}: {}", run.err));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_member_more_and_none_less() {
    let folder = Folder::new("contract-members");
    let run = run(&folder, "check", true, &["--json"], &request("{}").to_string());
    let line = &run.lines()[0];
    for (at, expected) in MEMBERS {
        let object = line.pointer(at).and_then(Value::as_object).unwrap();
        assert_eq!(object.len(), expected.len(), "{at}: {object:?}");
        let text = run.out.split_once(&format!("\"{}\":{{", at.trim_start_matches('/')));
        let mut rest = text.map_or(run.out.as_str(), |(_, rest)| rest);
        for name in *expected {
            rest = rest.split_once(&format!("\"{name}\":")).unwrap().1;
        }
    }
}

#[test]
fn what_was_not_given_is_unavailable() {
    let folder = Folder::new("contract-unavailable");
    let opaque = request(r#"{"headers":[["authorization","Bearer opaque-1"]]}"#);
    for line in [request("{}"), opaque] {
        let run = run(&folder, "check", false, &["--json"], &line.to_string());
        let line = &run.lines()[0];
        assert_eq!((run.code, &line["status"]), (0, &json!(503)), "{line}");
        assert_eq!(line["reason"], "dependency_unavailable", "{line}");
    }
}

#[test]
fn one_line_each_in_order_and_nothing_else() {
    let folder = Folder::new("contract-lines");
    let ids = 0..50;
    let line = |id| format!("{}\r\n\n", request(&json!({ "id": id }).to_string()));
    let input: String = ids.clone().map(line).collect();
    for command in ["check", "explain"] {
        let run = run(&folder, command, true, &["--json"], &input);
        let found: Vec<Value> = run.lines().iter().map(|line| line["id"].clone()).collect();
        assert_eq!(found, ids.clone().map(|id| json!(id)).collect::<Vec<_>>(), "{command}");
        assert_eq!(run.code, 0, "{command}");
    }
}

/// What explain takes and tells besides: the same input, and the whole way.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("rules considered", "/routes/0/name", r#""scoped""#),
    ("which judges", "/routes/0/chosen", "true"),
    ("credentials seen", "/steps/0/what", r#""credential, authorization: bearer""#),
    ("checks in order", "/steps/1/what", r#""jwt main""#),
    ("the last check", "/steps/2/what", r#""scopes""#),
    ("which one decided", "/steps/2/decides", "true"),
    ("the decision", "/decision/reason", r#""scope_missing""#),
];

#[test]
fn the_whole_way_of_one_decision() {
    let folder = Folder::new("contract-explain");
    let run =
        run(&folder, "explain", true, &["--json"], &request(r#"{"path":"/scoped"}"#).to_string());
    let line = &run.lines()[0];
    for (word, at, expected) in EXPLAINED {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(line.pointer(at), Some(&expected), "{word}: {line}");
    }
    let (steps, routes) = (&line["steps"], &line["routes"]);
    assert_eq!(
        (steps.as_array().map(Vec::len), routes.as_array().map(Vec::len)),
        (Some(3), Some(1))
    );
}

#[test]
fn explain_takes_what_check_takes() {
    let folder = Folder::new("contract-same");
    for Row { word, more, over, .. } in INPUT.iter().chain(OUTPUT) {
        let input = request(over).to_string();
        let more = [&["--json"], *more].concat();
        let (checked, explained) = (
            run(&folder, "check", true, &more, &input),
            run(&folder, "explain", true, &more, &input),
        );
        assert_eq!(checked.code, explained.code, "{word}");
        let (checked, explained) = (&checked.lines()[0], &explained.lines()[0]);
        for member in ["decision", "status", "rule", "reason", "door", "would_deny"] {
            assert_eq!(explained["decision"][member], checked[member], "{word}: {member}");
        }
    }
}

/// Exit code, and whether anything is printed.
const CODES: &[(&str, &[&str], &str, i32, bool)] = &[
    ("as asked", &[], r#"{"method":"GET","host":"a","path":"/open"}"#, 0, true),
    ("denials too", &[], r#"{"method":"GET","host":"a","path":"/nowhere"}"#, 0, true),
    ("nothing asked", &[], "", 0, false),
    ("wrong use: an option that there is not", &["--nothing"], "", 2, false),
    ("wrong use: no number", &["--now", "soon"], "", 2, false),
    ("wrong use: no such issuer", &["--jwks", "other=keys.json"], "", 2, false),
    ("wrong use: keys for an introspection", &["--jwks", "opaque=keys.json"], "", 2, false),
    ("wrong use: no file", &["--introspection", "opaque"], "", 2, false),
    ("unreadable input: no such file", &["--jwks", "main=nowhere.json"], "", 2, false),
    ("unreadable input: no JSON", &[], "GET /", 2, false),
    (
        "unreadable input: an unknown member",
        &[],
        r#"{"method":"GET","host":"a","path":"/open","x":1}"#,
        2,
        false,
    ),
    ("unreadable input: a member missing", &[], r#"{"method":"GET","host":"a"}"#, 2, false),
];

#[test]
fn exit_codes() {
    let folder = Folder::new("contract-codes");
    for (word, more, input, code, printed) in CODES {
        for command in ["check", "explain"] {
            let run = run(&folder, command, false, more, input);
            assert_eq!(
                (run.code, !run.out.is_empty()),
                (*code, *printed),
                "{command}, {word}: {}",
                run.err
            );
            assert_eq!(run.err.is_empty(), *code == 0, "{command}, {word}: {}", run.err);
        }
    }
    let broken = folder.write("broken.yaml", "version: 1\nroutes: [{}]");
    for command in ["check", "explain"] {
        let run = sallyport(&[command, "--policy", &broken], "");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{command}");
    }
}
