//! The parsed policy file: bytes to [`Document`], its filter copy and its digest.
//! Reads no files: the names of role files go to the caller, who brings their text.

use sallyport_jwt::{JsonLimits, parse_json_object};
use serde_json::{Map, Value};

use crate::file::digest;
use crate::file::part::{Places, PolicyPart, join};
use crate::file::problem::Problem;
use crate::file::shape;
use crate::file::source::{Allow, Format, Source};
use crate::file::value_reader::FromValue;
use crate::limits::{MAX_JSON_DEPTH, MAX_POLICY_BYTES, MAX_YAML_DOCUMENTS, MAX_YAML_NODES};

/// A policy file that is well-formed, with known fields of the right types. Not yet a policy.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) source: Source,
    filter_copy: Value,
    /// None: all of it is of one file.
    places: Option<Box<Places>>,
}

impl Document {
    /// Parses a policy of one file, which includes no other and reads no environment.
    ///
    /// # Errors
    /// Syntax errors, duplicate members, unknown fields, wrong types: each with its path; all of them, but for syntax.
    pub fn parse(bytes: &[u8], format: Format) -> Result<Self, Vec<Problem>> {
        let main = PolicyPart::parse("", bytes, format, &|_| None)?;
        if let Some((index, name)) = main.includes().next() {
            return Err(vec![Problem::error(
                format!("include[{index}]"),
                format!("`{name}` is not read here"),
                "write the policy in one file",
            )]);
        }
        Self::join(main, Vec::new())
    }

    /// Makes a policy of its file and of those that it includes, in the order that `include` gives.
    ///
    /// # Errors
    /// As [`Document::parse`]; and what an included file may not hold, and names that stand in two files. The places
    /// of an included file begin with its name.
    pub fn join(main: PolicyPart, included: Vec<PolicyPart>) -> Result<Self, Vec<Problem>> {
        let alone = included.is_empty();
        let (value, places) = join(main, included)?;
        let source = shape::read_all(value.clone()).map_err(|problems| places.of_all(problems))?;
        let places = if alone { None } else { Some(Box::new(places)) };
        Ok(Self { source, filter_copy: filter_copy(value), places })
    }

    /// Parses a value that some other file holds as a part.
    ///
    /// # Errors
    /// The first unknown field or wrong type.
    pub fn from_value(value: Value) -> Result<Self, Vec<Problem>> {
        let source = shape::read_first(&value)?;
        Ok(Self { source, filter_copy: filter_copy(value), places: None })
    }

    /// The same policy with `shadow: true` on every route that asks for something: what would be denied, were it
    /// enforced.
    #[must_use]
    pub fn in_shadow(mut self) -> Self {
        let copies = self.filter_copy.get_mut("routes").and_then(Value::as_array_mut);
        let copies = copies.into_iter().flatten();
        for (route, copy) in self.source.routes.iter_mut().zip(copies) {
            if route.allow == Some(Allow::Unauthenticated) {
                continue;
            }
            route.shadow = Some(true);
            if let Some(copy) = copy.as_object_mut() {
                copy.insert("shadow".to_owned(), Value::Bool(true));
            }
        }
        self
    }

    /// Where a place of the whole is written: `routes[7].name` may be `orders.yaml: routes[0].name`.
    #[must_use]
    pub fn place(&self, path: &str) -> String {
        self.places.as_ref().map_or_else(|| path.to_owned(), |places| places.of(path))
    }

    /// The same problems, at the places where they are written.
    pub(crate) fn located(&self, problems: Vec<Problem>) -> Vec<Problem> {
        match &self.places {
            Some(places) => places.of_all(problems),
            None => problems,
        }
    }

    /// Names of the role files, as written.
    #[must_use]
    pub fn role_files(&self) -> &[String] {
        self.source.roles.as_deref().unwrap_or_default()
    }

    /// What the filter may know: the same policy without endpoints, client ids, secrets and role files.
    #[must_use]
    pub fn filter_copy(&self) -> Value {
        self.filter_copy.clone()
    }

    /// SHA-256 of the filter's copy, 16 bytes in hex: whether filter and sidecar judge by the same policy.
    #[must_use]
    pub fn digest(&self) -> String {
        digest::of_whole(self.filter_copy.clone())
    }
}

/// Takes out what the filter may not know. Of the file as it was written: what it does not say is in neither copy.
pub(super) fn filter_copy(mut value: Value) -> Value {
    if let Some(file) = value.as_object_mut() {
        role_files_apart(file);
    }
    swaps_apart(&mut value);
    let issuers = value.get_mut("issuers").and_then(Value::as_object_mut);
    for issuer in issuers.into_iter().flat_map(Map::values_mut) {
        for secretive in ["introspection", "hmac"] {
            // What is not there, or null, stays so: an empty object would be a statement of its own.
            if let Some(place) = issuer.get_mut(secretive).and_then(Value::as_object_mut) {
                place.clear();
            }
        }
    }
    value
}

/// Of the gate's own credentials the filter knows that there are some, and in which header.
fn swaps_apart(file: &mut Value) {
    level_apart(file);
    let hosts = file.get_mut("hosts").and_then(Value::as_object_mut);
    hosts.into_iter().flat_map(Map::values_mut).for_each(level_apart);
    let routes = file.get_mut("routes").and_then(Value::as_array_mut);
    routes.into_iter().flatten().for_each(level_apart);
}

