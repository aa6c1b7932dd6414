//! Roles: from files and from the policy itself, by user and by group, with Krake's documents, and what does not load.

use crate::load::load;
use crate::support::{GOOD, World, claims, get, token, world};
use sallyport_policy::{Document, Format, Level, Policy, Reason, Side};
use serde_json::{Value, json};

const ISSUERS: &str = r#"
version: 1
issuers: { main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] } }
"#;

/// Everything of a request that roles are asked about comes from the request.
const ROUTES: &str = r#"
routes:
  - { name: item, match: { path: "/{api}/namespaces/{ns}/{resource}/{name}" }, authenticate: [{ jwt: main }],
      rbac: { api: "{path.api}", namespace: "{path.ns}", resource: "{path.resource}", groups: groups } }
  - { name: sub, match: { path: "/{api}/namespaces/{ns}/{resource}/{name}/{sub}" }, authenticate: [{ jwt: main }],
      rbac: { api: "{path.api}", namespace: "{path.ns}", resource: "{path.resource}/{path.sub}", groups: groups } }
  - { name: list, match: { path: "/{api}/namespaces/{ns}/{resource}", methods: [GET] }, authenticate: [{ jwt: main }],
      rbac: { api: "{path.api}", namespace: "{path.ns}", resource: "{path.resource}", verb: list, groups: groups } }
  - { name: everywhere, match: { path: "/{api}/all/{resource}", methods: [GET] }, authenticate: [{ jwt: main }],
      rbac: { api: "{path.api}", resource: "{path.resource}", verb: list, groups: groups } }
  - { name: by-header, match: { path: /by-header }, authenticate: [{ jwt: main }],
      rbac: { api: kubernetes, resource: applications, namespace: "{header.x-namespace}", verb: get, user: "{claims.name}" } }
"#;

/// Method, path, the token's own claims, what comes of it with `namespace_none: deny` and with `grant`.
fn krake() -> Vec<(&'static str, &'static str, Value, Reason, Reason)> {
    let admin = json!({"sub": "system:admin"});
    let scheduler = json!({"sub": "system:scheduler"});
    let tester = json!({"sub": "tester"});
    let (yes, no) = (Reason::Allowed, Reason::RoleMissing);
    vec![
        ("DELETE", "/openstack/namespaces/x/projects/1", admin.clone(), yes, yes),
        ("GET", "/anything/all/whatever", admin.clone(), yes, yes),
        ("OPTIONS", "/openstack/namespaces/x/projects/1", admin, no, no),
        ("GET", "/kubernetes/all/applications", scheduler.clone(), yes, yes),
        ("GET", "/kubernetes/namespaces/a/applications/1", scheduler.clone(), no, no),
        ("PUT", "/kubernetes/namespaces/a/applications/1/binding", scheduler.clone(), yes, yes),
        ("PUT", "/kubernetes/namespaces/a/applications/1/status", scheduler.clone(), no, no),
        ("PUT", "/kubernetes/namespaces/a/applications/1", scheduler.clone(), no, no),
        ("GET", "/core/namespaces/a/metrics/1", scheduler.clone(), yes, yes),
        ("GET", "/kubernetes/namespaces/a/metrics/1", scheduler, no, no),
        ("GET", "/kubernetes/namespaces/testing/applications", tester.clone(), yes, yes),
        ("GET", "/kubernetes/namespaces/testing/applications/1", tester.clone(), yes, yes),
        ("HEAD", "/kubernetes/namespaces/testing/applications/1", tester.clone(), yes, yes),
        ("POST", "/kubernetes/namespaces/testing/applications/1", tester.clone(), no, no),
        ("GET", "/kubernetes/namespaces/other/applications", tester.clone(), no, no),
        ("GET", "/kubernetes/namespaces/Testing/applications", tester.clone(), no, no),
        ("GET", "/kubernetes/all/applications", tester.clone(), no, yes),
        ("GET", "/kubernetes/all/clusters", tester, no, no),
        ("GET", "/kubernetes/namespaces/testing/applications", json!({"sub": "Tester"}), no, no),
        ("GET", "/kubernetes/namespaces/testing/applications", json!({"sub": ""}), no, no),
    ]
}

