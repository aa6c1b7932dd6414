//! What is true of the repository itself: its documents name what exists, its manifests are valid by
//! Istio's schemas, its bootstraps by Envoy, and its files stay small.

use std::path::{Path, PathBuf};

use sallyport_policy::{Document, FilterCopy, Format, PluginConfig};
use sallyport_tests::Result;
use sallyport_tests::envoy::{Binary, CURRENT, Envoy, OLDEST};
use sallyport_tests::parts::{Parts, root};
use sallyport_tests::stage::Bootstrap;
use serde_json::Value;

/// Documents whose paths have to exist.
const DOCUMENTS: &[&str] = &["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"];
/// What a path of this repository starts with (DESIGN section 1).
const ROOMS: &[&str] = &[
    ".cargo",
    ".ci",
    "docs",
    "envoy",
    "ext-authz",
    "filter",
    "fuzz",
    "istio",
    "jwt",
    "playground",
    "policy",
    "tests",
    "xtask",
];
/// Endings of file names that are looked for wherever they are.
const ENDINGS: &[&str] = &["md", "rs", "toml", "yaml"];
/// Longest file of production code (STYLE 11).
const LINES: usize = 700;

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    // Fenced blocks have three of them, and so an even number of empty parts around them.
    text.split('`').skip(1).step_by(2)
}

/// The path that a word names, if it names one of this repository.
fn named_path(word: &str) -> Option<&str> {
    let word = word.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    if word.is_empty() || !word.chars().all(plain) {
        return None;
    }
    match word.split_once('/') {
        Some((room, _)) => ROOMS.contains(&room).then_some(word),
        None => {
            let ending = word.rsplit_once('.').map(|(_, ending)| ending);
            ending.filter(|ending| ENDINGS.contains(ending)).map(|_| word)
        }
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if name != "target" && name != ".git" {
                files_below(&entry.path(), found)?;
            }
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn repository() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    files_below(&root(), &mut found)?;
    Ok(found)
}

const WORDS: &[(&str, Option<&str>)] = &[
    ("policy/src/lib.rs", Some("policy/src/lib.rs")),
    ("tests/", None),
    ("envoy/quickstart/", Some("envoy/quickstart")),
    ("deny.toml", Some("deny.toml")),
    ("application/json", None),
    ("cargo xtask demo", None),
    ("istio/*.yaml", None),
    ("/healthz", None),
    ("wasm32-wasip1", None),
];

#[test]
fn words_that_name_paths_are_told_from_others() {
    for (word, expected) in WORDS {
        assert_eq!(named_path(word), *expected, "{word}");
    }
    assert_eq!(quoted("a `b/c` d\n```\ne/f\n```\n`g.rs`").collect::<Vec<_>>()[0], "b/c");
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let files = repository().unwrap();
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = std::fs::read_to_string(root().join(document)) else {
            missing.push(format!("{document} itself"));
            continue;
        };
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.contains("://"));
        let words = quoted(&text).chain(links).filter_map(named_path);
        for path in words {
            let anywhere = !path.contains('/') && files.iter().any(|file| file.ends_with(path));
            if !anywhere && !root().join(path).exists() {
                missing.push(format!("{document}: `{path}`"));
            }
        }
    }
    assert!(missing.is_empty(), "not there:\n{}", missing.join("\n"));
}

#[test]
fn files_of_production_code_stay_small() {
    let mut long = Vec::new();
    for file in repository().unwrap() {
        if file.extension().is_some_and(|ending| ending == "rs") {
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            if lines > LINES {
                long.push(format!("{}: {lines}", file.display()));
            }
        }
    }
    assert!(long.is_empty(), "longer than {LINES} lines:\n{}", long.join("\n"));
}

/// The documents of a YAML stream.
fn documents(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    serde_saphyr::from_multiple(&text)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}

/// YAML files of `istio/`, and the kinds that have a schema.
fn manifests() -> Result<Vec<(PathBuf, Value)>> {
    let mut files = Vec::new();
    files_below(&root().join("istio"), &mut files)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    let mut found = Vec::new();
    for file in files {
        for document in documents(&file)? {
            found.push((file.clone(), document));
        }
    }
    Ok(found)
}

