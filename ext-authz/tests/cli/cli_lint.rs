//! `sallyport lint`: findings and exit codes.

use serde_json::Value;

use crate::run::{Folder, sallyport};

const GOOD: &str =
    "version: 1\nroutes: [{ name: h, match: { path: /h }, allow: unauthenticated }]\n";

/// Name, policy, exit code, level and path of each finding.
type Case = (&'static str, &'static str, i32, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    ("good", GOOD, 0, &[]),
    ("warning", "version: 1\nroutes: []\n", 0, &[("warning", "routes")]),
    ("error", "version: 2\nroutes: []\n", 1, &[("error", "version"), ("warning", "routes")]),
    ("unknown field", "version: 1\nroute: []\n", 1, &[("error", "route")]),
    (
        "every mistake at once",
        "version: one\nroute: []\nissuers: { a: { leeway: 5, clients: web } }\nroutes: [{ match: { path: [] } }, 7]\n",
        1,
        &[
            ("error", "version"),
            ("error", "route"),
            ("error", "issuers.a.leeway"),
            ("error", "issuers.a.clients"),
            ("error", "routes[0].match.path"),
            ("error", "routes[0]"),
            ("error", "routes[1]"),
        ],
    ),
    ("no YAML", "version: [", 1, &[("error", "$")]),
    (
        "no role file",
        "version: 1\nroles: [nowhere.yaml]\nroutes: [{ name: h, match: { path: /h }, allow: unauthenticated }]\n",
        1,
        &[("error", "roles[0]")],
    ),
    (
        "no effect",
        "version: 1\nroutes: [{ name: h, match: { path: /h }, allow: unauthenticated, scopes: { all_of: [a] } }]\n",
        1,
        &[("error", "routes[0].scopes")],
    ),
];

#[test]
fn findings_and_exit_codes() {
    let folder = Folder::new("lint");
    for (name, policy, code, expected) in CASES {
        let path = folder.write("policy.yaml", policy);
        let run = sallyport(&["lint", "--policy", &path, "--json"], "");
        assert_eq!(run.code, *code, "{name}: {}{}", run.out, run.err);
        let found = run.lines();
        for finding in &found {
            let members: Vec<_> = finding.as_object().unwrap().keys().collect();
            assert_eq!(members, ["level", "path", "message", "fix"], "{name}");
            assert!(finding["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{name}");
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found: Vec<_> = found.iter().map(|f| (text(&f["level"]), text(&f["path"]))).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(level, path)| ((*level).to_owned(), (*path).to_owned()))
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_wrong_use() {
    let run = sallyport(&["lint", "--policy", "nowhere.yaml", "--json"], "");
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("`nowhere.yaml` cannot be read"), "{}", run.err);
}

#[test]
fn the_quickstart_has_no_error() {
    let run = sallyport(&["lint", "--policy", "envoy/quickstart/policy.yaml"], "");
    assert_eq!(run.code, 0, "{}", run.out);
}

#[test]
fn json_policies_are_read_strictly() {
    let folder = Folder::new("lint-json");
    let path = folder.write("policy.json", r#"{"version":1,"version":1,"routes":[]}"#);
    let run = sallyport(&["lint", "--policy", &path, "--json"], "");
    assert_eq!(run.code, 1);
    assert_eq!(run.lines()[0]["path"], "$");
}