fn from_file(namespace_none: &str) -> World {
    let text =
        format!("{ISSUERS}roles: [base_roles.yaml]\nnamespace_none: {namespace_none}\n{ROUTES}");
    world(&text, include_str!("base_roles.yaml"))
}

/// The same documents in the policy itself.
fn inline(namespace_none: &str) -> World {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(include_str!("base_roles.yaml")).unwrap();
    let documents = serde_json::to_string(&documents).unwrap();
    let text =
        format!("{ISSUERS}role_documents: {documents}\nnamespace_none: {namespace_none}\n{ROUTES}");
    world(&text, "")
}

#[test]
fn krakes_documents_load_unchanged_and_say_the_same_in_files_and_inline() {
    for (namespace_none, grants) in [("deny", false), ("grant", true)] {
        let (files, inline) = (from_file(namespace_none), inline(namespace_none));
        assert!(inline.policy.needs_sidecar().is_none() && files.policy.needs_sidecar().is_some());
        for (method, path, own, deny, grant) in krake() {
            let token = token(claims(own.clone()), GOOD);
            let ask = get(path).method(method).bearer(&token);
            let expected = if grants { grant } else { deny };
            let decided = [
                files.decide(&ask, Side::Sidecar),
                inline.decide(&ask, Side::Sidecar),
                inline.decide(&ask, Side::FilterAsking),
                inline.decide(&ask, Side::FilterBefore),
            ];
            for decision in decided {
                assert_eq!(decision.reason, expected, "{namespace_none}: {method} {path} {own}");
            }
            // Not the filter's business, where there are files.
            files.asked.borrow_mut().clear();
            files.decide(&ask, Side::FilterAsking);
            assert_eq!(*files.asked.borrow(), ["sidecar"], "{method} {path}");
        }
        assert!(inline.asked.borrow().is_empty());
    }
}

const GROUPS: &str = r#"
role_documents:
  - { kind: Role, metadata: { name: r }, rules: [{ api: kubernetes, resources: [applications], namespaces: [a], verbs: [get] }] }
  - { kind: RoleBinding, metadata: { name: b }, users: [ann], groups: [ops, "a,b", ann2], roles: [r] }
"#;

#[test]
fn groups_have_roles_and_left_out_groups_are_not_none() {
    let world = world(&format!("{ISSUERS}{GROUPS}{ROUTES}"), "");
    let overage = json!({"_claim_names": {"groups": "src1"}});
    let cases = [
        (json!({"sub": "ann"}), Reason::Allowed),
        (json!({"sub": "x", "groups": "ops"}), Reason::Allowed),
        (json!({"sub": "x", "groups": ["dev", "ops"]}), Reason::Allowed),
        (json!({"sub": "x", "groups": ["a,b"]}), Reason::Allowed),
        (json!({"sub": "x", "groups": ["a", "b"]}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": "dev ops"}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": "dev,ops"}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": ["Ops"]}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": [["ops"]]}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": {"ops": true}}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": []}), Reason::RoleMissing),
        (json!({"sub": "x"}), Reason::RoleMissing),
        // A user is no group, and a group no user.
        (json!({"sub": "ops"}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": ["ann"]}), Reason::RoleMissing),
        (json!({"sub": "x", "groups": ["ann2"]}), Reason::Allowed),
        (json!({"sub": "x", "_claim_names": overage["_claim_names"]}), Reason::GroupsOverage),
        (json!({"sub": "x", "hasgroups": true}), Reason::GroupsOverage),
        (json!({"sub": "ann", "hasgroups": true}), Reason::Allowed),
    ];
    for (own, expected) in cases {
        let token = token(claims(own.clone()), GOOD);
        let ask = get("/kubernetes/namespaces/a/applications/1").bearer(&token);
        for side in [Side::FilterAsking, Side::Sidecar] {
            assert_eq!(world.decide(&ask, side).reason, expected, "{side:?} {own}");
        }
    }
}

