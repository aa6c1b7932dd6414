//! The JSON Schema of the policy file, for editors: what the types say, and beside it what they cannot: which fields
//! exclude each other, how durations are written, examples. Adds no rule that loading does not have, and judges nothing.

use serde_json::{Map, Value, json};

use crate::file::part::MAY_BE_INCLUDED;
use crate::file::source::Source;

/// A whole number with a unit; or something with `${NAME}`, which is filled in before it is read.
const DURATION: &str = r"^([0-9]+(ms|s|m|h|d)|.*\$\{.*)$";

/// Fields that hold a duration, wherever they stand.
const DURATIONS: &[(&str, &str)] = &[
    ("timeout", "200ms"),
    ("refresh", "10m"),
    ("max_stale", "1h"),
    ("cool_down", "30s"),
    ("leeway", "30s"),
    ("cache", "60s"),
    ("max_lifetime", "1h"),
    ("max_age", "10m"),
];

/// Types of which exactly one of these fields is written.
const EXACTLY_ONE: &[(&str, &[&str])] = &[
    ("IssuerSource", &["jwks", "hmac", "introspection"]),
    ("JwksSource", &["discovery", "uri"]),
    ("SecretSource", &["file", "env"]),
    ("AuthenticatorSource", &["jwt", "introspection", "client_certificate", "anonymous"]),
    ("MatchSource", &["path", "regex", "glob"]),
    ("PlaceSource", &["authorization", "header", "query", "cookie"]),
];

/// Fields whose value, or each element of it, is one of these.
const ONE_OF: &[(&str, &str, &str)] = &[
    (
        "IssuerSource",
        "algorithms",
        r#"["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"]"#,
    ),
    ("RedirectSource", "code", "[301, 302, 303, 307]"),
    ("RedirectSource", "on", "[401, 403]"),
];

/// Examples, by type (empty: the file itself) and field.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("", "version", "1"),
    ("", "service", "\"orders\""),
    ("", "environment", "\"staging\""),
    ("", "include", "[\"issuers.yaml\", \"routes/*.yaml\"]"),
    ("", "roles", "[\"roles.yaml\"]"),
    ("IssuerSource", "issuer", "\"https://idp.example/realms/main\""),
    ("IssuerSource", "audiences", "[\"orders\"]"),
    ("IssuerSource", "algorithms", "[\"RS256\", \"ES256\"]"),
    ("IssuerSource", "clients", "[\"web\"]"),
    ("JwksSource", "discovery", "true"),
    ("JwksSource", "uri", "\"https://idp.example/keys\""),
    ("JwksSource", "cluster", "\"idp\""),
    ("IntrospectionSource", "url", "\"https://idp.example/introspect\""),
    ("SecretSource", "file", "\"secrets/gate\""),
    ("SecretSource", "env", "\"GATE_SECRET\""),
    ("RouteSource", "name", "\"read-order\""),
    ("MatchSource", "hosts", "[\"api.example.com\", \"*.example.org\"]"),
    ("MatchSource", "methods", "[\"GET\", \"HEAD\"]"),
    ("MatchSource", "path", "\"/orders/{id}\""),
    ("MatchSource", "regex", "\"/orders/(?<id>[0-9]+)\""),
    ("MatchSource", "glob", "\"/files/*.{png,jpg}\""),
    ("ScopesSource", "all_of", "[\"orders.read\"]"),
    ("ClaimSource", "claim", "\"realm_access.roles\""),
    ("ClaimSource", "any_of", "[\"customer\", \"staff\"]"),
    ("ClaimSource", "equals", "\"{path.tenant}\""),
    ("RbacSource", "namespace", "\"{claims.tenant}\""),
    ("RbacSource", "groups", "\"groups\""),
    ("RedirectSource", "to", "\"https://sso.example.com/login\""),
    ("RedirectSource", "return_to", "\"rd\""),
    ("ForwardSource", "headers", "{ \"x-user\": \"{subject}\" }"),
];

/// JSON Schema (2020-12) of the policy file.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Source).to_value();
    each_type(&mut schema, &mut |name, object| {
        one_line(object);
        for (field, example) in DURATIONS {
            if let Some(field) = property(object, field).filter(|field| is_text(field)) {
                field.insert("pattern".to_owned(), json!(DURATION));
                field.insert("examples".to_owned(), json!([example]));
            }
        }
        for (_, field, values) in ONE_OF.iter().filter(|(of, _, _)| *of == name) {
            if let Some(field) = property(object, field) {
                one_of(field, values);
            }
        }
        for (_, field, example) in EXAMPLES.iter().filter(|(of, _, _)| *of == name) {
            if let Some(field) = property(object, field) {
                let example: Value = serde_json::from_str(example).unwrap_or_default();
                field.insert("examples".to_owned(), json!([example]));
            }
        }
        for (_, fields) in EXACTLY_ONE.iter().filter(|(of, _)| *of == name) {
            let one: Vec<Value> =
                fields.iter().map(|field| json!({ "required": [field], "properties": { *field: { "not": { "type": "null" } } } })).collect();
            object.insert("oneOf".to_owned(), json!(one));
        }
        nullable(object);
    });
    if let Some(version) = schema.as_object_mut().and_then(|file| property(file, "version")) {
        version.insert("const".to_owned(), json!(1));
    }
    schema
}

/// The schema of a file that the policy file includes.
#[must_use]
pub fn included_json_schema() -> Value {
    let mut schema = json_schema();
    if let Some(file) = schema.as_object_mut() {
        file.insert("title".to_owned(), json!("Included part of a Sallyport policy"));
        file.retain(|name, _| name != "required");
        if let Some(fields) = file.get_mut("properties").and_then(Value::as_object_mut) {
            fields.retain(|name, _| MAY_BE_INCLUDED.contains(&name.as_str()));
        }
    }
    schema
}

