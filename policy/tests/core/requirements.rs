//! What scopes and claims ask for: who passes in both doors, and what does not load.

use crate::load::load;
use crate::support::{GOOD, claims, get, token, world};
use sallyport_policy::{Level, Reason, Side};
use serde_json::{Value, json};

fn policy(requirement: &str) -> String {
    format!(
        r#"
version: 1
issuers: {{ main: {{ issuer: "https://idp.example", jwks: {{ discovery: true, cluster: idp }}, audiences: [orders], algorithms: [ES256] }} }}
routes:
  - {{ name: a, match: {{ path: "/a/{{id}}" }}, authenticate: [{{ jwt: main }}], {requirement} }}
"#
    )
}

/// The same answer in both doors.
fn check(requirement: &str, own: &Value, path: &str, expected: Reason) {
    let world = world(&policy(requirement), "");
    let token = token(claims(own.clone()), GOOD);
    let ask = get(path).header("x-tenant", "t1").bearer(&token);
    for side in [Side::FilterAsking, Side::Sidecar] {
        let reason = world.decide(&ask, side).reason;
        assert_eq!(reason, expected, "{side:?}: {requirement} {own} {path}");
    }
}

/// Requirement, granted scopes, what comes of it.
const SCOPES: &[(&str, &str, Reason)] = &[
    ("all_of: [a, b]", "b c a", Reason::Allowed),
    ("all_of: [a, b]", "a c", Reason::ScopeMissing),
    ("any_of: [a, b]", "b", Reason::Allowed),
    ("any_of: [a, b]", "c", Reason::ScopeMissing),
    ("all_of: [a], any_of: [b, c]", "a", Reason::ScopeMissing),
    ("all_of: [a], any_of: [b, c]", "a c", Reason::Allowed),
    ("none_of: [a]", "", Reason::Allowed),
    ("none_of: [a]", "b", Reason::Allowed),
    ("none_of: [a]", "b a", Reason::ScopeForbidden),
    ("none_of: [a]", "A a.b *", Reason::Allowed),
    ("all_of: [b], none_of: [a]", "a", Reason::ScopeMissing),
    ("all_of: [b], none_of: [a]", "a b", Reason::ScopeForbidden),
    ("all_of: [a.b]", "a", Reason::ScopeMissing),
    ("all_of: [a.b], strategy: exact", "a a.*", Reason::ScopeMissing),
    ("all_of: [a.b], strategy: hierarchic", "a", Reason::Allowed),
    ("all_of: [a.b], strategy: hierarchic", "a.b", Reason::Allowed),
    ("all_of: [a.b], strategy: hierarchic", "a.b.c", Reason::ScopeMissing),
    ("all_of: [a.b], strategy: hierarchic", "a.", Reason::ScopeMissing),
    ("all_of: [a.b], strategy: hierarchic", "a.*", Reason::ScopeMissing),
    ("none_of: [a.b], strategy: hierarchic", "a", Reason::ScopeForbidden),
    ("none_of: [a.b], strategy: hierarchic", "a.b.c", Reason::Allowed),
    ("all_of: [a.b], strategy: wildcard", "a.*", Reason::Allowed),
    ("all_of: [a.b], strategy: wildcard", "*", Reason::Allowed),
    ("all_of: [a.b], strategy: wildcard", "a", Reason::ScopeMissing),
    ("all_of: [a.b], strategy: wildcard", "a.b.*", Reason::ScopeMissing),
    ("all_of: [a.b, c], strategy: wildcard", "a.* b", Reason::ScopeMissing),
    ("none_of: [a.b], strategy: wildcard", "*", Reason::ScopeForbidden),
    ("none_of: [a.b], strategy: wildcard", "a.b*", Reason::Allowed),
];

#[test]
fn scopes_are_granted_by_their_strategy() {
    for (scopes, granted, expected) in SCOPES {
        let requirement = format!("scopes: {{ {scopes} }}");
        check(&requirement, &json!({ "scope": granted }), "/a/1", *expected);
        let list: Vec<&str> = granted.split(' ').collect();
        check(&requirement, &json!({ "scope": null, "scp": list }), "/a/1", *expected);
    }
}