#[test]
fn what_has_no_value_is_nobodys() {
    let world = world(&format!("{ISSUERS}{GROUPS}{ROUTES}"), "");
    let named = token(claims(json!({"name": "ann"})), GOOD);
    let ask = || get("/by-header").bearer(&named);
    let cases = [
        (ask().header("x-namespace", "a"), Reason::Allowed),
        (ask().header("x-namespace", "b"), Reason::RoleMissing),
        (ask().header("x-namespace", ""), Reason::RoleMissing),
        (ask().header("x-namespace", "a").header("x-namespace", "b"), Reason::RoleMissing),
        (ask(), Reason::RoleMissing),
        (
            get("/by-header").header("x-namespace", "a").bearer(&token(claims(json!({})), GOOD)),
            Reason::RoleMissing,
        ),
    ];
    for (ask, expected) in cases {
        for side in [Side::FilterAsking, Side::Sidecar] {
            assert_eq!(world.decide(&ask, side).reason, expected, "{side:?} {:?}", ask.headers);
        }
    }
}

/// The file's words, the route's words, what a caller without and with the role gets.
const AUTHORIZATION: &[(&str, &str, Reason, Reason)] = &[
    ("", "RBAC", Reason::RoleMissing, Reason::Allowed),
    ("authorization: rbac", "RBAC", Reason::RoleMissing, Reason::Allowed),
    ("authorization: always_allow", "RBAC", Reason::Allowed, Reason::Allowed),
    (
        "authorization: always_allow",
        "RBAC, scopes: { all_of: [x] }",
        Reason::ScopeMissing,
        Reason::ScopeMissing,
    ),
    ("authorization: always_deny", "RBAC", Reason::DeniedByRule, Reason::DeniedByRule),
    (
        "authorization: always_deny",
        "RBAC, claims: [{ claim: x, present: true }]",
        Reason::ClaimMismatch,
        Reason::ClaimMismatch,
    ),
    (
        "authorization: always_deny",
        "RBAC, authorization: rbac",
        Reason::RoleMissing,
        Reason::Allowed,
    ),
    ("authorization: always_deny", "authorization: always_allow", Reason::Allowed, Reason::Allowed),
    (
        "authorization: always_allow",
        "authorization: always_deny",
        Reason::DeniedByRule,
        Reason::DeniedByRule,
    ),
    ("", "authorization: always_deny", Reason::DeniedByRule, Reason::DeniedByRule),
    ("", "authorization: always_allow", Reason::Allowed, Reason::Allowed),
    (
        "hosts: { api.example.com: { authorization: always_deny } }",
        "RBAC",
        Reason::DeniedByRule,
        Reason::DeniedByRule,
    ),
];

#[test]
fn authorization_says_whether_roles_are_asked() {
    for (file, route, without, with) in AUTHORIZATION {
        let route = route.replace(
            "RBAC",
            "rbac: { api: kubernetes, resource: applications, namespace: a, groups: groups }",
        );
        let uses = |roles| if route.contains("rbac: {") { roles } else { "" };
        let text = format!(
            "{ISSUERS}{}{file}\nroutes: [{{ name: a, match: {{ hosts: [api.example.com], path: /a }}, authenticate: [{{ jwt: main }}], {route} }}, {{ name: b, match: {{ hosts: [api.example.com], path: /b }}, authenticate: [{{ jwt: main }}] }}]",
            uses(GROUPS)
        );
        let world = world(&text, "");
        for (own, expected) in [(json!({"sub": "x"}), without), (json!({"sub": "ann"}), with)] {
            let token = token(claims(own), GOOD);
            for side in [Side::FilterAsking, Side::Sidecar] {
                let reason = world.decide(&get("/a").bearer(&token), side).reason;
                assert_eq!(reason, *expected, "{side:?} {file} {route}");
            }
            let nobody = world.decide(&get("/a"), Side::FilterAsking).reason;
            assert_eq!(nobody, Reason::TokenMissing);
        }
    }
}