/// The file itself, with an empty name, and every type that it refers to.
fn each_type(schema: &mut Value, change: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
    let Some(file) = schema.as_object_mut() else { return };
    change("", file);
    let types = file.get_mut("$defs").and_then(Value::as_object_mut);
    for (name, of_type) in types.into_iter().flatten() {
        if let Some(of_type) = of_type.as_object_mut() {
            change(name, of_type);
        }
    }
}

fn property<'o>(
    object: &'o mut Map<String, Value>,
    name: &str,
) -> Option<&'o mut Map<String, Value>> {
    object.get_mut("properties")?.get_mut(name)?.as_object_mut()
}

fn one_of(field: &mut Map<String, Value>, values: &str) {
    let mut values: Vec<Value> = serde_json::from_str(values).unwrap_or_default();
    if let Some(items) = field.get_mut("items").and_then(Value::as_object_mut) {
        items.insert("enum".to_owned(), json!(values));
        return;
    }
    let nullable = field.get("type").and_then(Value::as_array);
    if nullable.is_some_and(|types| types.iter().any(|one| one == "null")) {
        values.push(Value::Null);
    }
    field.insert("enum".to_owned(), json!(values));
}

/// Null is absent: what need not be there may be null.
fn nullable(object: &mut Map<String, Value>) {
    let required = object.get("required").cloned().unwrap_or_default();
    let required = |name: &str| {
        required.as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)))
    };
    let fields = object.get_mut("properties").and_then(Value::as_object_mut);
    for (_, field) in fields.into_iter().flatten().filter(|(name, _)| !required(name)) {
        let Some(field) = field.as_object_mut() else { continue };
        if let Some(of) = field.remove("$ref") {
            field.insert("anyOf".to_owned(), json!([{ "$ref": of }, { "type": "null" }]));
        }
        match field.get_mut("type") {
            Some(Value::String(one)) => {
                let both = json!([one, "null"]);
                field.insert("type".to_owned(), both);
            }
            Some(Value::Array(several)) if !several.contains(&json!("null")) => {
                several.push(json!("null"));
            }
            Some(_) | None => {}
        }
        if let Some(Value::Array(words)) = field.get_mut("enum")
            && !words.contains(&Value::Null)
        {
            words.push(Value::Null);
        }
    }
}

fn is_text(field: &Map<String, Value>) -> bool {
    match field.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => several.iter().any(|one| one == "string"),
        Some(_) | None => false,
    }
}

/// Comments are broken where a line of source ends; descriptions are not.
fn one_line(object: &mut Map<String, Value>) {
    for (name, value) in object {
        match value {
            Value::String(text) if name == "description" => *text = text.replace('\n', " "),
            Value::Object(inner) if name != "$defs" => one_line(inner),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(one_line);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Map, Value};

    use super::{
        DURATIONS, EXACTLY_ONE, EXAMPLES, ONE_OF, each_type, included_json_schema, json_schema,
    };

    fn types() -> BTreeMap<String, Map<String, Value>> {
        let mut types = BTreeMap::new();
        let mut schema = json_schema();
        each_type(&mut schema, &mut |name, object| {
            types.insert(name.to_owned(), object.clone());
        });
        types
    }

    fn fields(object: &Map<String, Value>) -> Map<String, Value> {
        object.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    #[test]
    fn everything_has_a_description() {
        for (name, object) in types() {
            assert!(object.contains_key("description"), "{name}: write a `///` comment");
            for (field, value) in fields(&object) {
                let text = value["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty() && !text.contains('\n'), "{name}.{field}: {text}");
            }
            for word in object.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
                let described = word.get("description").is_some() || word.get("required").is_some();
                assert!(described, "{name}: {word}");
            }
        }
    }

    /// Whoever adds such a field or type adds it to the tables too.
    #[test]
    fn what_comments_promise_the_schema_says() {
        for (name, object) in types() {
            let description = object["description"].as_str().unwrap_or_default();
            if description.to_lowercase().contains("exactly one of") {
                assert!(object.contains_key("oneOf"), "{name}: add it to EXACTLY_ONE");
            }
            for (field, value) in fields(&object) {
                let text = value["description"].as_str().unwrap_or_default();
                let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
                let duration = |text: &&str| {
                    let digits = text.trim_start_matches(|char: char| char.is_ascii_digit());
                    digits.len() < text.len() && ["ms", "s", "m", "h", "d"].contains(&digits)
                };
                if super::is_text(value.as_object().unwrap()) && quoted.iter().any(duration) {
                    assert!(value.get("pattern").is_some(), "{name}.{field}: add it to DURATIONS");
                }
            }
        }
    }

    /// A field that was renamed leaves no trace in the tables.
    #[test]
    fn the_tables_name_what_there_is() {
        let types = types();
        let has =
            |of: &str, field: &str| types.get(of).is_some_and(|of| fields(of).contains_key(field));
        for (of, names) in EXACTLY_ONE {
            for field in *names {
                assert!(has(of, field), "{of}.{field}");
            }
        }
        for (of, field, example) in EXAMPLES.iter().chain(ONE_OF) {
            assert!(has(of, field), "{of}.{field}");
            assert!(serde_json::from_str::<Value>(example).is_ok(), "{example}");
        }
        for (field, _) in DURATIONS.iter().filter(|(field, _)| *field != "max_age") {
            assert!(types.keys().any(|of| has(of, field)), "{field}");
        }
    }

    #[test]
    fn an_included_file_has_fewer_fields() {
        let schema = included_json_schema();
        let fields: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert!(fields.contains(&&"routes".to_owned()) && !fields.contains(&&"version".to_owned()));
        assert!(schema.get("required").is_none());
    }
}
