//! `sallyport explain`: every kind of step, with what was asked for and what there was; which step decided; and nothing
//! that the route does not read.

use serde_json::{Value, json};

use crate::run::{Folder, Run, sallyport};
use crate::token::{NOW, certificate, claims, key_set, sign};

const POLICY: &str = r#"
version: 1
issuers:
  main: { issuer: "http://127.0.0.1:18080/realms/main", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } }, audiences: [orders] }
role_documents:
  - { kind: Role, metadata: { name: reader }, rules: [{ api: orders, resources: [order], namespaces: [acme], verbs: [get] }] }
  - { kind: RoleBinding, metadata: { name: b }, roles: [reader], users: [5f1c0c1e-alice], groups: [staff] }
cors: { origins: ["https://app.example.com"], methods: [GET], headers: [x-trace] }
hosts:
  api.example.com: { failure_mode: open }
routes:
  - name: order
    match: { methods: [GET, PUT], path: "/orders/{tenant}/{id}" }
    authenticate: [{ jwt: main, on_invalid: next }, { introspection: opaque }]
    claims: [{ claim: tenant, equals: "{path.tenant}" }]
    rbac: { api: orders, resource: order, namespace: "{header.x-namespace}", groups: groups }
  - { name: certificate, match: { path: /certificate }, authenticate: [{ client_certificate: { subject: uri_san } }] }
  - { name: dns, match: { path: /dns }, authenticate: [{ client_certificate: { subject: dns_san }, on_invalid: next }, { jwt: main }] }
  - name: guest
    match: { path: /guest }
    authenticate: [{ jwt: main, from: { cookie: s } }, { anonymous: { subject: guest } }]
    scopes: { all_of: [orders.read] }
  - { name: open, match: { path: /open }, allow: unauthenticated }
  - { name: shut, match: { path: /shut }, allow: nobody, shadow: true }
  - { name: never, match: { path: /never }, authenticate: [{ jwt: main }], authorization: always_deny }
  - { name: moved, match: { path: /moved }, authenticate: [{ jwt: main }], forward: { path: "/v2/{claims.level}" } }
  - { name: plain, match: { hosts: [api.example.com], path: "/plain/{x}" }, authenticate: [{ introspection: opaque }] }
  - { name: strict, match: { path: "/strict" }, authenticate: [{ introspection: opaque }] }
  - { name: one, match: { regex: "/p/[a-c]+" }, allow: nobody }
"#;

/// A request, and parts of the text in order. `{token}` is Alice's, with the scope `orders.write`.
struct Case {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// Claims over Alice's.
    claims: &'static str,
    certificate: bool,
    expected: &'static [&'static str],
}

const fn case(
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    expected: &'static [&'static str],
) -> Case {
    Case { method, path, headers, claims: "{}", certificate: false, expected }
}

const BEARER: (&str, &str) = ("authorization", "Bearer {token}");
const ACME: (&str, &str) = ("x-namespace", "acme");
const APP: (&str, &str) = ("origin", "https://app.example.com");
const EVIL: (&str, &str) = ("origin", "https://evil.example");
const FOR_GET: (&str, &str) = ("access-control-request-method", "GET");
const FOR_PUT: (&str, &str) = ("access-control-request-method", "PUT");
const FOR_POST: (&str, &str) = ("access-control-request-method", "POST");