/// Whoever is anonymous and lacks something is told to bring a credential.
#[test]
fn the_anonymous_have_roles_or_are_asked_for_a_credential() {
    let text = format!(
        r#"{ISSUERS}
role_documents:
  - {{ kind: Role, metadata: {{ name: r }}, rules: [{{ api: a, resources: [public], namespaces: [""], verbs: [get] }}] }}
  - {{ kind: RoleBinding, metadata: {{ name: b }}, users: ["system:anonymous"], roles: [r] }}
routes:
  - {{ name: a, match: {{ path: "/a/{{resource}}" }}, authenticate: [{{ jwt: main }}, {{ anonymous: {{ subject: "system:anonymous" }} }}],
      rbac: {{ api: a, resource: "{{path.resource}}", user: "{{subject}}" }} }}
  - {{ name: b, match: {{ path: /scope }}, authenticate: [{{ jwt: main }}, {{ anonymous: {{}} }}], scopes: {{ all_of: [x] }} }}
  - {{ name: c, match: {{ path: /claim }}, authenticate: [{{ jwt: main }}, {{ anonymous: {{}} }}], claims: [{{ claim: x, present: true }}] }}
  - {{ name: d, match: {{ path: /deny }}, authenticate: [{{ jwt: main }}, {{ anonymous: {{}} }}], authorization: always_deny }}
"#
    );
    let world = world(&text, "");
    let token = token(claims(json!({})), GOOD);
    let cases = [
        ("/a/public", Reason::Allowed, Reason::RoleMissing),
        ("/a/private", Reason::TokenMissing, Reason::RoleMissing),
        ("/scope", Reason::TokenMissing, Reason::ScopeMissing),
        ("/claim", Reason::TokenMissing, Reason::ClaimMismatch),
        ("/deny", Reason::DeniedByRule, Reason::DeniedByRule),
    ];
    for (path, anonymous, known) in cases {
        for side in [Side::FilterAsking, Side::Sidecar] {
            assert_eq!(world.decide(&get(path), side).reason, anonymous, "{side:?} {path}");
            assert_eq!(world.decide(&get(path).bearer(&token), side).reason, known, "{path}");
        }
    }
}

/// The filter learns that there are role files, not their names; then the policy's own documents are not its business
/// either.
#[test]
fn the_filters_copy_has_all_documents_or_none() {
    let copy = |text: &str| {
        let document = Document::parse(text.as_bytes(), Format::Yaml).unwrap();
        let again = Document::from_value(document.filter_copy()).unwrap();
        assert_eq!(again.digest(), document.digest());
        let (policy, _) = Policy::compile_filter_copy(&again).unwrap();
        (document.filter_copy(), policy.needs_sidecar().is_some())
    };
    let (inline, asks) = copy(&format!("{ISSUERS}{GROUPS}{ROUTES}"));
    assert!(inline["role_documents"].is_array() && inline.get("roles").is_none() && !asks);
    let (files, asks) = copy(&format!("{ISSUERS}{GROUPS}roles: [secret-name.yaml]\n{ROUTES}"));
    assert!(files.get("role_documents").is_none() && files["roles"] == json!([]) && asks);
    assert!(!files.to_string().contains("secret-name"));
    let (none, asks) = copy(&format!("{ISSUERS}{ROUTES}"));
    assert!(none.get("roles").is_none() && !asks);
    let (kept_out, asks) = copy(&format!("{ISSUERS}{GROUPS}roles: []\n{ROUTES}"));
    assert!(kept_out.get("role_documents").is_none() && asks);
}

