//! Every error and every warning of loading has a fixture here. The sources are searched for places that make a problem;
//! each text found there must be the message of some fixture's problem. Whoever adds an error adds a row.

use std::path::{Path, PathBuf};

use sallyport_policy::{Document, Format, Policy, PolicyPart, Problem, RoleFile};

use crate::error_fixtures::{FILES, FIXTURES, ROLES};
use crate::lint_fixtures::{LINTS, told};

/// Files whose problems say what somebody else found, in words that are not there to be searched for. Their own tests
/// have their tables.
const RELAYED: &[(&str, &str)] = &[
    ("file/shape.rs", "every_mistake_is_told_at_once_and_none_twice"),
    ("file/plugin.rs", "the filter's configuration, which `render` writes and no operator"),
];

/// A place that makes a problem.
#[derive(Debug)]
struct Site {
    place: String,
    /// The parts of the message between what is filled in.
    parts: Vec<String>,
}

/// All problems of all fixtures.
fn problems() -> Vec<Problem> {
    let mut found = Vec::new();
    for (policy, place) in FIXTURES {
        let version = if policy.contains("version: ") { "" } else { "version: 1\n" };
        let problems = load(&format!("{version}{policy}"), include_str!("roles.yaml"));
        assert!(at(&problems, place), "{policy}: nothing at `{place}`: {problems:#?}");
        found.extend(problems);
    }
    for (route, more, ..) in LINTS {
        found.extend(told(route, more));
    }
    for (text, place) in ROLES {
        let policy = "version: 1\nroles: [r.yaml]\nroutes: []";
        let problems = load(policy, text);
        assert!(at(&problems, place), "{text}: nothing at `{place}`: {problems:#?}");
        found.extend(problems);
    }
    for (text, place) in FILES {
        let main = PolicyPart::parse(
            "policy.yaml",
            b"version: 1\nissuers: { main: {} }",
            Format::Yaml,
            &|_| None,
        )
        .unwrap();
        let part = PolicyPart::parse("a.yaml", text.as_bytes(), Format::Yaml, &|name| {
            (name == "SET").then(|| "x".to_owned())
        });
        let problems = part
            .and_then(|part| Document::join(main, vec![part]))
            .map_or_else(|problems| problems, |_| Vec::new());
        assert!(at(&problems, place), "{text}: nothing at `{place}`: {problems:#?}");
        found.extend(problems);
    }
    let long = "a".repeat(sallyport_policy::limits::MAX_PATTERN_BYTES);
    let long = format!(
        "version: 1\nroutes: [{{ name: a, match: {{ regex: /{long} }}, allow: unauthenticated }}]"
    );
    found.extend(load(&long, ""));
    found.extend(load(&roles(r#"{"kind":"Role","metadata":{"name":"r"},"rules":[]}"#, 1001), ""));
    let names: Vec<String> = (0..1500).map(|index| format!("\"n{index}\"")).collect();
    let names = names.join(",");
    let wide = format!(
        r#"{{"kind":"Role","metadata":{{"name":"r"}},"rules":[{{"api":"a","resources":[{names}],"namespaces":[{names}],"verbs":["get","list"]}}]}},
        {{"kind":"RoleBinding","metadata":{{"name":"b"}},"users":["u"],"roles":["r"]}}"#
    );
    found.extend(load(&roles(&wide, 1), ""));
    let large = vec![b' '; sallyport_policy::limits::MAX_POLICY_BYTES + 1];
    found.extend(Document::parse(&large, Format::Yaml).unwrap_err());
    let copy = serde_json::json!({ "version": 1, "include": ["a.yaml"] });
    found.extend(Policy::compile_filter_copy(&Document::from_value(copy).unwrap()).unwrap_err());
    found
}

/// A policy with so many of these documents.
fn roles(document: &str, count: usize) -> String {
    let documents = vec![document; count].join(",");
    format!(r#"{{"version":1,"role_documents":[{documents}],"routes":[]}}"#)
}

fn at(problems: &[Problem], place: &str) -> bool {
    problems
        .iter()
        .any(|problem| problem.path == place || problem.path.starts_with(&format!("{place}[")))
}

fn load(policy: &str, roles: &str) -> Vec<Problem> {
    let document = match Document::parse(policy.as_bytes(), Format::Yaml) {
        Ok(document) => document,
        Err(problems) => return problems,
    };
    let role_file = |name: &String| RoleFile { name: name.clone(), text: roles.to_owned() };
    let roles: Vec<RoleFile> = document.role_files().iter().map(role_file).collect();
    match Policy::compile(&document, &roles) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

#[test]
fn every_problem_has_a_fixture() {
    let problems = problems();
    let missing: Vec<String> = sites()
        .iter()
        .filter(|site| !problems.iter().any(|problem| fits(&site.parts, &problem.message)))
        .map(|site| format!("{}: {}", site.place, site.parts.join("{}")))
        .collect();
    assert!(missing.is_empty(), "add a row to error_fixtures.rs for:\n{}", missing.join("\n"));
}

#[test]
fn every_problem_has_place_value_and_fix() {
    for Problem { path, message, fix, .. } in problems() {
        assert!(
            !path.is_empty() && !message.is_empty() && !fix.is_empty(),
            "{path}: {message}: {fix}"
        );
        let lower = |text: &str| text.chars().next().is_some_and(|first| !first.is_uppercase());
        // A value, a name of the file or of a standard may begin with anything.
        assert!(
            lower(&message) || message.starts_with("JSON") || message.starts_with("RFC"),
            "{message}"
        );
        assert!(!fix.ends_with('.') && !message.ends_with('.'), "{message}: {fix}");
    }
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files.sort();
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

/// How a problem begins, and which argument is its message.
const STARTS: &[(&str, usize)] = &[
    ("problems.error(", 1),
    ("problems.warning(", 1),
    ("Problem::error(", 1),
    ("Problem::warning(", 1),
    ("Err((", 0),
    ("(", 0),
    ("const MESSAGE: &str =", 0),
];

fn sites() -> Vec<Site> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sites = Vec::new();
    for path in sources() {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        if RELAYED.iter().any(|(file, _)| *file == name) || name == "file/problem.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (start, argument) in STARTS {
            for (at, _) in text.match_indices(start) {
                let (before, rest) = text.split_at(at);
                let line = before.lines().count();
                // A pair of message and fix, which somebody else makes a problem of.
                if *start == "(" && !before.trim_end().ends_with(['{', '|']) {
                    continue;
                }
                let after = rest.strip_prefix(start).unwrap();
                let after =
                    if start.ends_with('=') { after.split(';').next().unwrap() } else { after };
                let arguments = arguments(after);
                let Some(argument) = arguments.get(*argument) else { continue };
                for literal in literals(argument) {
                    let parts = parts(&literal);
                    // A message that is all filled in was made elsewhere, and is found there.
                    if parts.iter().any(|part| part.trim().len() > 3) && literal.contains(' ') {
                        sites.push(Site { place: format!("policy/src/{name}:{line}"), parts });
                    }
                }
            }
        }
    }
    assert!(sites.len() > 80, "the search finds too little: {}", sites.len());
    sites
}

/// The arguments of a call, as text, up to its closing bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut open, mut out, mut current) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' if quoted => {
                current.push(char);
                current.extend(chars.next());
                continue;
            }
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => open.push(char),
            ')' | ']' | '}' if !quoted && open.pop().is_none() => break,
            ',' if !quoted && open.is_empty() => {
                out.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(char);
    }
    out.push(current);
    out
}

/// The texts of an argument: of its own or of a `format!`, not those of what is filled in.
fn literals(argument: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once('"') {
        let mut literal = String::new();
        let mut chars = after.chars();
        while let Some(char) = chars.next() {
            match char {
                '"' => break,
                '\\' => match chars.next() {
                    Some('\n') => {
                        let trimmed = chars.as_str().trim_start();
                        chars = trimmed.chars();
                    }
                    Some('n') => literal.push('\n'),
                    Some(other) => literal.push(other),
                    None => {}
                },
                other => literal.push(other),
            }
        }
        rest = chars.as_str();
        let before = before.trim_end();
        let own = before.is_empty()
            || before.ends_with("format!(")
            || before.ends_with('{')
            || before.ends_with("=>");
        if own {
            out.push(literal);
        }
    }
    out
}

/// What stands between the `{..}` of a format.
fn parts(literal: &str) -> Vec<String> {
    let (mut out, mut current) = (Vec::new(), String::new());
    let mut chars = literal.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '{' | '}' if chars.peek() == Some(&char) => {
                chars.next();
                current.push(char);
            }
            '{' => {
                out.push(std::mem::take(&mut current));
                for inner in chars.by_ref() {
                    if inner == '}' {
                        break;
                    }
                }
            }
            _ => current.push(char),
        }
    }
    out.push(current);
    out
}

fn fits(parts: &[String], message: &str) -> bool {
    let [first, middle @ ..] = parts else { return false };
    let Some(mut rest) = message.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = middle.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last.as_str())
}