/// The same for the file, a host or a route alone.
pub(super) fn level_apart(level: &mut Value) {
    let forward = level.get_mut("forward");
    let Some(credential) = forward.and_then(|it| it.get_mut("credential")) else { return };
    for whole in ["basic", "bearer"] {
        if let Some(place) = credential.get_mut(whole).and_then(Value::as_object_mut) {
            place.clear();
        }
    }
    if let Some(header) = credential.get_mut("header").and_then(Value::as_object_mut) {
        header.remove("value");
    }
}

/// Where there are role files, their names are not the filter's business, but that there are some is: the roles are then
/// the sidecar's, those of the policy too.
fn role_files_apart(file: &mut Map<String, Value>) {
    match file.get_mut("roles") {
        Some(Value::Array(names)) => {
            names.clear();
            file.remove("role_documents");
        }
        _ => {
            file.remove("roles");
        }
    }
}

/// A file's value, whatever is in it.
///
/// # Errors
/// Syntax errors and duplicate members.
pub(crate) fn syntax_tree(
    bytes: &[u8],
    format: Format,
) -> Result<Map<String, Value>, Vec<Problem>> {
    if bytes.len() > MAX_POLICY_BYTES {
        return Err(vec![Problem::error(
            "$",
            format!("the file has {} bytes, more than {MAX_POLICY_BYTES}", bytes.len()),
            "split the policy",
        )]);
    }
    match format {
        Format::Json => parse_json_object(
            bytes,
            JsonLimits { max_bytes: MAX_POLICY_BYTES, max_depth: MAX_JSON_DEPTH },
        )
        .map_err(|error| {
            let message = error.to_string();
            #[cfg(feature = "lint")]
            let message = crate::file::json_place::message(bytes, &message);
            syntax("JSON", &message)
        }),
        Format::Yaml => yaml(bytes),
    }
}

fn yaml(bytes: &[u8]) -> Result<Map<String, Value>, Vec<Problem>> {
    let text = std::str::from_utf8(bytes).map_err(|error| syntax("UTF-8", &error.to_string()))?;
    let value = serde_saphyr::from_str_with_options::<Value>(text, options())
        .map_err(|error| syntax("YAML", &yaml_message(&error)))?;
    match value {
        Value::Object(members) => Ok(members),
        Value::Null => Err(no_policy("is empty")),
        Value::Array(_) => Err(no_policy("is a list")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(no_policy("is a single value")),
    }
}

/// YAML 1.2: `no` and `on` are text. No snippet of the file in messages: a secret may stand beside the mistake.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        // The library's own bounds are for strangers' files: a thousand bindings, or a few thousand routes.
        budget: serde_saphyr::budget! {
            max_documents: MAX_YAML_DOCUMENTS,
            max_nodes: MAX_YAML_NODES,
            max_events: MAX_YAML_NODES.saturating_mul(2),
        },
    }
}

/// It may be YAML.
fn no_policy(what: &str) -> Vec<Problem> {
    vec![Problem::error(
        "$",
        format!("the file {what}, expected a mapping"),
        "write the fields of a policy, `version: 1` first",
    )]
}

pub(super) fn syntax(what: &str, message: &str) -> Vec<Problem> {
    vec![Problem::error(
        "$",
        format!("not valid {what}: {message}"),
        "mend the syntax at that place",
    )]
}

/// Role and RoleBinding documents come as YAML streams; one value a document.
///
/// # Errors
/// A syntax error, as one message.
pub(crate) fn yaml_documents(text: &str) -> Result<Vec<Value>, String> {
    if let Some(documents) = json_documents(text) {
        return Ok(documents);
    }
    serde_saphyr::from_multiple_with_options::<Value>(text, options())
        .map_err(|error| yaml_message(&error))
}

/// The reader's words, less those that are for who calls it.
fn yaml_message(error: &serde_saphyr::Error) -> String {
    let mut text = error.to_string();
    for (theirs, ours) in [
        ("duplicate mapping key: ", "a member stands twice: "),
        (", set DuplicateKeyPolicy in Options if acceptable", ""),
        ("recursive references require weak recursion types", "an alias within what it stands for"),
        ("multiple YAML documents detected", "a second document, and a policy is one"),
        ("; use from_str_multiple or from_str_multiple_with_options", ""),
        ("; use from_multiple or from_multiple_with_options", ""),
    ] {
        if text.contains(theirs) {
            text = text.replace(theirs, ours);
        }
    }
    text
}

/// A stream of which every document is a JSON object, with lines `---` between: a hundred times faster than YAML, which
/// is what counts with a hundred thousand bindings. None: it is something else, or not well-formed, and YAML's reader
/// says what.
fn json_documents(text: &str) -> Option<Vec<Value>> {
    let limits = JsonLimits { max_bytes: MAX_POLICY_BYTES, max_depth: MAX_JSON_DEPTH };
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (document, tail) = rest.split_once("\n---").unwrap_or((rest, ""));
        let document = document.strip_prefix("---").unwrap_or(document).trim();
        if !document.starts_with('{') {
            return None;
        }
        out.push(Value::Object(parse_json_object(document.as_bytes(), limits).ok()?));
        rest = tail;
    }
    Some(out)
}

/// A typed reading of one value, with the path of what is wrong in it.
pub(crate) fn typed<T: FromValue>(value: &Value) -> Result<T, Problem> {
    T::from_value(value).map_err(|error| shape::problem(&error))
}