/// Requirement of the claim `x`, its value (`absent`: none), whether it holds.
fn claim_cases() -> Vec<(&'static str, Value, bool)> {
    vec![
        ("any_of: [a, 1, true]", json!("a"), true),
        ("any_of: [a, 1, true]", json!(["b", 1.0]), true),
        ("any_of: [a, 1, true]", json!("1"), false),
        ("any_of: [a, 1, true]", json!([]), false),
        ("any_of: [a, 1, true]", json!({"a": 1}), false),
        ("all_of: [a, b]", json!(["b", "c", "a"]), true),
        ("all_of: [a, b]", json!("a"), false),
        ("none_of: [a]", json!("absent"), true),
        ("none_of: [a]", json!(null), true),
        ("none_of: [a]", json!("b"), true),
        ("none_of: [a]", json!([]), true),
        ("none_of: [a]", json!({"a": "a"}), true),
        ("none_of: [a]", json!("a"), false),
        ("none_of: [a]", json!(["b", "a"]), false),
        ("none_of: [1]", json!(1.0), false),
        ("none_of: [1]", json!("1"), true),
        ("none_of: [a], present: true", json!("absent"), false),
        ("none_of: [a], present: true", json!(null), false),
        ("none_of: [a], present: true", json!("b"), true),
        ("none_of: [a], any_of: [b]", json!(["a", "b"]), false),
        ("none_of: [a], any_of: [b]", json!(["c", "b"]), true),
        ("none_of: [a], any_of: [b]", json!("absent"), false),
        ("present: true", json!(false), true),
        ("present: true", json!(""), true),
        ("present: true", json!([]), true),
        ("present: true", json!({}), true),
        ("present: true", json!(null), false),
        ("present: true", json!("absent"), false),
        ("present: false", json!("absent"), true),
        ("present: false", json!(null), true),
        ("present: false", json!(false), false),
        ("present: false", json!([]), false),
        ("at_least: 3", json!(3), true),
        ("at_least: 3", json!(3.0), true),
        ("at_least: 3", json!(2.999), false),
        ("at_least: 3", json!("3"), false),
        ("at_least: 3", json!([3]), false),
        ("at_least: 3", json!(true), false),
        ("at_least: 3", json!("absent"), false),
        ("at_least: 3", json!(null), false),
        ("at_most: -1", json!(-1), true),
        ("at_most: -1", json!(-7.5), true),
        ("at_most: -1", json!(0), false),
        ("at_most: -1", json!("absent"), false),
        ("at_least: 1, at_most: 1", json!(1), true),
        ("at_least: 1.5, at_most: 2.5", json!(2), true),
        ("at_least: 1.5, at_most: 2.5", json!(1), false),
        ("at_least: 9007199254740993", json!(9_007_199_254_740_992_i64), false),
        ("at_least: 9007199254740993", json!(9_007_199_254_740_993_i64), true),
        ("at_most: 18446744073709551614", json!(u64::MAX), false),
        ("at_most: 18446744073709551615", json!(u64::MAX), true),
        ("at_least: 3, none_of: [4]", json!(4), false),
        ("at_least: 3, none_of: [4]", json!(5), true),
        ("equals: '{path.id}'", json!("7"), true),
        ("equals: '{path.id}'", json!(7), true),
        ("equals: '{path.id}'", json!(7.0), false),
        ("equals: '{path.id}'", json!(["6", "7"]), true),
        ("equals: '{path.id}'", json!([["7"]]), false),
        ("equals: '{path.id}'", json!("07"), false),
        ("equals: '{path.id}'", json!("absent"), false),
        ("equals: '{path.id}'", json!(null), false),
        ("equals: 'true'", json!(true), true),
        ("equals: 'true'", json!(false), false),
        ("equals: '{header.x-tenant}'", json!("t1"), true),
        ("equals: '{header.x-tenant}'", json!("t2"), false),
        ("equals: '{header.x-other}'", json!(""), false),
        ("equals: '{query.q}/{method}'", json!("é/GET"), true),
        ("equals: '{query.q}/{method}'", json!("e/GET"), false),
        ("equals: '{query.twice}'", json!("1"), false),
        ("equals: '{host}'", json!("api.example.com"), true),
        ("equals: '{claims.tenant}'", json!("t1"), true),
        ("equals: '{claims.nothing}'", json!(null), false),
        ("equals: '{path.id}', none_of: ['7']", json!("7"), false),
    ]
}

#[test]
fn claims_hold_as_they_are_written() {
    for (rule, value, holds) in claim_cases() {
        let own = if value == "absent" { json!({}) } else { json!({ "x": value }) };
        let requirement = format!("claims: [{{ claim: x, {rule} }}]");
        let expected = if holds { Reason::Allowed } else { Reason::ClaimMismatch };
        check(&requirement, &own, "/a/7?q=%C3%A9&twice=1&twice=1", expected);
    }
}

/// What keeps groups out of a token says nothing about who is in them, also where nobody should be.
#[test]
fn left_out_groups_are_not_the_same_as_none() {
    let cases = ["none_of: [admins]", "present: false", "equals: '{path.id}'", "any_of: [staff]"];
    for rule in cases {
        let requirement = format!("claims: [{{ claim: groups, {rule} }}]");
        check(&requirement, &json!({ "hasgroups": true }), "/a/1", Reason::GroupsOverage);
    }
}

