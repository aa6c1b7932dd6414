//! `sallyport schema`: the JSON Schema of the policy file or of an included one, or the same as a reference for people,
//! which is `docs/configuration.md`. Says nothing that the schema does not say.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Map, Value};

use super::failure::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Print the configuration reference, as Markdown.
    #[arg(long, conflicts_with = "included")]
    markdown: bool,
    /// Print the schema of a file that the policy file includes.
    #[arg(long)]
    included: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout();
    if arguments.markdown {
        out.write_all(reference(&sallyport_policy::json_schema()).as_bytes())?;
    } else if arguments.included {
        writeln!(out, "{:#}", sallyport_policy::included_json_schema())?;
    } else {
        writeln!(out, "{:#}", sallyport_policy::json_schema())?;
    }
    Ok(ExitCode::SUCCESS)
}

const HEADER: &str = "\
# Configuration reference

Every field of the policy file. Written by `sallyport schema --markdown` from the types that read the file; a test
compares. What the fields do together is in [policy.md](policy.md), what a file may include in [files.md](files.md).

Durations are a whole number with `ms`, `s`, `m`, `h` or `d`, like `200ms`. Fields in bold are required. `null` is the
same as absent. Every text may hold `${NAME}`, also where an editor that goes by the schema expects one of a few words.
";

/// The types in the order in which a reader meets them.
fn reference(schema: &Value) -> String {
    let mut out = HEADER.to_owned();
    let mut told = BTreeSet::new();
    let mut next = vec![(String::new(), schema)];
    while !next.is_empty() {
        let mut deeper = Vec::new();
        for (name, of_type) in next {
            section(&mut out, &name, of_type);
            for reference in references(of_type) {
                let inner = schema.get("$defs").and_then(|types| types.get(&reference));
                if let Some(inner) = inner.filter(|_| told.insert(reference.clone())) {
                    deeper.push((reference, inner));
                }
            }
        }
        next = deeper;
    }
    out
}

fn section(out: &mut String, name: &str, of_type: &Value) {
    let heading = if name.is_empty() { "The file" } else { title(name) };
    let description = of_type.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut text = format!("\n## {heading}\n\n{description}\n");
    let words = words(of_type);
    if let Some(fields) = of_type.get("properties").and_then(Value::as_object) {
        let one: Vec<String> =
            exactly_one(of_type).iter().map(|name| format!("`{name}`")).collect();
        if !one.is_empty() {
            text.push_str(&format!("\nExactly one of {} is written.\n", one.join(", ")));
        }
        if !fields.is_empty() {
            text.push_str("\n| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
        }
        let required: Vec<&str> = of_type
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, field) in fields {
            text.push_str(&row(name, field, required.contains(&name.as_str())));
        }
    } else if !words.is_empty() {
        text.push_str("\n| Value | Meaning |\n|---|---|\n");
        for word in words {
            text.push_str(&format!("| {} | {} |\n", code(&word_of(word)), meaning(word)));
        }
    }
    out.push_str(&text);
}

fn row(name: &str, field: &Value, required: bool) -> String {
    let name = if required { format!("**`{name}`**") } else { format!("`{name}`") };
    let (meaning, mut default) = split_default(&meaning(field));
    if default.is_empty() {
        default = match field.get("default") {
            None | Some(Value::Null) => String::new(),
            Some(Value::Array(items)) if items.is_empty() => String::new(),
            Some(Value::Object(members)) if members.is_empty() => String::new(),
            Some(value) => code(&plain(value)),
        };
    }
    let example = field.get("examples").and_then(Value::as_array).and_then(|all| all.first());
    let example = example
        .map(|value| code(&plain(value)))
        .filter(|example| !meaning.contains(example.as_str()))
        .map_or(String::new(), |example| format!(" Like {example}."));
    format!("| {name} | {} | {default} | {meaning}{example} |\n", kind(field))
}

/// A comment says what the default is; the table has a column for it.
fn split_default(text: &str) -> (String, String) {
    let Some((before, rest)) = text.split_once("Default") else {
        return (text.to_owned(), String::new());
    };
    let (default, after) = rest.split_once(". ").unwrap_or((rest, ""));
    let default = default.trim_start_matches(':').trim().trim_end_matches('.');
    (format!("{before}{after}").trim_end().to_owned(), default.to_owned())
}

/// Its type, with a link where it has a section.
fn kind(field: &Value) -> String {
    if let Some(reference) = reference_of(field) {
        let title = title(&reference);
        return format!("[{title}](#{})", title.to_lowercase().replace(' ', "-"));
    }
    let others = ["anyOf", "oneOf"].iter().find_map(|word| field.get(word)?.as_array());
    if let Some(others) = others {
        let kinds = others.iter().filter(|other| other.get("type") != Some(&Value::from("null")));
        return kinds.map(kind).collect::<Vec<_>>().join(" or ");
    }
    let types: Vec<&str> = match field.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "any value".to_owned(),
    };
    let named = types.iter().filter(|name| **name != "null").map(|name| match *name {
        "string" if field.get("pattern").is_some() => "duration".to_owned(),
        "string" => "text".to_owned(),
        "array" => format!("list of {}", field.get("items").map_or("any value".to_owned(), kind)),
        "object" => match field.get("additionalProperties").filter(|inner| inner.is_object()) {
            Some(inner) => format!("mapping of names to {}", kind(inner)),
            None => "mapping".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    });
    named.collect::<Vec<_>>().join(" or ")
}

fn meaning(value: &Value) -> String {
    let text = value.get("description").and_then(Value::as_str).unwrap_or_default();
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// As it stands in YAML, on one line.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `IssuerSource` is the name of ours; `Issuer` is a reader's.
fn title(name: &str) -> &str {
    name.strip_suffix("Source").unwrap_or(name)
}

/// The variants of an enum.
fn words(of_type: &Value) -> Vec<&Value> {
    let variants = of_type.get("oneOf").and_then(Value::as_array);
    let variant = |value: &&Value| value.get("required").is_none() || value.get("type").is_some();
    let described: Vec<&Value> = variants.into_iter().flatten().filter(variant).collect();
    if described.is_empty() && of_type.get("const").is_some() { vec![of_type] } else { described }
}

fn word_of(variant: &Value) -> String {
    match (variant.get("const"), variant.get("properties").and_then(Value::as_object)) {
        (Some(word), _) => plain(word),
        (None, Some(fields)) => fields.keys().map(|name| format!("{{ {name}: .. }}")).collect(),
        (None, None) => {
            let words = variant.get("enum").and_then(Value::as_array);
            words.into_iter().flatten().map(plain).collect::<Vec<_>>().join(", ")
        }
    }
}

fn exactly_one(of_type: &Value) -> Vec<String> {
    let choices = of_type.get("oneOf").and_then(Value::as_array);
    let required =
        |choice: &Value| choice.get("required")?.as_array()?.first()?.as_str().map(str::to_owned);
    choices.into_iter().flatten().filter_map(required).collect()
}

fn reference_of(value: &Value) -> Option<String> {
    value.get("$ref")?.as_str()?.strip_prefix("#/$defs/").map(str::to_owned)
}

/// Types that a type names, in order.
fn references(of_type: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(of_type, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    found.extend(reference_of(value));
    match value {
        Value::Object(members) => inner(members).for_each(|inner| collect(inner, found)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn inner(members: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    members.iter().filter(|(name, _)| *name != "$defs").map(|(_, value)| value)
}