#[test]
fn istio_manifests_fit_istios_schemas() {
    let schemas = root().join("tests/fixtures/istio");
    let mut wrong = Vec::new();
    let mut checked: Vec<String> = Vec::new();
    for (file, document) in manifests().unwrap() {
        let api = document["apiVersion"].as_str().unwrap_or_default();
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        if !api.contains("istio.io/") {
            continue;
        }
        let schema = schemas.join(format!("{}.schema.json", kind.to_lowercase()));
        let schema: Value =
            serde_json::from_slice(&std::fs::read(&schema).unwrap_or_default()).unwrap_or_default();
        match jsonschema::validator_for(&schema) {
            Ok(validator) if schema.is_object() => {
                let errors = validator.iter_errors(&document);
                wrong.extend(errors.map(|error| {
                    format!("{}: {}: {error}", file.display(), error.instance_path())
                }));
            }
            Ok(_) => wrong.push(format!("{}: no schema for `{kind}`", file.display())),
            Err(error) => wrong.push(format!("the schema of `{kind}`: {error}")),
        }
        checked.push(kind);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for kind in ["AuthorizationPolicy", "EnvoyFilter", "TrafficExtension", "WasmPlugin"] {
        assert!(checked.iter().any(|checked| checked == kind), "no {kind} below istio/");
    }
}

#[test]
fn the_schemas_are_strict() {
    let schema = root().join("tests/fixtures/istio/wasmplugin.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let plugin = manifests().unwrap().into_iter().map(|(_, document)| document);
    let mut plugin = plugin.into_iter().find(|document| document["kind"] == "WasmPlugin").unwrap();
    assert!(validator.is_valid(&plugin));
    plugin["spec"]["failStratgy"] = "FAIL_CLOSE".into();
    assert!(!validator.is_valid(&plugin));
}

/// Every object of a document.
fn visit<'v>(value: &'v Value, found: &mut impl FnMut(&'v Value)) {
    match value {
        Value::Object(members) => {
            found(value);
            members.values().for_each(|member| visit(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The filters' configurations inside of a document.
fn plugins(document: &Value) -> Result<Vec<PluginConfig<FilterCopy>>> {
    let mut found = Vec::new();
    visit(document, &mut |value| {
        let config = match (value.get("vm_config"), value.get("pluginConfig")) {
            (Some(_), _) => value.pointer("/configuration/value"),
            (None, config) => config,
        };
        found.extend(config.map(|config| {
            let text = config.as_str().map_or_else(|| config.to_string(), str::to_owned);
            PluginConfig::parse(text.as_bytes())
        }));
    });
    let parsed: Result<Vec<_>, _> = found.into_iter().collect();
    parsed.map_err(|problems| format!("{problems:?}").into())
}

#[test]
fn shipped_filters_hold_the_policy_beside_them_and_nothing_secret() {
    let policy = std::fs::read(root().join("envoy/quickstart/policy.yaml")).unwrap();
    let digest = Document::parse(&policy, Format::Yaml).unwrap().digest();
    let bootstrap = root().join("envoy/quickstart/bootstrap.yaml");
    let mut files: Vec<(PathBuf, Value)> = manifests().unwrap();
    files.extend(documents(&bootstrap).unwrap().into_iter().map(|it| (bootstrap.clone(), it)));
    let mut count = 0;
    for (file, document) in files {
        for plugin in plugins(&document).unwrap() {
            assert_eq!(plugin.policy.digest(), digest, "{}", file.display());
            count += 1;
        }
        let in_filter = document["kind"] != "ConfigMap";
        assert!(
            !(in_filter && document.to_string().contains("client_secret")),
            "{}",
            file.display()
        );
    }
    assert!(count >= 4, "{count} filters");
}

#[tokio::test]
async fn envoy_takes_every_bootstrap() {
    let wasm = std::path::absolute(Parts::find().unwrap().wasm).unwrap();
    let mut files = Vec::new();
    files_below(&root().join("envoy"), &mut files).unwrap();
    files.retain(|file| file.ends_with("bootstrap.yaml"));
    assert!(!files.is_empty());
    for version in [CURRENT, OLDEST] {
        let binary = Binary::locate(version).await.unwrap();
        for file in &files {
            let mut bootstrap = Bootstrap::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
            bootstrap.set_wasm(&wasm);
            let taken = Envoy::validate(&binary, &bootstrap.to_text()).await;
            assert!(taken.is_ok(), "{} on {version}: {}", file.display(), taken.unwrap_err());
        }
    }
}