/// Requirement, place of the error, a part of its message.
const DO_NOT_LOAD: &[(&str, &str, &str)] = &[
    ("scopes: { strategy: exact }", "scopes", "asks for no scope"),
    ("scopes: { all_of: [a], strategy: fuzzy }", "scopes.strategy", "fuzzy"),
    ("scopes: { none_of: ['a b'] }", "scopes.none_of[0]", "`a b` is no scope"),
    ("scopes: { all_of: [a], none_of: [a] }", "scopes.none_of", "whoever has `a` has it"),
    ("scopes: { any_of: [a, b], none_of: [b] }", "scopes.none_of", "whoever has `b` has it"),
    (
        "scopes: { all_of: [a], none_of: [a.b], strategy: hierarchic }",
        "scopes.none_of",
        "`a.b` is refused, and whoever has `a` has it",
    ),
    (
        "scopes: { none_of: ['a.*'], strategy: wildcard }",
        "scopes.none_of[0]",
        "patterns stand in tokens",
    ),
    (
        "scopes: { all_of: ['*'], strategy: wildcard }",
        "scopes.all_of[0]",
        "patterns stand in tokens",
    ),
    ("claims: [{ claim: x }]", "claims[0]", "asks for no value"),
    ("claims: [{ claim: x, none_of: [[a]] }]", "claims[0].none_of[0]", "is no scalar"),
    ("claims: [{ claim: x, none_of: [null] }]", "claims[0].none_of[0]", "is no scalar"),
    ("claims: [{ claim: x, any_of: [a], none_of: [a] }]", "claims[0].none_of", "both wanted"),
    ("claims: [{ claim: x, all_of: [1], none_of: [1.0] }]", "claims[0].none_of", "both wanted"),
    ("claims: [{ claim: x, present: false, any_of: [a] }]", "claims[0].present", "all the same"),
    ("claims: [{ claim: x, present: false, none_of: [a] }]", "claims[0].present", "all the same"),
    (
        "claims: [{ claim: x, present: false }, { claim: x, any_of: [a] }]",
        "claims[1]",
        "nobody could ever pass",
    ),
    (
        "claims: [{ claim: x.y, at_least: 1 }, { claim: x.y, present: false }]",
        "claims[1]",
        "nobody could ever pass",
    ),
    ("claims: [{ claim: x, at_least: 2, at_most: 1 }]", "claims[0].at_least", "is above"),
    ("claims: [{ claim: x, at_least: 1.5, at_most: 1 }]", "claims[0].at_least", "is above"),
    ("claims: [{ claim: x, at_least: '1' }]", "claims[0].at_least", "expected"),
    ("claims: [{ claim: x, at_least: 1, any_of: [0, 1] }]", "claims[0]", "`0` is no number within"),
    ("claims: [{ claim: x, at_most: 1, any_of: [a] }]", "claims[0]", "is no number within"),
    ("claims: [{ claim: x, at_most: 3, all_of: [1, 2] }]", "claims[0].all_of", "several values"),
    ("claims: [{ claim: x, equals: '' }]", "claims[0].equals", "is empty"),
    ("claims: [{ claim: x, equals: '{path.nope}' }]", "claims[0].equals", "no variable"),
    ("claims: [{ claim: x, equals: '{header.cookie}' }]", "claims[0].equals", "credentials"),
];

#[test]
fn what_could_never_be_met_does_not_load() {
    for (requirement, place, message) in DO_NOT_LOAD {
        let problems = load(&policy(requirement));
        let found = problems.iter().any(|problem| {
            problem.level == Level::Error
                && problem.path == format!("routes[0].{place}")
                && problem.message.contains(message)
                && !problem.fix.is_empty()
        });
        assert!(found, "{requirement}: {problems:#?}");
    }
}

#[test]
fn what_can_be_met_loads() {
    let cases = [
        "scopes: { all_of: [a.b], none_of: [a], strategy: hierarchic }",
        "scopes: { all_of: ['a.*'] }",
        "scopes: { all_of: [a.b], none_of: [a.c], strategy: wildcard }",
        "claims: [{ claim: x, none_of: [a] }, { claim: x, present: false }]",
        "claims: [{ claim: x, present: true, none_of: [a] }]",
        "claims: [{ claim: x, at_least: 1, any_of: [1, 2.5] }]",
        "claims: [{ claim: x, at_most: 1, all_of: [1, 1.0] }]",
    ];
    for requirement in cases {
        let problems = load(&policy(requirement));
        assert!(problems.iter().all(|it| it.level != Level::Error), "{requirement}: {problems:#?}");
    }
}