const CASES: &[Case] = &[
    case(
        "PUT",
        "/orders/acme/7",
        &[BEARER, ACME],
        &[
            "deny 403 role_missing, by route order, in the filter",
            "claim tenant  holds  (routes[0].claims[0])",
            "equals  \"acme\"",
            "rbac  asks the roles  (routes[0].rbac)",
            "asked  {\"api\":\"orders\"",
            "user  \"5f1c0c1e-alice\"",
            "user_bound  true",
            "api  \"orders\"",
            "resource  \"order\"",
            "namespace  \"acme\"",
            "verb  \"update\"",
            "> rbac  fails: role_missing",
            "next\n  operator: add a binding",
        ],
    ),
    Case {
        claims: r#"{"sub":"bob","groups":["other","staff"]}"#,
        ..case(
            "GET",
            "/orders/acme/7",
            &[BEARER, ACME],
            &[
                "allow 200 allowed, by route order",
                "user  \"bob\"",
                "user_bound  false",
                "groups  [\"other\",\"staff\"]",
                "groups_bound  [\"staff\"]",
                "  rbac  holds",
            ],
        )
    },
    case(
        "GET",
        "/orders/acme/7",
        &[BEARER],
        &["role_missing", "namespace  none", "> rbac  fails: role_missing"],
    ),
    // Somebody put a token where a template reads.
    case(
        "GET",
        "/orders/acme/7",
        &[BEARER, ("x-namespace", "{token}")],
        &["namespace  \"(a token)\"", "> rbac  fails: role_missing"],
    ),
    // A provider put one into its claims.
    Case {
        claims: r#"{"sub":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln","tenant":["x:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln.","t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln","api.example.com"]}"#,
        ..case(
            "GET",
            "/orders/umbrella/7",
            &[BEARER],
            &["subject  \"(a token)\"", "value  [\"(a token)\",\"(a token)\",\"api.example.com\"]"],
        )
    },
    case(
        "GET",
        "/orders/umbrella/7",
        &[BEARER],
        &[
            "> claim tenant  fails: claim_mismatch  (routes[0].claims[0])",
            "equals  \"umbrella\"",
            "value  \"acme\"",
        ],
    ),
    Case {
        claims: r#"{"exp":1}"#,
        ..case(
            "GET",
            "/orders/acme/7",
            &[BEARER],
            &[
                "in the filter\n",
                "jwt main  refused, the next may try: token_expired",
                "exp  1\n",
                "now  1800000000\n",
                "introspection opaque  left to the sidecar",
                "in the sidecar\n",
                "introspection opaque  no answer from its provider: dependency_unavailable",
                "not_given  \"--introspection opaque=FILE\"",
                "> failure_mode  a dependency did not answer, and `closed` denies",
            ],
        )
    },
    Case {
        claims: r#"{"aud":["billing"]}"#,
        ..case(
            "GET",
            "/never",
            &[BEARER],
            &[
                "> jwt main  refused, and that is final: audience_mismatch  (issuers.main)",
                "asked  [\"orders\"]",
                "aud  [\"billing\"]",
            ],
        )
    },
    Case {
        claims: r#"{"iss":"https://other.example"}"#,
        ..case(
            "GET",
            "/never",
            &[BEARER],
            &[
                "> jwt  not this one's: issuer_unknown",
                "asked  [\"http://127.0.0.1:18080/realms/main\"]",
                "iss  \"https://other.example\"",
            ],
        )
    },
    case(
        "GET",
        "/never",
        &[BEARER],
        &["> authorization  always_deny: nobody passes: denied_by_rule  (routes[6].authorization)"],
    ),
    case(
        "GET",
        "/never",
        &[("authorization", "Bearer ")],
        &["> credential, authorization: bearer  malformed, and that is final: token_malformed"],
    ),
    case(
        "GET",
        "/guest",
        &[("cookie", "s=one; s=two")],
        &["> credential, cookie: s  more than one, and that is final: credential_ambiguous"],
    ),
    case(
        "GET",
        "/guest",
        &[("cookie", "s=junk")],
        &[
            "deny 401 token_malformed",
            "> jwt  not this one's: token_malformed",
            "anonymous  not for whoever shows a credential that none of the others knows",
        ],
    ),
    case(
        "GET",
        "/guest",
        &[],
        &[
            "deny 401 token_missing",
            "credential, cookie: s  absent\n",
            "anonymous  accepted: nobody else vouched for the caller",
            "subject  \"guest\"",
            "> scopes  fails for an anonymous caller, whom a credential might help: token_missing",
        ],
    ),
    case(
        "GET",
        "/certificate",
        &[],
        &["> credential, client_certificate: uri_san  absent: token_missing"],
    ),
    Case {
        certificate: true,
        ..case(
            "GET",
            "/certificate",
            &[],
            &[
                "allow 200 allowed, by route certificate, in the filter",
                "credential, client_certificate: uri_san  present",
                "client_certificate  accepted",
                "subject  \"spiffe://example.org/orders\"",
            ],
        )
    },
    Case {
        certificate: true,
        ..case(
            "GET",
            "/dns",
            &[BEARER],
            &[
                "allow 200",
                "credential, client_certificate: dns_san  malformed, the next may try: token_malformed",
                "jwt main  accepted",
            ],
        )
    },
    case(
        "GET",
        "/open",
        &[],
        &["allow: unauthenticated  no credential is read  (routes[4].allow)"],
    ),
    case(
        "GET",
        "/shut",
        &[],
        &[
            "allow 200 allowed, by route shut, in the filter\n  would be denied: denied_by_rule; `shadow` denies nothing",
            "shadow         true  (routes[5].shadow)",
            "> allow: nobody  nobody passes: denied_by_rule  (routes[5].allow)",
        ],
    ),
    Case {
        claims: r#"{"level":".."}"#,
        ..case(
            "GET",
            "/moved",
            &[BEARER],
            &[
                "deny 400 request_malformed, by route moved",
                "> forward.path  makes a path that could not be judged: request_malformed  (routes[7].forward)",
            ],
        )
    },
    case(
        "OPTIONS",
        "/orders/acme/7",
        &[APP, FOR_GET],
        &[
            "allow 200 allowed_unauthenticated, by route order",
            "a preflight, judged by the route of a GET request",
            "> order  judges",
            "  preflight for GET  holds  (cors)",
        ],
    ),
    case(
        "OPTIONS",
        "/orders/acme/7",
        &[EVIL, FOR_GET],
        &[
            "deny 403 cors_refused, by route order",
            "> preflight for GET  fails, the origin is not listed: cors_refused  (cors)",
            "asked  {\"origins\":[\"https://app.example.com\"]",
            "origin  \"https://evil.example\"",
        ],
    ),
    case(
        "OPTIONS",
        "/orders/acme/7",
        &[APP, FOR_PUT],
        &[
            "> preflight for PUT  fails, the method is not listed: cors_refused",
            "access-control-request-method  \"PUT\"",
        ],
    ),
    case(
        "OPTIONS",
        "/orders/acme/7",
        &[APP, FOR_GET, ("access-control-request-headers", "x-trace, x-other")],
        &[
            "> preflight for GET  fails, a header is not listed: cors_refused",
            "access-control-request-headers  \"x-trace, x-other\"",
        ],
    ),
    case(
        "OPTIONS",
        "/orders/acme/7",
        &[APP, FOR_POST],
        &[
            "deny 403 no_route, by no route",
            "  order  the method does not fit",
            "preflight for POST  no route judges that request, so this is one like others",
            "> route  none fits: no_route",
        ],
    ),
    case(
        "GET",
        "/never",
        &[BEARER, EVIL],
        &["> cors  fails, the origin is not listed: cors_refused  (cors)"],
    ),
    case(
        "GET",
        "/orders/acme%2Fx/7",
        &[BEARER],
        &["request_malformed", "> route  may not judge: `%2F` needs a route"],
    ),
    case(
        "GET",
        "/open;x",
        &[],
        &["request_malformed", "> route  may not judge: an upstream that cuts `;`"],
    ),
    case(
        "GET",
        "/plain/x",
        &[("authorization", "Bearer opaque-canary")],
        &[
            "allow 200 allowed_by_failure_mode, by route plain, in the sidecar",
            "failure_mode   \"open\"  (hosts.api.example.com.failure_mode)",
            "failure_mode  a dependency did not answer, and `open` lets the request pass  (hosts.api.example.com.failure_mode)",
        ],
    ),
];

