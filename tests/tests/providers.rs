//! What real providers' tokens give: `tests/fixtures/providers/NAME` holds a policy, the provider's JWK set as it is
//! published (with fresh keys put in here) and its tokens, good and bad, with what each must be answered. They are judged
//! by `sallyport check` at the fixture's time. The pages in `docs/providers` show the same policies, word for word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sallyport_tests::Result;
use sallyport_tests::idp::{Alg, Claims, Idp, TokenSpec};
use sallyport_tests::parts::{Parts, root};
use serde::Deserialize;
use serde_json::{Value, json};

/// Fixtures. Two of one provider share a page.
const NAMES: &[&str] =
    &["auth0", "cognito", "dex", "entra-v1", "entra-v2", "google", "hydra", "kubernetes", "okta"];
/// Keys that stand for the providers', by their place in the set: making them takes the most time here.
const KEYS: &[&str] = &["first", "second", "third"];
/// Fewest refusals for each: a provider's page is about its traps.
const REFUSALS: usize = 5;
/// Refusals that every fixture has. Cognito has no audience, and Hydra is asked about tokens of other issuers.
const REASONS: &[(&str, &[&str])] =
    &[("token_expired", &[]), ("audience_mismatch", &["cognito"]), ("issuer_unknown", &["hydra"])];

/// `cases.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    /// The time at which all of it is judged.
    now: u64,
    /// The issuer whose replies are in `introspection.json`.
    introspection: Option<String>,
    /// Tokens as the provider documents them, by name.
    tokens: BTreeMap<String, Token>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    header: Claims,
    claims: Claims,
}

/// One request: a documented token with changes (`null` takes a member away), or a text as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    token: Option<String>,
    raw: Option<String>,
    #[serde(default)]
    header: Claims,
    #[serde(default)]
    claims: Claims,
    request: String,
    status: u16,
    reason: String,
    /// Members of the reported identity.
    #[serde(default)]
    identity: Claims,
    /// Headers that the upstream gets.
    #[serde(default)]
    set: BTreeMap<String, String>,
}

fn folder(name: &str) -> PathBuf {
    root().join("tests/fixtures/providers").join(name)
}

