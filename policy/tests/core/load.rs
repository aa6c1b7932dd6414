//! What keeps a policy from loading: each mistake with its place, and a fix beside it; and what only earns a warning.

use sallyport_policy::{Document, Format, Level, Policy, Problem, RoleFile};

const BASE: &str = r#"
version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } } }
"#;

pub(crate) fn load(yaml: &str) -> Vec<Problem> {
    let document = match Document::parse(yaml.as_bytes(), Format::Yaml) {
        Ok(document) => document,
        Err(problems) => return problems,
    };
    let files: Vec<_> = document
        .role_files()
        .iter()
        .map(|name| RoleFile { name: name.clone(), text: include_str!("roles.yaml").to_owned() })
        .collect();
    match Policy::compile(&document, &files) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

fn errors(routes: &str) -> Vec<(String, String)> {
    load(&format!("{BASE}{routes}"))
        .into_iter()
        .filter(|problem| problem.level == Level::Error)
        .inspect(|problem| {
            assert!(!problem.fix.is_empty() && !problem.message.is_empty(), "{problem}")
        })
        .map(|problem| (problem.path, problem.message))
        .collect()
}

/// Part of the file, place of the error, a part of its message.
const CASES: &[(&str, &str, &str)] = &[
    ("colour: red", "colour", "unknown field"),
    (
        "routes: [{ name: a, match: { path: /a, verb: x }, allow: unauthenticated }]",
        "routes[0].match.verb",
        "unknown field",
    ),
    ("routes: [{ name: a, match: { path: /a } }]", "routes[0].authenticate", "is missing"),
    (
        "routes: [{ name: a, match: { path: a }, allow: unauthenticated }]",
        "routes[0].match.path",
        "does not start with a slash",
    ),
    (
        "routes: [{ name: a, match: { path: '/a/../b' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "no request can match",
    ),
    (
        "routes: [{ name: a, match: { path: '/a/%2e' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "no request can match",
    ),
    (
        "routes: [{ name: a, match: { path: '/a?b' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "query",
    ),
    (
        "routes: [{ name: a, match: { path: '/a/*' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "neither a literal nor a variable",
    ),
    (
        "routes: [{ name: a, match: { path: '/{**}/a' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "goes on after",
    ),
    (
        "routes: [{ name: a, match: { path: '/{x}/{x}' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "names `x` twice",
    ),
    (
        "routes: [{ name: 'a b', match: { path: /a }, allow: unauthenticated }]",
        "routes[0].name",
        "is no name",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: all }]",
        "routes[0].allow",
        "unknown variant",
    ),
    (
        "routes: [{ name: a, match: { path: /a, methods: [get] }, allow: unauthenticated }]",
        "routes[0].match.methods[0]",
        "`get` is no method",
    ),
    (
        "routes: [{ name: a, match: { path: /a, hosts: [Api.example] }, allow: unauthenticated }]",
        "routes[0].match.hosts[0]",
        "is no host",
    ),
    (
        "routes: [{ name: a, match: { path: /a, hosts: ['a:80'] }, allow: unauthenticated }]",
        "routes[0].match.hosts[0]",
        "is no host",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, scopes: { all_of: [x] } }]",
        "routes[0].scopes",
        "has no effect",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, failure_mode: open }]",
        "routes[0].failure_mode",
        "has no effect",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, forward: { headers: { x-user: '{subject}' } } }]",
        "routes[0].forward.headers.x-user",
        "reads an identity",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: nobody }] }]",
        "routes[0].authenticate[0]",
        "`nobody` is no issuer",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: opaque }] }]",
        "routes[0].authenticate[0]",
        "has no keys",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ introspection: main }] }]",
        "routes[0].authenticate[0]",
        "has no introspection",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{}] }]",
        "routes[0].authenticate[0]",
        "exactly one",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }, { jwt: main }] }]",
        "routes[0].authenticate[1]",
        "two authenticators",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], scopes: {} }]",
        "routes[0].scopes",
        "asks for no scope",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], scopes: { all_of: ['a b'] } }]",
        "routes[0].scopes.all_of[0]",
        "is no scope",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], claims: [{ claim: x }] }]",
        "routes[0].claims[0]",
        "asks for no value",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], claims: [{ claim: 'a..b', any_of: [1] }] }]",
        "routes[0].claims[0].claim",
        "is no claim path",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], claims: [{ claim: a, any_of: [{}] }] }]",
        "routes[0].claims[0].any_of[0]",
        "is no scalar",
    ),
    ("roles: [r.yaml]\nroutes: []", "roles", "has no effect"),
    (
        "roles: [r.yaml]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: '', resource: b } }]",
        "routes[0].rbac.api",
        "is empty",
    ),
    (
        "roles: [r.yaml]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, verb: read } }]",
        "routes[0].rbac.verb",
        "unknown variant `read`",
    ),
    (
        "roles: [r.yaml]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, namespace: '{path.x}' } }]",
        "routes[0].rbac.namespace",
        "no variable",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { authorization: x } } }]",
        "routes[0].forward.headers.authorization",
        "no header that a route may set",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { 'x:y': x } } }]",
        "routes[0].forward.headers.x:y",
        "no header that a route may set",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-a: '{nothing}' } } }]",
        "routes[0].forward.headers.x-a",
        "nothing a template knows",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-a: '{subject' } } }]",
        "routes[0].forward.headers.x-a",
        "not closed",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, mode: async, authenticate: [{ jwt: main }] }]",
        "routes[0].mode",
        "has no effect",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, mode: async, authenticate: [{ introspection: opaque }] }]",
        "routes[0].mode",
        "without `mirror`",
    ),
    (
        "mirror: { sink: { sidecar: {} } }\nroutes: [{ name: a, match: { path: /a }, mode: async, failure_mode: open, authenticate: [{ introspection: opaque }] }]",
        "routes[0].failure_mode",
        "has no effect",
    ),
    (
        "mirror: { sink: { sidecar: {} }, redact: { json: [pin] } }",
        "mirror.redact.json",
        "has no effect",
    ),
    (
        "mirror: { sink: { sidecar: {} }, bodies: { max_bytes: 9999999, content_types: [json] } }",
        "mirror.bodies.max_bytes",
        "no possible size",
    ),
    (
        "mirror: { sink: { sidecar: {} }, bodies: { content_types: [png] } }",
        "mirror.bodies.content_types[0]",
        "can be redacted",
    ),
    ("timeout: 5", "timeout", "invalid type"),
    ("timeout: 5w", "timeout", "is no duration"),
    ("timeout: 5h", "timeout", "no possible wait"),
    ("timeout: 0ms", "timeout", "no possible wait"),
    ("service: 'a b'", "service", "is no name"),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated }, { name: a, match: { path: /b }, allow: unauthenticated }]",
        "routes[1].name",
        "the name of two routes",
    ),
];