fn explain(folder: &Folder, case: &Case, more: &[&str]) -> (Run, String) {
    let policy = folder.write("policy.yaml", POLICY);
    let keys = format!("main={}", folder.write("keys.json", &key_set()));
    let now = NOW.to_string();
    let mut claims = claims("orders.write");
    let over: Value = serde_json::from_str(case.claims).unwrap();
    claims.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    let token = sign(&claims);
    let header = |(name, value): &(&str, &str)| json!([name, value.replace("{token}", &token)]);
    let headers: Vec<Value> = case.headers.iter().map(header).collect();
    let certificate = case.certificate.then(certificate);
    let line = json!({
        "method": case.method, "scheme": "https", "host": "api.example.com", "path": case.path, "headers": headers,
        "peer_certificate": certificate,
    });
    let all = ["explain", "--policy", &policy, "--now", &now, "--jwks", &keys];
    (sallyport(&[&all, more].concat(), &line.to_string()), token)
}

#[test]
fn every_kind_of_step_is_told() {
    let folder = Folder::new("explain-steps");
    for case in CASES {
        let (run, token) = explain(&folder, case, &[]);
        let name = format!("{} {} {:?}", case.method, case.path, case.headers);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let mut rest = run.out.as_str();
        for part in case.expected {
            let missing = || panic!("{name}: {part}: {}", run.out);
            rest = rest.split_once(part).unwrap_or_else(missing).1;
        }
        assert!(!run.out.contains(&token) && !run.out.contains("canary"), "{name}: {}", run.out);
        // Of the token's claims, only what the route and the issuer's rules ask.
        assert!(!run.out.contains("realm_access") && !run.out.contains("customer"), "{}", run.out);
        let denied = run.out.contains(": deny ") || run.out.contains("would be denied");
        let marks = run.out.lines().skip_while(|line| !line.starts_with("in the "));
        let marks = marks.filter(|line| line.starts_with("> ")).count();
        assert_eq!(marks, usize::from(denied), "{name}: {}", run.out);
    }
}

#[test]
fn json_tells_the_same() {
    let folder = Folder::new("explain-steps-json");
    for case in CASES {
        let (run, token) = explain(&folder, case, &["--json"]);
        let [line] = &run.lines()[..] else { panic!("{}: {}", case.path, run.err) };
        let steps = line["steps"].as_array().unwrap();
        let deciding: Vec<_> = steps.iter().filter(|step| step["decides"] == true).collect();
        let reason = line["next"]["reason"].as_str().unwrap();
        let denied =
            line["decision"]["decision"] == "deny" || !line["decision"]["would_deny"].is_null();
        assert_eq!(deciding.len(), usize::from(denied), "{}: {line}", case.path);
        assert!(deciding.iter().all(|step| step["reason"] == reason), "{}: {line}", case.path);
        assert!(!run.out.contains(&token), "{}", case.path);
    }
}