fn read(name: &str, file: &str) -> Result<String> {
    let path = folder(name).join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn fixture(name: &str) -> Result<Fixture> {
    serde_json::from_str(&read(name, "cases.json")?)
        .map_err(|error| format!("{name}: {error}").into())
}

/// The fixture's JWK set with public keys in it, and which of our keys has which `kid`.
fn publish(idp: &Idp, name: &str) -> Result<(Value, BTreeMap<String, &'static str>)> {
    let mut set: Value = serde_json::from_str(&read(name, "jwks.json")?)?;
    let ours = idp.jwks();
    let ours = ours.get("keys").and_then(Value::as_array).ok_or("no keys of ours")?;
    let keys = set.get_mut("keys").and_then(Value::as_array_mut).ok_or("no keys in the fixture")?;
    if keys.len() > KEYS.len() {
        return Err("more keys than there are of ours".into());
    }
    let mut own_ids = BTreeMap::new();
    for (key, own) in keys.iter_mut().zip(KEYS) {
        let public = ours.iter().find(|key| key["kid"] == *own).ok_or("a key of ours is gone")?;
        let modulus = public["n"].as_str().ok_or("no modulus")?;
        let filled = key
            .to_string()
            .replace("{n}", modulus)
            .replace("{e}", public["e"].as_str().ok_or("no exponent")?)
            // Nobody reads it.
            .replace("{x5c}", &STANDARD.encode(modulus));
        *key = serde_json::from_str(&filled)?;
        own_ids.insert(key["kid"].as_str().ok_or("a key without kid")?.to_owned(), *own);
    }
    Ok((set, own_ids))
}

fn changed(mut members: Claims, changes: &Claims) -> Claims {
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    members
}

fn mint(
    idp: &Idp,
    own_ids: &BTreeMap<String, &'static str>,
    fixture: &Fixture,
    case: &Case,
) -> Result<String> {
    let token = match (&case.token, &case.raw) {
        (Some(token), None) => fixture.tokens.get(token).ok_or("no such token")?,
        (None, Some(raw)) => return Ok(raw.clone()),
        _ => return Err("needs one of `token` and `raw`".into()),
    };
    let header = changed(token.header.clone(), &case.header);
    let text = |name: &str| header.get(name).and_then(Value::as_str).unwrap_or_default();
    let alg = Alg::ALL.iter().find(|alg| alg.name() == text("alg")).ok_or("no such alg")?;
    let own = own_ids.get(text("kid")).ok_or("no such kid")?;
    let claims = changed(token.claims.clone(), &case.claims);
    let spec = TokenSpec::new(*alg, claims).kid(own).header("typ", Value::Null);
    let spec = header.iter().fold(spec, |spec, (name, value)| spec.header(name, value.clone()));
    idp.mint(&spec)
}

/// Runs `sallyport check` on requests in a file, so that no pipe fills up.
fn check(directory: &Path, arguments: &[&str], input: &str) -> Result<Output> {
    let file = directory.join("requests.ndjson");
    std::fs::write(&file, input)?;
    let program = std::path::absolute(Parts::find()?.sidecar)?;
    let mut command = Command::new(program);
    command.arg("check").args(arguments).current_dir(directory);
    command.env("HYDRA_SECRET", "not-asked-for-here");
    Ok(command.stdin(Stdio::from(std::fs::File::open(&file)?)).output()?)
}

/// What a line says that differs from what the case expects.
fn differences(case: &Case, line: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, actual: Option<&Value>, expected: Value| {
        let actual = actual.unwrap_or(&Value::Null);
        if *actual != expected {
            wrong.push(format!("{}: {what} {actual}, not {expected}", case.name));
        }
    };
    let decision = if case.status == 200 { "allow" } else { "deny" };
    same("decision", line.get("decision"), json!(decision));
    same("status", line.get("status"), json!(case.status));
    same("reason", line.get("reason"), json!(case.reason));
    let identity = line.get("identity");
    for (name, expected) in &case.identity {
        same(name, identity.and_then(|identity| identity.get(name)), expected.clone());
    }
    let set = line.pointer("/upstream/set").and_then(Value::as_array);
    for (name, expected) in &case.set {
        let pair = set.into_iter().flatten().find(|pair| pair.get(0) == Some(&json!(name)));
        same(name, pair.and_then(|pair| pair.get(1)), json!(expected));
    }
    wrong
}

/// The issuers of the fixture's policy that have keys. The provider has one set of them.
fn issuers(name: &str) -> Result<Vec<String>> {
    let policy: Value = serde_saphyr::from_str(&read(name, "policy.yaml")?)?;
    let issuers = policy.get("issuers").and_then(Value::as_object).ok_or("no issuers")?;
    let with_keys = issuers.iter().filter(|(_, issuer)| issuer.get("jwks").is_some());
    let found: Vec<String> = with_keys.map(|(name, _)| name.clone()).collect();
    if found.is_empty() { Err("no issuer with keys".into()) } else { Ok(found) }
}

fn judge(idp: &Idp, name: &str) -> Result<Vec<String>> {
    let fixture = fixture(name)?;
    let (jwks, own_ids) = publish(idp, name)?;
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("providers").join(name);
    std::fs::create_dir_all(&directory)?;
    std::fs::write(directory.join("jwks.json"), jwks.to_string())?;
    std::fs::write(directory.join("policy.yaml"), read(name, "policy.yaml")?)?;
    let mut input = String::new();
    for case in &fixture.cases {
        let token = mint(idp, &own_ids, &fixture, case)
            .map_err(|error| format!("{}: {error}", case.name))?;
        let (method, path) = case.request.split_once(' ').ok_or("a request without path")?;
        let line = json!({
            "id": case.name, "method": method, "scheme": "https", "host": "api.example.com",
            "path": path, "source": "192.0.2.1:40000",
            "headers": [["authorization", format!("Bearer {token}")], ["x-user", "mallory"]],
        });
        input.push_str(&format!("{line}\n"));
    }
    let now = fixture.now.to_string();
    let keys: Vec<String> =
        issuers(name)?.iter().map(|issuer| format!("{issuer}=jwks.json")).collect();
    let mut arguments = vec!["--policy", "policy.yaml", "--now", &now, "--json"];
    arguments.extend(keys.iter().flat_map(|keys| ["--jwks", keys]));
    let mut replies = String::new();
    if let Some(issuer) = &fixture.introspection {
        let file = "introspection.json";
        std::fs::write(directory.join(file), read(name, file)?)?;
        replies.push_str(&format!("{issuer}={file}"));
        arguments.extend(["--introspection", &replies]);
    }
    let output = check(&directory, &arguments, &input)?;
    let text = String::from_utf8(output.stdout)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if lines.len() != fixture.cases.len() || !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} lines, {}: {complaint}", lines.len(), output.status).into());
    }
    let pairs = fixture.cases.iter().zip(&lines);
    Ok(pairs.flat_map(|(case, line)| differences(case, line)).collect())
}