#[test]
fn mistakes_are_errors_that_name_their_place() {
    for (text, path, message) in CASES {
        let found = errors(text);
        assert!(
            found.iter().any(|(at, what)| at == path && what.contains(message)),
            "{text}\nwanted {path}: {message}\nfound {found:#?}"
        );
    }
}

#[test]
fn what_loads_but_hardly_as_meant_is_a_warning() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }]",
            "roles",
            "there are no roles",
        ),
        ("routes: []", "issuers.main", "no route authenticates"),
        (
            "routes: [{ name: a, match: { path: /a }, failure_mode: open, authenticate: [{ jwt: main }] }]",
            "routes[0].failure_mode",
            "forged ones too",
        ),
        (
            "routes: [{ name: a, match: { path: /a }, failure_mode: open, authenticate: [{ introspection: opaque }] }]",
            "routes[0].failure_mode",
            "only where the filter asks it",
        ),
        (
            "mirror: { sink: { sidecar: {} }, bodies: { content_types: [xml] } }",
            "mirror.bodies.content_types[0]",
            "cannot be redacted yet",
        ),
    ];
    for (text, path, message) in cases {
        let found = load(&format!("{BASE}{text}"));
        assert!(found.iter().all(|p| p.level == Level::Warning), "{text}: {found:#?}");
        assert!(
            found.iter().any(|p| p.path == *path && p.message.contains(message)),
            "{text}: {found:#?}"
        );
    }
}

