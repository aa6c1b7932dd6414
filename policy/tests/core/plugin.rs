//! The filter's configuration: read route by route, with the same digest in whatever order its members come.

use sallyport_policy::{Document, FilterCopy, Format, PluginConfig, Policy, Problem};
use serde_json::{Value, json};

const POLICY: &str = r#"
version: 1
service: orders
issuers:
  main: { issuer: "https://idp.example/main", jwks: { uri: "https://idp.example/keys", cluster: idp } }
  asked: { introspection: { url: "https://idp.example/introspect", client_id: gate, client_secret: { env: SECRET } } }
hosts: { api.example.com: { scopes: { all_of: [orders] }, forward: { credential: { bearer: { token: { env: TOKEN } } } } } }
roles: [roles.yaml]
role_documents: [ { kind: Role, metadata: { name: reader }, rules: [] } ]
routes:
  - { name: a, match: { hosts: [api.example.com], path: "/a/{id}" }, authenticate: [ { jwt: main } ],
      claims: [ { claim: level, at_least: 1.0, at_most: 2.5 } ], forward: { headers: { x-user: "{subject}" } } }
  - { name: b, match: { path: /b }, authenticate: [ { introspection: asked } ] }
  - { name: c, match: { hosts: [api.example.com], path: /c }, authenticate: [ { jwt: main } ], rbac: { api: a, resource: r } }
  - { name: d, match: { path: /d }, authenticate: [ { jwt: main } ],
      forward: { credential: { header: { name: x-key, value: { env: KEY } } } } }
"#;

fn document() -> Document {
    Document::parse(POLICY.as_bytes(), Format::Yaml).unwrap()
}

fn parse(text: &str) -> Result<PluginConfig<FilterCopy>, Vec<Problem>> {
    PluginConfig::parse(text.as_bytes())
}

/// Objects with their members in the other order.
fn turned(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(turned).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let members = members.iter().rev();
            let members = members.map(|(name, value)| format!("{}:{}", json!(name), turned(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        // As a protobuf Struct has it: every number is a double.
        Value::Number(number) if *number == 1.into() => "1.0".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[test]
fn the_digest_is_the_same_in_every_order() {
    let document = document();
    let config = PluginConfig {
        sidecar_cluster: Some("sallyport".to_owned()),
        ..PluginConfig::new(document.clone())
    };
    let written = config.to_value();
    let (policy, _) = Policy::compile_filter_copy(&document).unwrap();
    assert_eq!(policy.digest(), document.digest());
    let mut numbers = written.clone();
    // The version is an integer, and has to be written as one.
    numbers["policy"].as_object_mut().unwrap().remove("version");
    let turned = turned(&numbers).replacen("\"policy\":{", "\"policy\":{\"version\":1,", 1);
    for text in [written.to_string(), turned] {
        let config = parse(&text).unwrap();
        assert_eq!(config.policy.digest(), document.digest(), "{text}");
        assert_eq!(config.sidecar_cluster.as_deref(), Some("sallyport"));
        let (policy, _) = Policy::compile_filter_copy(config.policy).unwrap();
        assert_eq!((policy.digest(), policy.routes().len()), (&*document.digest(), 4));
    }
    // What the filter may not know changes nothing, even where nobody took it out.
    let mut whole = written.clone();
    whole["policy"]["issuers"]["asked"]["introspection"] =
        json!({ "url": "https://idp.example/other" });
    whole["policy"]["roles"] = json!(["other.yaml"]);
    whole["policy"]["role_documents"] = json!([]);
    whole["policy"]["routes"][3]["forward"]["credential"]["header"]["value"] =
        json!({ "env": "K" });
    assert_eq!(parse(&whole.to_string()).unwrap().policy.digest(), document.digest());
    whole["policy"]["routes"][1]["name"] = json!("e");
    assert_ne!(parse(&whole.to_string()).unwrap().policy.digest(), document.digest());
}

/// Configuration, place and message of the one problem.
const WRONG: &[(&str, &str, &str)] = &[
    ("", "$", "not valid JSON"),
    ("[]", "$", "not a JSON object"),
    ("{}", "$", "missing field `policy`"),
    (r#"{"policy":null}"#, "$", "invalid type: null"),
    (r#"{"policy":[]}"#, "$", "invalid type: sequence"),
    (r#"{"policy":{"version":1},"polcy":1}"#, "polcy", "unknown field `polcy`"),
    (r#"{"policy":{"version":1,"routs":[]}}"#, "routs", "unknown field `routs`"),
    (r#"{"policy":{"version":1,"routes":{}}}"#, "routes", "invalid type: map"),
    (r#"{"policy":{"version":1,"routes":7}}"#, "routes", "invalid type: integer `7`"),
    (r#"{"policy":{"version":1,"routes":[7]}}"#, "routes[0]", "invalid type: integer `7`"),
    (
        r#"{"policy":{"version":1,"routes":[{"name":"a","match":{}},{"name":"b","match":{"pth":1}}, 7]}}"#,
        "routes[1].match.pth",
        "unknown field `pth`",
    ),
    (r#"{"policy":{"version":1,"routes":[],"routes":[]}}"#, "$", "duplicate member"),
    (
        r#"{"policy":{"version":1,"routes":[{"name":"a","name":"b","match":{}}]}}"#,
        "$",
        "duplicate member",
    ),
    (r#"{"policy":{"version":1},"policy":{"version":1}}"#, "$", "duplicate member"),
    (r#"{"policy":{"version":1,"routes":[{"name":"a","match":{}}"#, "$", "not JSON"),
];

#[test]
fn the_first_mistake_is_told_with_its_place() {
    for (text, path, message) in WRONG {
        let problems = parse(text).unwrap_err();
        assert_eq!((problems.len(), problems[0].path.as_str()), (1, *path), "{text}");
        assert!(problems[0].message.contains(message), "{text}: {}", problems[0]);
    }
}