#[tokio::test]
async fn tokens_of_real_providers() {
    let idp = Idp::start(0).await.unwrap();
    for kid in KEYS {
        idp.add_key(Alg::Rs256, kid).unwrap();
    }
    let mut wrong = Vec::new();
    for name in NAMES {
        match judge(&idp, name) {
            Ok(found) => wrong.extend(found.into_iter().map(|what| format!("{name}: {what}"))),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_fixture_has_good_and_bad_tokens() {
    let entries = std::fs::read_dir(folder("")).unwrap();
    let mut found: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, NAMES);
    for name in NAMES {
        let Fixture { cases, tokens, .. } = fixture(name).unwrap();
        let refused = cases.iter().filter(|case| case.status != 200).count();
        assert!(refused >= REFUSALS && refused < cases.len(), "{name}: {refused} refusals");
        let used = |token: &str| cases.iter().any(|case| case.token.as_deref() == Some(token));
        assert!(tokens.keys().all(|token| used(token)), "{name} has a token without a case");
        let mut names: Vec<_> = cases.iter().map(|case| &case.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), cases.len(), "{name}");
        for (reason, excused) in REASONS {
            let has = cases.iter().any(|case| case.reason == *reason);
            assert!(has || excused.contains(name), "{name}: no case of `{reason}`");
        }
    }
}

/// The `yaml` blocks of a page.
fn blocks(page: &str) -> Vec<&str> {
    let parts = page.split("```yaml\n").skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

#[test]
fn pages_show_the_policies_that_are_tested() {
    let pages = root().join("docs/providers");
    let index = std::fs::read_to_string(pages.join("README.md")).unwrap();
    let mut policies = Vec::new();
    for name in NAMES {
        let page = name.trim_end_matches("-v1").trim_end_matches("-v2");
        let text = std::fs::read_to_string(pages.join(format!("{page}.md"))).unwrap();
        let policy = read(name, "policy.yaml").unwrap();
        assert!(blocks(&text).contains(&policy.as_str()), "{page}.md shows another policy");
        assert!(text.contains(&format!("`tests/fixtures/providers/{name}`")), "{page}.md");
        policies.push(policy);
    }
    for entry in std::fs::read_dir(&pages).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README" || index.contains(&format!("]({name}.md)")),
            "{name} in the index"
        );
        // Keycloak is a real part, with tests of its own.
        if name != "keycloak" {
            let text = std::fs::read_to_string(&path).unwrap();
            let whole = blocks(&text).into_iter().filter(|block| block.starts_with("version:"));
            let untested = whole.filter(|block| !policies.iter().any(|policy| policy == block));
            assert_eq!(untested.count(), 0, "{name}.md shows a policy that no fixture has");
        }
    }
}
