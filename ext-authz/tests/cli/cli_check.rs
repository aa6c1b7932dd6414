//! `sallyport check`: the contract's lines, and where each decision is made.

use serde_json::{Value, json};

use crate::run::{Folder, Run, sallyport};
use crate::token::{NOW, claims, key_set, sign};

const POLICY: &str = "envoy/quickstart/policy.yaml";

/// Which answers the command is given.
#[derive(Clone, Copy, PartialEq)]
enum Given {
    Both,
    NoKeys,
    NoReplies,
    Shadow,
}

fn check(folder: &Folder, given: Given, arguments: &[&str], input: &str) -> Run {
    let keys = folder.write("keys.json", &key_set());
    let mut active = claims("reports.read");
    active["active"] = json!(true);
    let replies = folder.write("replies.json", &json!({ "opaque-1": active }).to_string());
    let (now, keys) = (NOW.to_string(), format!("main={keys}"));
    let replies = format!("opaque={replies}");
    let mut all = vec!["check", "--policy", POLICY, "--now", &now, "--json"];
    if given != Given::NoKeys {
        all.extend(["--jwks", &keys]);
    }
    if given != Given::NoReplies {
        all.extend(["--introspection", &replies]);
    }
    if given == Given::Shadow {
        all.push("--shadow");
    }
    all.extend(arguments);
    sallyport(&all, input)
}

fn request(id: &str, method: &str, path: &str, token: Option<&str>) -> Value {
    let headers: Vec<_> = token
        .map(|token| json!(["authorization", format!("Bearer {token}")]))
        .into_iter()
        .collect();
    json!({ "id": id, "method": method, "scheme": "http", "host": "api.example:80", "path": path, "headers": headers,
        "source": "192.0.2.7:4711" })
}

