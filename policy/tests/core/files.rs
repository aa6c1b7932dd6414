//! Policies of several files, and variables: what they make, and where their mistakes are said to be.

use sallyport_policy::{Document, Format, Policy, PolicyPart, Problem};

const MAIN: &str = r#"
version: 1
include: [issuers.yaml, "routes/*.yaml"]
service: "${SERVICE}"
routes: [{ name: health, match: { path: /healthz }, allow: unauthenticated }]
"#;
const ISSUERS: &str = r#"
issuers:
  main: { issuer: "https://${HOST:-idp.example}", jwks: { discovery: true, cluster: idp }, audiences: ["${AUDIENCE:-orders}"] }
"#;
const ROUTES: &str = r#"
routes:
  - { name: read, match: { path: "/orders/{id}", methods: [GET] }, authenticate: [{ jwt: main }] }
  - { name: write, match: { path: "/orders/{id}", methods: [PUT] }, authenticate: [{ jwt: main }] }
"#;
/// What the three are in one.
const ONE: &str = r#"
version: 1
service: orders
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
routes:
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
  - { name: read, match: { path: "/orders/{id}", methods: [GET] }, authenticate: [{ jwt: main }] }
  - { name: write, match: { path: "/orders/{id}", methods: [PUT] }, authenticate: [{ jwt: main }] }
"#;

fn environment(name: &str) -> Option<String> {
    (name == "SERVICE").then(|| "orders".to_owned())
}

/// The first is the policy file; the others are included, in this order.
fn load(files: &[(&str, &str)]) -> Result<(Document, Vec<Problem>), Vec<Problem>> {
    let mut parts = Vec::new();
    for (name, text) in files {
        let format = if name.ends_with(".json") { Format::Json } else { Format::Yaml };
        let part = PolicyPart::parse(name, text.as_bytes(), format, &environment);
        parts.push(part.map_err(|problems| PolicyPart::named(name, problems))?);
    }
    let main = parts.remove(0);
    let document = Document::join(main, parts)?;
    Policy::compile(&document, &[]).map(|(_, warnings)| (document, warnings))
}

#[test]
fn several_files_are_the_policy_that_one_would_be() {
    let whole = [("policy.yaml", MAIN), ("issuers.yaml", ISSUERS), ("routes/a.yaml", ROUTES)];
    let (document, warnings) = load(&whole).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let one = Document::parse(ONE.as_bytes(), Format::Yaml).unwrap();
    assert_eq!(document.filter_copy(), one.filter_copy());
    assert_eq!(document.digest(), one.digest());
}

#[test]
fn the_names_of_files_are_the_callers_to_read() {
    let main =
        PolicyPart::parse("policy.yaml", MAIN.as_bytes(), Format::Yaml, &environment).unwrap();
    let names: Vec<_> = main.includes().collect();
    assert_eq!(names, [(0, "issuers.yaml"), (1, "routes/*.yaml")]);
    let problems = Document::parse(b"version: 1\ninclude: [a.yaml]", Format::Yaml).unwrap_err();
    assert_eq!(problems[0].path, "include[0]");
    let copy = serde_json::json!({ "version": 1, "include": ["a.yaml"], "routes": [] });
    let copy = Document::from_value(copy).unwrap();
    let problems = Policy::compile_filter_copy(&copy).unwrap_err();
    assert_eq!(problems[0].path, "include");
}

/// Name, the included files, place and a part of the message of each problem.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
);

const CASES: &[Case] = &[
    (
        "a name in two files",
        &[("a.yaml", ISSUERS), ("b.json", r#"{"issuers":{"main":{}}}"#)],
        &[("b.json: issuers.main", "`main` stands in `a.yaml` too")],
    ),
    (
        "what belongs in the policy file",
        &[("a.yaml", "version: 1\nmode: sync\ninclude: [b.yaml]\ncolour: red\nroutes: []")],
        &[
            ("a.yaml: version", "has no place"),
            ("a.yaml: mode", "has no place"),
            ("a.yaml: include", "has no place"),
            ("a.yaml: colour", "has no place"),
        ],
    ),
    (
        "wrong kinds",
        &[("a.yaml", "routes: {}\nissuers: []\nroles: x")],
        &[
            ("a.yaml: routes", "`routes` is no list"),
            ("a.yaml: issuers", "`issuers` is no mapping"),
            ("a.yaml: roles", "`roles` is no list"),
        ],
    ),
    (
        "mistakes of shape, all at once",
        &[
            ("a.yaml", "routes: [{ name: a, match: { path: /a }, alow: x }]"),
            ("b.yaml", "routes: [{ name: b, match: { path: /b }, shadow: maybe }, 7]"),
            ("c.yaml", "issuers: { a.b: { leeway: 5 }, a: { leeway: 6 } }"),
        ],
        &[
            ("a.yaml: routes[0].alow", "unknown field"),
            ("b.yaml: routes[0].shadow", "`maybe`"),
            ("b.yaml: routes[1]", "`7`"),
            ("c.yaml: issuers.a.b.leeway", "`5`"),
            ("c.yaml: issuers.a.leeway", "`6`"),
        ],
    ),
    (
        "mistakes of meaning",
        &[
            ("a.yaml", "routes: [{ name: health, match: { path: /a }, allow: unauthenticated }]"),
            ("b.yaml", "routes: [{ name: b, match: { path: b }, allow: unauthenticated }]"),
            ("c.yaml", "issuers: { other: { issuer: 'https://o', jwks: { uri: 'http://o/k' } } }"),
        ],
        &[
            ("a.yaml: routes[0].name", "two routes"),
            ("b.yaml: routes[0].match.path", "`b`"),
            ("c.yaml: issuers.other.jwks.uri", "`http://o/k` is not encrypted"),
            ("c.yaml: issuers.other.audiences", ""),
            ("c.yaml: issuers.other.jwks.cluster", ""),
        ],
    ),
    ("syntax", &[("a.yaml", "routes: [")], &[("a.yaml: $", "not valid YAML")]),
    (
        "JSON is strict",
        &[("a.json", r#"{"routes":[],"routes":[]}"#)],
        &[("a.json: $", "the member `routes` stands twice")],
    ),
    (
        "variables",
        &[(
            "a.yaml",
            "routes: [{ name: '${NAME}', match: { path: '${' }, allow: unauthenticated }]",
        )],
        &[
            ("a.yaml: routes[0].name", "`NAME` is not set"),
            ("a.yaml: routes[0].match.path", "without a variable"),
        ],
    ),
    (
        "a secret that is none",
        &[(
            "a.yaml",
            "issuers: { o: { introspection: { url: 'https://o', client_id: '${SERVICE}', client_secret: { env: SERVICE } } } }",
        )],
        &[("a.yaml: issuers.o.introspection.client_secret.env", "`SERVICE` is a secret here")],
    ),
];

#[test]
fn problems_name_their_files() {
    for (name, included, expected) in CASES {
        let mut files = vec![("policy.yaml", MAIN)];
        files.extend_from_slice(included);
        let mut found = load(&files).map(|(_, warnings)| warnings).unwrap_or_else(|found| found);
        for (path, message) in *expected {
            let fits =
                |problem: &Problem| problem.path == *path && problem.message.contains(message);
            let at = found.iter().position(fits);
            let at = at.unwrap_or_else(|| panic!("{name}: {path}: {message}: {found:#?}"));
            assert!(!found.remove(at).fix.is_empty(), "{name}");
        }
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}