const MORE: &[(&str, &str, &str)] = &[
    (
        "routes: [{ name: a, match: { path: '/a//{**}' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "no request can match",
    ),
    (
        "routes: [{ name: a, match: { path: '/%2e/{**}' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "no request can match",
    ),
    (
        "routes: [{ name: a, match: { path: '/a?b/{**}' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "query",
    ),
    (
        "routes: [{ name: a, match: { path: '/a;b' }, allow: unauthenticated }]",
        "routes[0].match.path",
        "path parameters",
    ),
    (
        "routes: [{ name: a, match: { path: /a, methods: [GET, GET] }, allow: unauthenticated }]",
        "routes[0].match.methods[1]",
        "named twice",
    ),
    (
        "routes: [{ name: a, match: { path: /a, hosts: [a.b, a.b] }, allow: unauthenticated }]",
        "routes[0].match.hosts[1]",
        "named twice",
    ),
    (
        "routes: [{ name: a, match: { path: /a, hosts: ['[0:0::1]'] }, allow: unauthenticated }]",
        "routes[0].match.hosts[0]",
        "is no host",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-a: '' } } }]",
        "routes[0].forward.headers.x-a",
        "is empty",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ introspection: opaque }, { introspection: opaque }] }]",
        "routes[0].authenticate[1]",
        "asked twice",
    ),
    (
        "roles: [r]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: '{path.a}', resource: b } }]",
        "routes[0].rbac.api",
        "no variable",
    ),
    (
        "roles: [r]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, namespace: '' } }]",
        "routes[0].rbac.namespace",
        "is empty",
    ),
    (
        "mode: async\nroles: [r]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }]",
        "routes[0].mode",
        "without `mirror`",
    ),
    (
        "mode: async\nmirror: { sink: { sidecar: {} } }\nroles: [r]\nroutes: [{ name: a, match: { path: /a }, failure_mode: open, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }]",
        "routes[0].failure_mode",
        "has no effect",
    ),
    ("mode: async\nfailure_mode: open", "failure_mode", "has no effect"),
    ("timeout: +5s", "timeout", "is no duration"),
];