/// Streams of JSON objects are read by another reader than other YAML, and say the same.
#[test]
fn streams_of_json_and_yaml_say_the_same() {
    let role = r#"{"kind":"Role","metadata":{"name":"r"},"rules":[{"api":"a","resources":["b"],"namespaces":[],"verbs":["get"]}]}"#;
    let bind = r#"{"kind":"RoleBinding","metadata":{"name":"b"},"users":["alice"],"roles":["r"]}"#;
    let alice = token(claims(json!({})), GOOD);
    let policy = format!("{ISSUERS}roles: [r]\n{}", ROUTE.replace(", groups: g", ""));
    let cases = [
        (format!("{role}\n---\n{bind}\n"), Ok(())),
        (format!("---\n{role}\n---\n{bind}"), Ok(())),
        (format!("--- {role}\n---   \n{bind}\n\n"), Ok(())),
        (format!("# roles\n{role}\n---\n{bind}\n"), Ok(())),
        (format!("{role}\n---\n# who\n{bind}\n"), Ok(())),
        (format!("{role}\n{bind}\n"), Err("not valid YAML")),
        (format!("{role}\n---\n{}", bind.replace("}", ",\"roles\":[]}")), Err("not valid YAML")),
        (format!("{role}\n---\n{}", bind.replace("users", "user")), Err("unknown field")),
    ];
    for (text, expected) in cases {
        match (crate::support::compile(&policy, &text), expected) {
            (Ok(_), Ok(())) => {
                let world = world(&policy, &text);
                let decision = world.decide(&get("/a").bearer(&alice), Side::Sidecar);
                assert_eq!(decision.reason, Reason::Allowed, "{text}");
            }
            (Err(problems), Err(message)) => {
                assert!(
                    problems.iter().any(|it| it.message.contains(message)),
                    "{text}: {problems:#?}"
                );
            }
            (Ok(_), Err(_)) => panic!("{text} loads"),
            (Err(problems), Ok(())) => panic!("{text}: {problems:#?}"),
        }
    }
}

const ROUTE: &str = "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, groups: g } }]";

/// What stands in the file, place of the error, a part of its message.
const DO_NOT_LOAD: &[(&str, &str, &str)] = &[
    (
        "role_documents: [{ kind: Pod, metadata: { name: p } }]\nROUTE",
        "role_documents[0].kind",
        "Pod",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p } }]\nROUTE",
        "role_documents[0].rules",
        "`p` has no rules",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p }, rules: [], users: [u] }]\nROUTE",
        "role_documents[0].users",
        "binds nobody",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p }, rules: [], roles: [] }]\nROUTE",
        "role_documents[0].roles",
        "has none",
    ),
    (
        "role_documents: [{ kind: RoleBinding, metadata: { name: p }, users: [u] }]\nROUTE",
        "role_documents[0].roles",
        "has no roles",
    ),
    (
        "role_documents: [{ kind: RoleBinding, metadata: { name: p }, users: [u], roles: [], rules: [] }]\nROUTE",
        "role_documents[0].rules",
        "has none",
    ),
    (
        "role_documents: [{ kind: RoleBinding, metadata: { name: p }, users: [u], roles: [ghost] }]\nROUTE",
        "role_documents[0].roles",
        "`ghost`, which does not exist",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p }, rules: [] }, { kind: Role, metadata: { name: p }, rules: [] }]\nROUTE",
        "role_documents[1]",
        "defined twice",
    ),
    (
        "roles: [r.yaml]\nrole_documents: [{ kind: Role, metadata: { name: reader }, rules: [] }]\nROUTE",
        "r.yaml[0]",
        "defined twice",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p }, rules: [{ api: a, resources: [], namespaces: [], verbs: ['*'] }] }]\nROUTE",
        "role_documents[0].rules[0].verbs[0]",
        "unknown variant",
    ),
    (
        "role_documents: [{ kind: Role, metadata: { name: p }, rules: [] }]",
        "role_documents",
        "has no effect",
    ),
    ("namespace_none: grant", "namespace_none", "has no effect"),
    ("namespace_none: maybe\nROUTE", "namespace_none", "maybe"),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, groups: 'a..b' } }]",
        "routes[0].rbac.groups",
        "is no claim path",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: '', resource: b } }]",
        "routes[0].rbac.api",
        "is empty",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: '{path.x}' } }]",
        "routes[0].rbac.resource",
        "no variable",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], authorization: rbac }]",
        "routes[0].authorization",
        "asks for none",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], authorization: always_allow, rbac: { api: a, resource: b } }]",
        "routes[0].authorization",
        "has no effect",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], authorization: always_deny, rbac: { api: a, resource: b } }]",
        "routes[0].authorization",
        "has no effect",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, authorization: always_deny }]",
        "routes[0].authorization",
        "has no effect",
    ),
    (
        "authorization: always_deny\nroutes: [{ name: a, match: { path: /a }, allow: unauthenticated }]",
        "authorization",
        "no route inherits it",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, mode: async, authenticate: [{ jwt: main }], rbac: { api: a, resource: b } }]",
        "routes[0].mode",
        "nothing of this route is the sidecar's",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {} }], scopes: { any_of: [x] } }]",
        "routes[0].scopes",
        "nobody could ever pass",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {} }], claims: [{ claim: x, any_of: [x] }] }]",
        "routes[0].claims",
        "nobody could ever pass",
    ),
    (
        "claims: [{ claim: x, any_of: [x] }]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {} }] }]",
        "claims",
        "nobody could ever pass",
    ),
];