/// Decision, status, rule, reason, door, would_deny.
type Expected =
    (&'static str, u16, Option<&'static str>, &'static str, &'static str, Option<&'static str>);
/// Name, what is given, method, path, scope of a JWT or `=` and an opaque token or none.
type Case = (&'static str, Given, &'static str, &'static str, Option<&'static str>, Expected);

const CASES: &[Case] = &[
    (
        "scope",
        Given::Both,
        "GET",
        "/orders/1?q=1",
        Some("orders.read"),
        ("allow", 200, Some("read-order"), "allowed", "filter", None),
    ),
    (
        "no token",
        Given::Both,
        "GET",
        "/orders/1",
        None,
        ("deny", 401, Some("read-order"), "token_missing", "filter", None),
    ),
    (
        "scope missing",
        Given::Both,
        "GET",
        "/admin/a/b",
        Some("orders.read"),
        ("deny", 403, Some("admin"), "scope_missing", "filter", None),
    ),
    (
        "open",
        Given::Both,
        "GET",
        "/healthz",
        None,
        ("allow", 200, Some("health"), "allowed_unauthenticated", "filter", None),
    ),
    (
        "no route",
        Given::Both,
        "GET",
        "/nowhere",
        None,
        ("deny", 403, None, "no_route", "filter", None),
    ),
    (
        "hidden dots",
        Given::Both,
        "GET",
        "/orders/%2e%2e/admin/x",
        Some("admin"),
        ("deny", 400, None, "request_malformed", "filter", None),
    ),
    (
        "no keys",
        Given::NoKeys,
        "GET",
        "/orders/1",
        Some("orders.read"),
        ("deny", 503, Some("read-order"), "dependency_unavailable", "filter", None),
    ),
    (
        "role allows",
        Given::Both,
        "GET",
        "/clusters/c1",
        Some(""),
        ("allow", 200, Some("cluster"), "allowed", "sidecar", None),
    ),
    (
        "role denies the verb",
        Given::Both,
        "DELETE",
        "/clusters/c1",
        Some(""),
        ("deny", 403, Some("cluster"), "role_missing", "sidecar", None),
    ),
    (
        "async",
        Given::Both,
        "GET",
        "/shadow/clusters/c1",
        Some(""),
        ("allow", 200, Some("cluster-shadow"), "allowed", "filter", Some("role_missing")),
    ),
    (
        "opaque and active",
        Given::Both,
        "GET",
        "/reports/1",
        Some("=opaque-1"),
        ("allow", 200, Some("read-report"), "allowed", "sidecar", None),
    ),
    (
        "opaque and unknown",
        Given::Both,
        "GET",
        "/reports/1",
        Some("=opaque-2"),
        ("deny", 401, Some("read-report"), "token_inactive", "sidecar", None),
    ),
    (
        "no provider",
        Given::NoReplies,
        "GET",
        "/reports/1",
        Some("=opaque-1"),
        ("deny", 503, Some("read-report"), "dependency_unavailable", "sidecar", None),
    ),
    (
        "shadow",
        Given::Shadow,
        "GET",
        "/admin/a",
        Some("orders.read"),
        ("allow", 200, Some("admin"), "allowed", "filter", Some("scope_missing")),
    ),
    (
        "shadow of the sidecar",
        Given::Shadow,
        "DELETE",
        "/clusters/c1",
        Some(""),
        ("allow", 200, Some("cluster"), "allowed", "sidecar", Some("role_missing")),
    ),
    (
        "shadow judges routes alone",
        Given::Shadow,
        "GET",
        "/nowhere",
        None,
        ("deny", 403, None, "no_route", "filter", None),
    ),
];

#[test]
fn decisions() {
    let folder = Folder::new("decisions");
    for (name, given, method, path, credential, expected) in CASES {
        let token = credential.map(|text| match text.strip_prefix('=') {
            Some(opaque) => opaque.to_owned(),
            None => sign(&claims(text)),
        });
        let line = request(name, method, path, token.as_deref()).to_string();
        let run = check(&folder, *given, &[], &line);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let [found] = &run.lines()[..] else { panic!("{name}: {}", run.out) };
        let (decision, status, rule, reason, door, would_deny) = expected;
        let members = ["id", "decision", "status", "rule", "reason", "door", "would_deny"];
        let found: Vec<_> = members.iter().map(|member| found[member].clone()).collect();
        let expected = json!([name, decision, status, rule, reason, door, would_deny]);
        assert_eq!(json!(found), expected, "{name}");
    }
}

#[test]
fn the_line_of_an_allow() {
    let folder = Folder::new("allow");
    let token = sign(&claims("orders.read"));
    let line = request("r1", "GET", "/orders/1?q=%20", Some(&token)).to_string();
    let run = check(&folder, Given::Both, &[], &line);
    let expected = format!(
        concat!(
            r#"{{"id":"r1","decision":"allow","status":200,"rule":"read-order","reason":"allowed","door":"filter","#,
            r#""identity":{{"issuer":"main","subject":"5f1c0c1e-alice","client":"shop","scopes":["orders.read"],"#,
            r#""roles":["customer"],"claims":{}}},"#,
            r#""upstream":{{"set":[["x-client","shop"],["x-tenant","acme"],["x-user","5f1c0c1e-alice"]],"#,
            r#""remove":["authorization"],"path":"/orders/1?q=%20"}},"response":null,"would_deny":null}}"#,
            "\n"
        ),
        claims("orders.read")
    );
    assert_eq!(run.out, expected);
}

#[test]
fn the_line_of_a_denial() {
    let folder = Folder::new("denial");
    let run =
        check(&folder, Given::Both, &[], &request("r2", "GET", "/orders/1", None).to_string());
    let body = concat!(
        r#"{"type":"urn:sallyport:reason:token_missing","title":"Unauthorized","status":401,"#,
        r#""detail":"no access token was presented","reason":"token_missing","rule":"read-order","decision":"r2"}"#
    );
    let expected = json!({
        "id": "r2", "decision": "deny", "status": 401, "rule": "read-order", "reason": "token_missing",
        "door": "filter", "identity": null, "upstream": null,
        "response": {
            "headers": [
                ["content-type", "application/problem+json"],
                ["cache-control", "no-store"],
                ["www-authenticate", "Bearer realm=\"orders\""],
            ],
            "body": body,
        },
        "would_deny": null,
    });
    assert_eq!(run.out, format!("{expected}\n"));
}

#[test]
fn what_the_gate_owns_is_named_for_removal() {
    let folder = Folder::new("removal");
    let run = check(&folder, Given::Both, &[], r#"{"method":"GET","host":"a","path":"/healthz"}"#);
    let upstream = json!({ "set": [], "remove": ["authorization", "x-client", "x-tenant", "x-user"], "path": "/healthz" });
    assert_eq!(run.lines()[0]["upstream"], upstream);
    assert_eq!(run.lines()[0]["id"], Value::Null);
}

#[test]
fn the_clock_decides_expiry() {
    let folder = Folder::new("expiry");
    let line = request("r", "GET", "/orders/1", Some(&sign(&claims("orders.read")))).to_string();
    let keys = format!("main={}", folder.write("keys.json", &key_set()));
    for (now, reason) in [(NOW + 1000, "token_expired"), (NOW - 1000, "token_not_yet_valid")] {
        let now = now.to_string();
        let run = sallyport(
            &["check", "--policy", POLICY, "--now", &now, "--jwks", &keys, "--json"],
            &line,
        );
        assert_eq!(run.lines()[0]["reason"], reason, "{now}");
    }
}

#[test]
fn bytes_that_are_no_text_are_headers_too() {
    let folder = Folder::new("bytes");
    let token = sign(&claims("orders.read"));
    let mut two = request("two", "GET", "/orders/1", Some(&token));
    two["headers"].as_array_mut().unwrap().push(json!(["Authorization", { "base64": "/w==" }]));
    let mut foreign = request("foreign", "GET", "/orders/1", Some(&token));
    foreign["headers"].as_array_mut().unwrap().push(json!(["x-any", { "base64": "/w==" }]));
    let run = check(&folder, Given::Both, &[], &format!("{two}\n{foreign}\n"));
    let lines = run.lines();
    assert_eq!(lines[0]["reason"], "credential_ambiguous");
    assert_eq!(lines[0]["status"], 400);
    assert_eq!(lines[1]["reason"], "allowed");
}

#[test]
fn a_line_that_is_no_request_is_told_and_the_others_are_answered() {
    let folder = Folder::new("unreadable");
    let good = request("good", "GET", "/healthz", None).to_string();
    let run = check(&folder, Given::Both, &[], &format!("{good}\nno request\n\n{{}}\n{good}"));
    assert_eq!(run.code, 2);
    assert_eq!(run.lines().len(), 2);
    assert!(run.err.contains("line 2: "), "{}", run.err);
    assert!(run.err.contains("line 4: "), "{}", run.err);
    assert!(!run.err.contains("line 3: "), "{}", run.err);
}

#[test]
fn a_line_without_an_end_is_refused() {
    let folder = Folder::new("endless");
    let run = check(&folder, Given::Both, &[], &"x".repeat(5 * 1024 * 1024));
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("line 1: longer than"), "{}", run.err);
}

#[test]
fn people_get_a_short_line() {
    let run = sallyport(
        &["check", "--policy", POLICY, "--now", "1"],
        &request("r", "GET", "/orders/1", None).to_string(),
    );
    assert_eq!(
        run.out,
        "deny 401 token_missing rule=read-order door=filter GET api.example:80/orders/1\n"
    );
}

#[test]
fn people_see_no_query() {
    let line = request("r", "GET", "/orders/1?access_token=canary#canary", None).to_string();
    let run = sallyport(&["check", "--policy", POLICY, "--now", "1"], &line);
    assert!(run.out.ends_with(" GET api.example:80/orders/1\n"), "{}", run.out);
    assert!(!run.err.contains("canary"), "{}", run.err);
}

/// A line that is no request, and parts of what is told about it. Each holds a canary where it can.
const NO_REQUESTS: &[(&str, &[&str])] = &[
    (r#"["canary","GET","http","a","/"]"#, &["not a JSON object"]),
    (r#"{"method":"GET","host":"a","path":"/","path":"/canary"}"#, &["duplicate member"]),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":[["a",{"base64":"QQ==","base64":"Qg=="}]]}"#,
        &["duplicate member"],
    ),
    (r#"{"method":"GET","host":"a","path":"/","canary":1}"#, &["a member", "`peer_certificate`"]),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":"Bearer canary"}"#,
        &["`headers`", "array"],
    ),
    (r#"{"method":"GET","host":"a","path":"/","headers":["canary"]}"#, &["`headers[0]`", "array"]),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":[["a","b"],["a","canary","c"]]}"#,
        &["`headers[1]`", "array"],
    ),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":[[1,"canary"]]}"#,
        &["`headers[0][0]`", "text"],
    ),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":[["a",["canary"]]]}"#,
        &["`headers[0][1]`", "text or"],
    ),
    (
        r#"{"method":"GET","host":"a","path":"/","headers":[["a",{"base64":"canary!"}]]}"#,
        &["`headers[0][1].base64`", "base64"],
    ),
    (r#"{"method":["canary"],"host":"a","path":"/"}"#, &["`method`", "text"]),
    (r#"{"method":"GET","host":"a","path":"/","source":"canary"}"#, &["`source`", "ip:port"]),
    (r#"{"method":"GET","host":"a","path":"/","body":"canary!"}"#, &["`body`", "base64"]),
    (
        r#"{"method":"GET","host":"a","path":"/","peer_certificate":"-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----"}"#,
        &["`peer_certificate`", "PEM"],
    ),
    (r#"{"id":["canary"],"method":"GET","host":"a","path":"/"}"#, &["`id`", "integer"]),
    (r#"{"id":1.10,"method":"GET","host":"a","path":"/"}"#, &["`id`", "integer"]),
    (r#"{"id":18446744073709551616,"method":"GET","host":"a","path":"/"}"#, &["`id`", "integer"]),
    (r#"{"method":"GET","host":"a","path":"/"} canary"#, &["not JSON"]),
];

#[test]
fn what_is_no_request_is_told_by_place_and_never_by_value() {
    for (line, parts) in NO_REQUESTS {
        let run = sallyport(&["check", "--policy", POLICY, "--json"], &format!("\n{line}"));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{line}");
        for part in ["line 2: "].iter().chain(*parts) {
            assert!(run.err.contains(part), "{line}: {}", run.err);
        }
        assert!(!run.err.contains("canary"), "{line}: {}", run.err);
    }
}

#[test]
fn an_id_comes_back_as_it_was_written() {
    for id in ["\"r\"", "\"\"", "0", "-9223372036854775808", "18446744073709551615", "null"] {
        let line = format!(r#"{{"id":{id},"method":"GET","host":"a","path":"/healthz"}}"#);
        let run = sallyport(&["check", "--policy", POLICY, "--json"], &line);
        assert!(run.out.starts_with(&format!(r#"{{"id":{id},"decision""#)), "{id}: {}", run.out);
    }
}

#[test]
fn a_peer_certificate_may_be_a_chain() {
    // As much of a certificate as is looked at: a sequence of two sequences and a bit string.
    let pem =
        "-----BEGIN CERTIFICATE-----\nMAkwAQAwAQADAQA=\n-----END CERTIFICATE-----\n".repeat(2);
    let line = json!({ "method": "GET", "host": "a", "path": "/healthz", "peer_certificate": pem });
    let run = sallyport(&["check", "--policy", POLICY, "--json"], &line.to_string());
    assert_eq!((run.code, run.lines().len()), (0, 1), "{}", run.err);
}

#[test]
fn null_is_absent_also_where_a_route_is_shadowed() {
    let folder = Folder::new("shadow-null");
    let policy = r#"{"version":1,"issuers":{"main":{"issuer":"https://idp.example","jwks":{"discovery":true,
        "cluster":"idp"},"audiences":["a"]}},"routes":[{"name":"a","match":{"path":"/a"},"allow":null,
        "authenticate":[{"jwt":"main"}]}]}"#;
    let policy = folder.write("policy.json", policy);
    let line = request("r", "GET", "/a", None).to_string();
    for (more, decision, would_deny) in
        [(&[][..], "deny", Value::Null), (&["--shadow"], "allow", json!("token_missing"))]
    {
        let run = sallyport(&[&["check", "--policy", &policy, "--json"], more].concat(), &line);
        let [found] = &run.lines()[..] else { panic!("{}", run.err) };
        assert_eq!((&found["decision"], &found["would_deny"]), (&json!(decision), &would_deny));
    }
}

#[test]
fn other_spellings_of_an_identity_header_are_named_for_removal() {
    let folder = Folder::new("spellings");
    let mut line = request("r", "GET", "/orders/1", Some(&sign(&claims("orders.read"))));
    for name in ["X_USER", "x_Tenant", "x-user", "X-Client", "x-other", "x_users"] {
        line["headers"].as_array_mut().unwrap().push(json!([name, "forged"]));
    }
    let run = check(&folder, Given::Both, &[], &line.to_string());
    let remove = json!(["authorization", "x_tenant", "x_user"]);
    assert_eq!(run.lines()[0]["upstream"]["remove"], remove, "{}", run.out);
}
