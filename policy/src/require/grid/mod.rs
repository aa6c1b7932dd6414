//! The golden grid: every user of `roles.yaml` with every verb on every resource in every namespace of it, and on what it
//! does not name. A verb, user, resource or namespace without a row fails, so what a change of the rules changes is seen
//! in `grid.txt` line by line.

use std::collections::BTreeSet;

use crate::compile::roles::{RoleDocuments, compile_roles, read_files};
use crate::file::problem::Problems;
use crate::require::rbac::{AccessRequest, RoleFile, Roles, Verb};

const DOCUMENTS: &str = include_str!("roles.yaml");
const GRID: &str = include_str!("grid.txt");

/// Every verb, in the order of the columns.
const VERBS: &[Verb] =
    &[Verb::Create, Verb::List, Verb::ListAll, Verb::Get, Verb::Update, Verb::Delete];

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::List => "list",
        Verb::ListAll => "list_all",
        Verb::Get => "get",
        Verb::Update => "update",
        Verb::Delete => "delete",
    }
}

fn roles(namespace_none_grants: bool) -> Roles {
    let mut problems = Problems::default();
    let file = RoleFile { name: "roles.yaml".to_owned(), text: DOCUMENTS.to_owned() };
    let files = read_files(&[file], &mut problems);
    let documents = RoleDocuments { inline: &[], files, in_filter: false, namespace_none_grants };
    let roles = compile_roles(&documents, &mut problems);
    assert!(problems.0.is_empty(), "{:?}", problems.0);
    roles
}

/// The grid as the code has it: everything that the documents name, and `?` for what they do not.
fn grid() -> String {
    let mut problems = Problems::default();
    let file = RoleFile { name: "roles.yaml".to_owned(), text: DOCUMENTS.to_owned() };
    let documents = read_files(&[file], &mut problems);
    let rules = || documents.iter().flat_map(|(_, document)| document.rules.iter().flatten());
    let named = |names: &mut dyn Iterator<Item = &String>| -> Vec<String> {
        let names: BTreeSet<&String> = names.filter(|name| !name.is_empty()).collect();
        names.into_iter().cloned().chain(["?".to_owned()]).collect()
    };
    let users = named(&mut documents.iter().flat_map(|(_, document)| &document.users));
    let apis = named(&mut rules().map(|rule| &rule.api));
    let resources = named(&mut rules().flat_map(|rule| &rule.resources));
    let namespaces = named(&mut rules().flat_map(|rule| &rule.namespaces));
    let (deny, grant) = (roles(false), roles(true));
    let mut out = String::new();
    let words: Vec<_> = VERBS.iter().map(|verb| word(*verb)).collect();
    out.push_str(&format!("user api resource namespace: {}\n", words.join(" ")));
    for user in &users {
        for (api, resource) in apis.iter().flat_map(|api| resources.iter().map(move |it| (api, it)))
        {
            let mut row = |namespace: &str, roles: &Roles, asked: Option<&str>| {
                let marks: Vec<_> = VERBS
                    .iter()
                    .map(|verb| {
                        let asked = AccessRequest { api, resource, namespace: asked, verb: *verb };
                        if roles.allow_user(user, asked) { word(*verb) } else { "-" }
                    })
                    .collect();
                out.push_str(&format!(
                    "{user} {api} {resource} {namespace}: {}\n",
                    marks.join(" ")
                ));
            };
            row("none", &deny, None);
            row("none(grant)", &grant, None);
            for namespace in &namespaces {
                row(namespace, &deny, Some(namespace));
            }
        }
    }
    out
}

#[test]
fn roles_allow_what_the_golden_grid_says() {
    let actual = grid();
    let (mut golden, mut now) = (GRID.lines(), actual.lines());
    loop {
        match (golden.next(), now.next()) {
            (None, None) => break,
            (golden, now) => assert_eq!(golden, now, "golden left, now right"),
        }
    }
}

/// A verb that documents may name, and that is no column, would be tested by nobody.
#[test]
fn every_verb_has_a_column() {
    let schema = schemars::schema_for!(Verb).to_value().to_string();
    for verb in VERBS {
        assert!(schema.contains(&format!("\"{}\"", word(*verb))), "{schema}");
    }
    assert_eq!(schema.matches("\"const\"").count(), VERBS.len(), "{schema}");
}

/// Where there is a namespace, `namespace_none` says nothing.
#[test]
fn namespace_none_is_about_requests_without_a_namespace() {
    let (deny, grant) = (roles(false), roles(true));
    for user in ["reader", "writer", "unnamespaced", "any-namespace"] {
        for verb in VERBS {
            let asked = AccessRequest {
                api: "infra",
                resource: "clusters",
                namespace: Some("t1"),
                verb: *verb,
            };
            assert_eq!(deny.allow_user(user, asked), grant.allow_user(user, asked));
        }
    }
}

/// Somebody with many roles is searched in one set; the answers are the same.
#[test]
fn many_roles_are_searched_as_one() {
    let mut text = String::new();
    for number in 0..40 {
        text.push_str(&format!(
            "---\n{{ kind: Role, metadata: {{ name: r{number} }}, rules: [{{ api: a{number}, resources: [x], namespaces: [n], verbs: [get] }}] }}\n"
        ));
    }
    let names: Vec<_> = (0..40).map(|number| format!("r{number}")).collect();
    let all = names.join(", ");
    text.push_str(&format!(
        "---\n{{ kind: RoleBinding, metadata: {{ name: b }}, users: [u, v], groups: [g], roles: [{all}] }}\n"
    ));
    let mut problems = Problems::default();
    let files = read_files(&[RoleFile { name: "r".to_owned(), text }], &mut problems);
    let documents =
        RoleDocuments { inline: &[], files, in_filter: false, namespace_none_grants: false };
    let roles = compile_roles(&documents, &mut problems);
    assert!(problems.0.is_empty(), "{:?}", problems.0);
    assert_eq!(roles.sets.len(), 41, "one for each role, and one for all who have all of them");
    assert_eq!(roles.users.get("u").map(|sets| sets.as_slice().len()), Some(1));
    for number in 0..41 {
        let api = format!("a{number}");
        let asked =
            AccessRequest { api: &api, resource: "x", namespace: Some("n"), verb: Verb::Get };
        assert_eq!(roles.allow_user("u", asked), number < 40, "{api}");
        assert_eq!(roles.allow_group("g", asked), number < 40, "{api}");
        assert!(!roles.allow_user("g", asked) && !roles.allow_group("u", asked));
    }
}