#[test]
fn more_mistakes_are_errors_that_name_their_place() {
    for (text, path, message) in MORE {
        let found = errors(text);
        assert!(
            found.iter().any(|(at, what)| at == path && what.contains(message)),
            "{text}: {found:#?}"
        );
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_told() {
    for text in [
        "version: 1\nissuers: { a: { introspection: { url: 'https://i', client_id: a, client_secret: canary } } }",
        "version: 1\nissuers: { a: { introspection: { url: 'https://gate:canary@i', client_id: a, client_secret: { env: S } } } }",
        "version: 1\nissuers: { a: { introspection: { client_secret: canary, url: [ } } }",
        "version: 1\nsecret: canary\nsecret: canary",
        "version: 1\nissuers: { a: canary }",
        "version: 1\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-a: 'canary{' } } }]",
    ] {
        let found = load(text);
        assert!(!found.is_empty());
        assert!(!format!("{found:?}").contains("canary"), "{text}: {found:#?}");
    }
}

/// Everything that need not be there, null.
const NULLS: &str = r#"
version: 1
service: null
include: null
hosts: null
roles: null
role_documents: null
mirror: null
timeout: null
cors: null
issuers:
  main:
    issuer: "https://idp.example"
    tenants: null
    jwks: { uri: "https://idp.example/k", cluster: idp, discovery: null, clusters: null }
    hmac: null
    introspection: null
    audiences: [a]
    clients: null
    algorithms: null
  shared: { issuer: "https://two.example", audiences: [a], hmac: { secret: { env: S, file: null }, encoding: null } }
routes:
  - name: a
    match: { path: /a, regex: null, hosts: null, methods: null, encoded_slashes: null }
    allow: null
    authenticate: [{ jwt: main, introspection: null, from: null }, { jwt: shared, from: { header: x-t, prefix: null } }]
    claims: [{ claim: t, any_of: [a], all_of: null, none_of: null, present: null }]
    scopes: { all_of: [a], any_of: null, none_of: null, strategy: null }
    forward:
      { headers: null, append_headers: null, remove_headers: null, cookies: null, remove_cookies: null, query: null, remove_query: null, path: null, credential: null }
    on_deny: { redirect: null, decision_header: null, format: null }
    cors: { origins: ["https://a.example"], methods: null, headers: null, expose: null, credentials: null, max_age: null }
"#;

#[test]
fn null_is_absent() {
    assert_eq!(load(NULLS), []);
    let absent: String = NULLS
        .lines()
        .filter(|line| !line.ends_with(": null"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(load(&absent), []);
    // The filter reads its copy the same way.
    let document = Document::parse(NULLS.as_bytes(), Format::Yaml).unwrap();
    let copy = Document::from_value(document.filter_copy()).unwrap();
    assert_eq!(Policy::compile_filter_copy(&copy).unwrap().1, []);
    assert_eq!(copy.digest(), document.digest());
    for (text, message) in [
        ("version: null", "missing field `version`"),
        ("version: 1\nissuers: { main: null }", "invalid type: null, expected a mapping"),
        ("version: 1\nnobody: null", "unknown field `nobody`"),
    ] {
        let found = load(text);
        assert!(found.len() == 1 && found[0].message.starts_with(message), "{text}: {found:?}");
    }
}

#[test]
fn an_issuer_that_is_broken_is_told_once() {
    for issuer in [
        "{ issuer: 'https://i.example', audiences: [a], jwks: {} }",
        "{ issuer: 'https://i.example', audiences: [a], hmac: {} }",
        "{ audiences: [a], jwks: { uri: 'https://i.example/k', cluster: c } }",
    ] {
        let found = load(&format!(
            "version: 1\nissuers: {{ m: {issuer} }}\nroutes: [{{ name: a, match: {{ path: /a }}, authenticate: [{{ jwt: m }}] }}]"
        ));
        assert!(found.len() == 1 && found[0].path.starts_with("issuers.m"), "{issuer}: {found:#?}");
    }
}

/// Words of the libraries that read are for who calls them.
#[test]
fn messages_are_for_operators() {
    for (text, path, message) in [
        ("version: 1\nversion: 1", "$", "a member stands twice: version at line 2, column 1"),
        ("version: 1\n---\nversion: 1", "$", "a second document, and a policy is one at line 3"),
        ("version: 1\na: &a [*a]", "$", "an alias within what it stands for at line 2"),
        ("version: one", "version", "string `one`, expected a whole number"),
        ("version: 1\nforward: { credential: {} }", "forward.credential", "exactly one of `none`"),
        (
            "version: 1\nforward: { credential: { basic: {}, bearer: {} } }",
            "forward.credential",
            "exactly one of `none`, `original`, `basic`, `bearer`, `header`",
        ),
    ] {
        let found = load(text);
        let fits = |it: &Problem| it.path == path && it.message.contains(message);
        assert!(found.iter().any(fits), "{text}: {found:#?}");
    }
    let found = Document::parse(b"{\"version\":1,\n\"version\":1}", Format::Json).unwrap_err();
    assert!(found[0].message.contains("`version` stands twice at line 2, column 9"), "{found:?}");
}

#[test]
fn headers_that_the_policy_sets_are_told_where_they_stand() {
    for (forward, place) in [
        ("append_headers: { x-b: '{header.x-set}' }", "routes[1].forward.append_headers.x-b"),
        ("headers: { x-b: '{header.X-Set}' }", "routes[1].forward.headers.x-b"),
        ("append_headers: { X-Set: b }", "routes[1].forward.append_headers.x-set"),
        ("path: '/{header.x-set}'", "routes[1].forward.path"),
    ] {
        let found = errors(&format!(
            "routes: [{{ name: a, match: {{ path: /a }}, allow: unauthenticated, forward: {{ headers: {{ x-set: a }} }} }}, {{ name: b, match: {{ path: /b }}, allow: unauthenticated, forward: {{ {forward} }} }}]"
        ));
        assert!(found.iter().any(|(path, _)| path == place), "{forward}: {found:?}");
    }
}

#[test]
fn yaml_words_are_text() {
    let text = "version: 1\nservice: no\nenvironment: on";
    assert!(Document::parse(text.as_bytes(), Format::Yaml).is_ok());
}

#[test]
fn equal_rules_are_named_both_with_a_request_that_hits_both() {
    let route = |name: &str, rest: &str| {
        format!("{{ name: {name}, match: {{ {rest} }}, allow: unauthenticated }}")
    };
    let pair =
        |a: &str, b: &str| errors(&format!("routes: [{}, {}]", route("one", a), route("two", b)));
    for (a, b) in [
        ("path: '/o/{id}'", "path: '/o/{name}'"),
        ("path: /o, methods: [GET, POST]", "path: /o, methods: [POST]"),
        ("path: /o, hosts: [a.example, b.example]", "path: /o, hosts: [b.example]"),
        ("path: '/o/{**}'", "path: '/o/{**}'"),
        ("path: '/a/{x}'", "path: '/{y}/b'"),
        ("path: '/{x}/admin', methods: [GET]", "path: '/public/{y}'"),
        ("path: '/o/{id}/items'", "path: '/o/special/{kind}'"),
        ("path: '/{t}/secure/{**}'", "path: '/q/{**}'"),
        ("path: '/q/{**}'", "path: '/{t}/secure/{**}'"),
        ("path: '/{a}/x/{**}'", "path: '/p/{b}/{**}'"),
        ("path: '/o/a%20b'", "path: '/o/a%20b'"),
        ("path: '/a/{x}/'", "path: '/{y}/b/'"),
    ] {
        let found = pair(a, b);
        let (path, message) =
            found.first().unwrap_or_else(|| panic!("{a} and {b} were let through"));
        assert_eq!(path, "routes[1].match");
        assert!(
            message.contains("`one`") && message.contains("`two`") && message.contains("https://"),
            "{message}"
        );
    }
    for (a, b) in [
        ("path: '/o/{id}'", "path: /o/list"),
        ("path: /o", "path: /o, methods: [POST]"),
        ("path: /o", "path: /o, hosts: [b.example]"),
        ("path: '/o/{**}'", "path: '/o/{id}'"),
        ("path: '/o/{**}'", "path: '/o/v1/{**}'"),
        ("path: '/{t}/{**}'", "path: '/q/x/{**}'"),
        ("path: '/{x}/admin'", "path: '/public/{**}'"),
        ("path: '/{x}/admin', methods: [GET]", "path: '/public/{y}', methods: [POST]"),
        ("path: '/{x}/b'", "path: '/{y}/c'"),
        ("path: '/{x}/{z}'", "path: '/{y}/c'"),
        ("path: /o", "path: /o/"),
        // A variable is never empty, so no request hits both.
        ("path: '/{x}/a/'", "path: '/b/{y}/{z}'"),
        ("path: '/b/{y}/{z}'", "path: '/{x}/a/'"),
        ("path: '/b/{x}'", "path: '/{y}/'"),
        ("path: '/{y}/'", "path: '/b/{x}'"),
    ] {
        assert!(pair(a, b).is_empty(), "{a} and {b}");
        assert!(pair(b, a).is_empty(), "{b} and {a}");
    }
    // The request that is shown: a method that both have, the path as it is sent.
    for (a, b, request) in [
        ("path: '/{y}/b', methods: [POST]", "path: '/a/{x}'", "like POST https://any.example/a/b"),
        ("path: '/a/{x}'", "path: '/{y}/b', methods: [POST]", "like POST https://any.example/a/b"),
        ("path: '/a%20%25/{x}'", "path: '/{y}/%3Fb@:'", "https://any.example/a%20%25/%3Fb@:"),
        ("path: '/%C3%A4/{x}'", "path: '/%C3%A4/{y}'", "https://any.example/%C3%A4/x"),
    ] {
        let found = pair(a, b);
        assert!(found.iter().any(|(_, message)| message.ends_with(request)), "{a} {b}: {found:?}");
    }
}

#[test]
fn duplicates_are_errors_in_both_formats() {
    assert!(Document::parse(b"version: 1\nversion: 1", Format::Yaml).is_err());
    assert!(Document::parse(b"version: 1\nissuers: { a: {}, a: {} }", Format::Yaml).is_err());
    assert!(Document::parse(br#"{"version":1,"issuers":{"a":{},"a":{}}}"#, Format::Json).is_err());
    assert!(Document::parse(br#"{"version":1,"version":1}"#, Format::Json).is_err());
    assert!(Document::parse(b"- 1", Format::Yaml).is_err());
    assert!(Document::parse(b"", Format::Yaml).is_err());
    assert!(Document::parse(b"\xff", Format::Yaml).is_err());
}

#[test]
fn role_files_are_all_or_nothing() {
    let policy = format!(
        "{BASE}roles: [r]\nroutes: [{{ name: a, match: {{ path: /a }}, authenticate: [{{ jwt: main }}], rbac: {{ api: a, resource: b }} }}]"
    );
    let document = Document::parse(policy.as_bytes(), Format::Yaml).unwrap();
    let cases: &[(&str, &str)] = &[
        (
            "kind: RoleBinding\nmetadata: { name: b }\nusers: [u]\nroles: [ghost]",
            "`ghost`, which does not exist",
        ),
        (
            "kind: Role\nmetadata: { name: r }\nrules: [{ api: a, resources: [], namespaces: [], verbs: [all] }]",
            "unknown variant",
        ),
        (
            "kind: Role\nmetadata: { name: r }\nrules: []\n---\nkind: Role\nmetadata: { name: r }\nrules: []",
            "defined twice",
        ),
        ("kind: Pod", "unknown variant `Pod`"),
        ("kind: Role\nmetadata: { name: r }\nrules: []\nextra: 1", "unknown field"),
        ("a: [", "not valid YAML"),
    ];
    for (text, message) in cases {
        let file = RoleFile { name: "r".to_owned(), text: (*text).to_owned() };
        let problems = Policy::compile(&document, &[file]).unwrap_err();
        assert!(
            problems.iter().any(|p| p.message.contains(message) && p.path.starts_with('r')),
            "{text}: {problems:#?}"
        );
    }
}