#[test]
fn what_has_no_effect_or_no_meaning_does_not_load() {
    for (text, place, message) in DO_NOT_LOAD {
        let problems = load(&format!("{ISSUERS}{}", text.replace("ROUTE", ROUTE)));
        let found = problems.iter().any(|problem| {
            problem.level == Level::Error
                && problem.path == *place
                && problem.message.contains(message)
                && !problem.fix.is_empty()
        });
        assert!(found, "{text}: {problems:#?}");
    }
}

#[test]
fn the_policys_own_documents_are_bounded() {
    let many = |number: usize, users: usize| {
        let users: Vec<_> = (0..users).map(|user| format!("u{user}")).collect();
        let binding = json!({"kind": "RoleBinding", "metadata": {"name": "b"}, "users": users, "roles": ["r"]});
        let role = json!({"kind": "Role", "metadata": {"name": "r"}, "rules": []});
        let documents: Vec<_> =
            std::iter::once(role).chain(std::iter::repeat_n(binding, number)).collect();
        let documents = serde_json::to_string(&documents).unwrap();
        let problems = load(&format!("{ISSUERS}role_documents: {documents}\n{ROUTE}"));
        problems.into_iter().find(|problem| problem.level == Level::Error)
    };
    assert_eq!(many(999, 1), None);
    assert_eq!(many(1, 65_536), None);
    for problem in [many(1_000, 1).unwrap(), many(1, 65_537).unwrap()] {
        assert_eq!(problem.path, "role_documents");
        assert!(problem.fix.contains("put them in files"), "{problem}");
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let cases = [
        (
            format!("{GROUPS}{}", ROUTE.replace(", groups: g", "")),
            "role_documents",
            "no route says where",
        ),
        (
            format!(
                "role_documents: [{{ kind: RoleBinding, metadata: {{ name: b }}, roles: [] }}]\n{ROUTE}"
            ),
            "role_documents[0]",
            "binds nobody",
        ),
        (
            format!("authorization: always_allow\n{GROUPS}{ROUTE}"),
            "routes[0].rbac",
            "is not evaluated",
        ),
        (
            format!(
                "{GROUPS}{}",
                ROUTE.replace("[{ jwt: main }]", "[{ jwt: main }, { anonymous: {} }]")
            ),
            "routes[0].rbac.groups",
            "several issuers",
        ),
    ];
    for (text, place, message) in cases {
        let problems = load(&format!("{ISSUERS}{text}"));
        assert!(problems.iter().all(|it| it.level == Level::Warning), "{text}: {problems:#?}");
        let found = problems.iter().any(|it| it.path == place && it.message.contains(message));
        assert!(found, "{text}: {problems:#?}");
    }
}
