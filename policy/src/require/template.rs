//! Templates over identity and request: `{subject}`, `{client}`, `{issuer}`, `{claims.PATH}`, `{path.NAME}`.
//! Not an expression language: a value that is missing makes the whole template give nothing.

use sallyport_jwt::ClaimPath;
use serde_json::Value;

use crate::identity::Identity;
use crate::limits::MAX_HEADER_VALUE_BYTES;
use crate::route::PathVariables;

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(Box<str>),
    Subject,
    Client,
    Issuer,
    Claim(ClaimPath),
    PathVariable(Box<str>),
}

impl Template {
    /// Compiles a template; `variables` are the names that the route's path gives.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub(crate) fn compile(text: &str, variables: &[Box<str>]) -> Result<Self, (String, String)> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            push_literal(&mut parts, literal)?;
            let (name, tail) = tail.split_once('}').ok_or_else(|| {
                ("opens a brace that is not closed".to_owned(), "close it with `}`".to_owned())
            })?;
            parts.push(part(name, variables)?);
            rest = tail;
        }
        push_literal(&mut parts, rest)?;
        if parts.is_empty() {
            return Err(("is empty".to_owned(), "write a value, or remove it".to_owned()));
        }
        Ok(Self(parts))
    }

    /// Whether the template says which issuer vouched.
    pub(crate) fn reads_issuer(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Issuer))
    }

    /// Whether the template reads the identity.
    pub(crate) fn reads_identity(&self) -> bool {
        self.0.iter().any(|part| !matches!(part, Part::Literal(_) | Part::PathVariable(_)))
    }

    /// The value; none where a part has none, or where the result could not be a header's value.
    pub(crate) fn render(
        &self,
        identity: Option<&Identity>,
        variables: &PathVariables<'_>,
    ) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Subject => out.push_str(identity?.subject()?),
                Part::Client => out.push_str(identity?.client()?),
                Part::Issuer => out.push_str(identity?.issuer_name()),
                Part::Claim(path) => push_claim(&mut out, identity?.claims().at(path)?)?,
                Part::PathVariable(name) => out.push_str(&variables.decoded(name)?),
            }
        }
        (!out.is_empty() && sendable(&out)).then_some(out)
    }
}

/// Whether it can be a header's value. HTTP trims a value's ends: ` admin` would arrive as `admin`.
fn sendable(value: &str) -> bool {
    if value.len() > MAX_HEADER_VALUE_BYTES {
        return false;
    }
    if value.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return true;
    }
    !value.chars().any(char::is_control) && value.trim() == value
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) -> Result<(), (String, String)> {
    if literal.contains('}') {
        return Err(("closes a brace that is not open".to_owned(), "open it with `{`".to_owned()));
    }
    if literal.chars().any(char::is_control) {
        return Err(("a control character".to_owned(), "remove it".to_owned()));
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.into()));
    }
    Ok(())
}

fn part(name: &str, variables: &[Box<str>]) -> Result<Part, (String, String)> {
    match name {
        "subject" => return Ok(Part::Subject),
        "client" => return Ok(Part::Client),
        "issuer" => return Ok(Part::Issuer),
        _ => {}
    }
    if let Some(path) = name.strip_prefix("claims.") {
        return path.parse().map(Part::Claim).map_err(|error| {
            (
                format!("`{path}` is no claim path: {error}"),
                "write names with dots between, quoted where they hold dots".to_owned(),
            )
        });
    }
    if let Some(variable) = name.strip_prefix("path.") {
        if variables.iter().any(|known| **known == *variable) {
            return Ok(Part::PathVariable(variable.into()));
        }
        return Err((
            format!("`{variable}` is no variable of the route's path"),
            "name it in `match.path`, like `/orders/{id}`".to_owned(),
        ));
    }
    Err((
        format!("`{{{name}}}` is nothing a template knows"),
        "use {subject}, {client}, {issuer}, {claims.PATH} or {path.NAME}".to_owned(),
    ))
}

/// Scalars as text, arrays of scalars with commas; objects and commas inside elements give nothing.
fn push_claim(out: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if item.is_array() || item.as_str().is_some_and(|text| text.contains(',')) {
                    return None;
                }
                push_claim(out, item)?;
            }
        }
        Value::Null | Value::Object(_) => return None,
    }
    Some(())
}
