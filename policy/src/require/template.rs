//! Templates over identity and request: `{subject}`, `{client}`, `{issuer}`, `{claims.PATH}`, `{path.NAME}`,
//! `{scopes}`, `{header.NAME}`, `{query.KEY}`, `{method}`, `{host}`, `{path}`, `{scheme}`.
//! Not an expression language: a value that is missing makes the whole template give nothing.

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;
use sallyport_jwt::ClaimPath;
use serde_json::Value;

use crate::answer::reshape::COMPONENT;
use crate::identity::Identity;
use crate::limits::MAX_HEADER_VALUE_BYTES;
use crate::request::Request;
use crate::require::claim::{is_exact, whole};
use crate::route::{PathVariables, Route};

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Box<[Part]>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(Box<str>),
    Subject,
    Client,
    Issuer,
    Claim(ClaimPath),
    PathVariable(Box<str>),
    /// In lower case.
    Header(Box<str>),
    Query(Box<str>),
    Method,
    Host,
    Scopes,
    Path,
    Scheme,
}

/// What a template reads.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    request: &'a Request<'a>,
    variables: PathVariables<'a>,
    identity: Option<&'a Identity>,
}

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn new(
        route: &'a Route,
        request: &'a Request<'a>,
        identity: Option<&'a Identity>,
    ) -> Self {
        Self { request, variables: PathVariables::new(route, request.path()), identity }
    }

    #[inline]
    pub(crate) fn request(&self) -> &'a Request<'a> {
        self.request
    }

    #[inline]
    pub(crate) fn identity(&self) -> Option<&'a Identity> {
        self.identity
    }
}

impl Template {
    /// Compiles a template; `variables` are the names that the route's path gives.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    #[inline]
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
        Ok(Self(parts.into()))
    }

    /// Whether the template reads the identity.
    #[inline]
    pub(crate) fn reads_identity(&self) -> bool {
        self.0.iter().any(|part| match part {
            Part::Subject | Part::Client | Part::Issuer | Part::Claim(_) | Part::Scopes => true,
            Part::Literal(_)
            | Part::PathVariable(_)
            | Part::Header(_)
            | Part::Query(_)
            | Part::Method
            | Part::Host
            | Part::Path
            | Part::Scheme => false,
        })
    }

    /// The headers that it reads, in lower case.
    #[inline]
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(
            |part| {
                if let Part::Header(name) = part { Some(&**name) } else { None }
            },
        )
    }

    /// The query keys that it reads.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn queries(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|part| if let Part::Query(key) = part { Some(&**key) } else { None })
    }

    /// The text, where the template is nothing else.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn literal(&self) -> Option<&str> {
        match &*self.0 {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether a caller without a token leaves it without a value.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn needs_token(&self) -> bool {
        self.0.iter().any(|part| match part {
            Part::Client | Part::Scopes => true,
            Part::Claim(path) => path.names() != ["sub"],
            Part::Literal(_)
            | Part::Subject
            | Part::Issuer
            | Part::PathVariable(_)
            | Part::Header(_)
            | Part::Query(_)
            | Part::Method
            | Part::Host
            | Part::Path
            | Part::Scheme => false,
        })
    }

    /// The value for this caller, where it is the same in every request.
    #[cfg(feature = "lint")]
    #[inline]
    pub(crate) fn of_caller(&self, identity: &Identity) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Subject => out.push_str(identity.subject()?),
                Part::Issuer => out.push_str(identity.issuer_name()),
                Part::Client
                | Part::Claim(_)
                | Part::PathVariable(_)
                | Part::Header(_)
                | Part::Query(_)
                | Part::Method
                | Part::Host
                | Part::Scopes
                | Part::Path
                | Part::Scheme => return None,
            }
        }
        Some(out)
    }

    /// As [`Template::render`], without a copy where the template is plain text.
    #[inline]
    pub(crate) fn value<'v>(&'v self, view: &View<'_>) -> Option<Cow<'v, str>> {
        match &*self.0 {
            [Part::Literal(text)] => sendable(text).then_some(Cow::Borrowed(text)),
            _ => self.render(view).map(Cow::Owned),
        }
    }

    /// The value; none where a part has none, or where the result could not be a header's value.
    #[inline]
    pub(crate) fn render(&self, view: &View<'_>) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            let before = out.len();
            part.push(&mut out, view)?;
            // An empty value is none: `{claims.tenant}:admin` must not become `:admin`.
            if out.len() == before {
                return None;
            }
        }
        sendable(&out).then_some(out)
    }

    /// The value as a path: each part one segment or less of it, escaped, but for literals and the request's own path.
    /// None where a part has no value, an empty one, or one that holds a slash.
    #[inline]
    pub(crate) fn render_path(&self, view: &View<'_>) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            if matches!(part, Part::Literal(_) | Part::Path) {
                part.push(&mut out, view)?;
                continue;
            }
            let mut value = String::new();
            part.push(&mut value, view)?;
            // An escaped slash would be two segments for some upstreams.
            if value.is_empty() || value.contains('/') {
                return None;
            }
            out.extend(utf8_percent_encode(&value, COMPONENT));
        }
        Some(out)
    }

    /// The path that it makes of values that are `x`.
    #[inline]
    pub(crate) fn example(&self) -> String {
        let mut out = String::new();
        for part in &self.0 {
            out.push_str(if let Part::Literal(text) = part {
                text
            } else if *part == Part::Path {
                "/x"
            } else {
                "x"
            });
        }
        out
    }
}

impl Part {
    #[inline]
    fn push(&self, out: &mut String, view: &View<'_>) -> Option<()> {
        match self {
            Self::Literal(text) => out.push_str(text),
            Self::Subject => out.push_str(view.identity?.subject()?),
            Self::Client => out.push_str(view.identity?.client()?),
            Self::Issuer => out.push_str(view.identity?.issuer_name()),
            Self::Scopes => out.push_str(&view.identity?.scopes().join(" ")),
            Self::Claim(path) => push_claim(out, view.identity?.claims().at(path)?)?,
            Self::PathVariable(name) => out.push_str(&view.variables.decoded(name)?),
            Self::Header(name) => push_header(out, view.request, name)?,
            Self::Query(key) => out.push_str(&view.request.query_value(key)?),
            Self::Method => out.push_str(view.request.method()),
            Self::Host => out.push_str(view.request.host()),
            Self::Path => out.push_str(view.request.path().as_str()),
            // A door that does not know it has none.
            Self::Scheme => match view.request.raw().scheme {
                [] => return None,
                scheme => out.push_str(std::str::from_utf8(scheme).ok()?),
            },
        }
        Some(())
    }
}

/// A header's values, joined as HTTP joins them (RFC 9110 section 5.3). What is not UTF-8 has none.
#[inline]
fn push_header(out: &mut String, request: &Request<'_>, name: &str) -> Option<()> {
    let mut values = request.header(name);
    out.push_str(std::str::from_utf8(values.next()?).ok()?);
    for value in values {
        out.push(',');
        out.push_str(std::str::from_utf8(value).ok()?);
    }
    Some(())
}

/// Whether it can be a header's value. HTTP trims a value's ends: ` admin` would arrive as `admin`.
#[inline]
fn sendable(value: &str) -> bool {
    if value.len() > MAX_HEADER_VALUE_BYTES {
        return false;
    }
    if value.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return true;
    }
    !value.chars().any(char::is_control) && value.trim() == value
}

#[inline]
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

#[inline]
fn part(name: &str, variables: &[Box<str>]) -> Result<Part, (String, String)> {
    match name {
        "subject" => return Ok(Part::Subject),
        "client" => return Ok(Part::Client),
        "issuer" => return Ok(Part::Issuer),
        "method" => return Ok(Part::Method),
        "host" => return Ok(Part::Host),
        "scopes" => return Ok(Part::Scopes),
        "path" => return Ok(Part::Path),
        "scheme" => return Ok(Part::Scheme),
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
    if let Some(header) = name.strip_prefix("header.") {
        return readable_header(header).map(Part::Header);
    }
    if let Some(key) = name.strip_prefix("query.").filter(|key| !key.is_empty()) {
        return Ok(Part::Query(key.into()));
    }
    Err((
        format!("`{{{name}}}` is nothing a template knows"),
        "use {subject}, {client}, {issuer}, {scopes}, {claims.PATH}, {path.NAME}, {header.NAME}, {query.KEY}, {method}, {host}, {path} or {scheme}"
            .to_owned(),
    ))
}

/// Credentials are none of a template's business, and Host has a name of its own here.
#[inline]
fn readable_header(name: &str) -> Result<Box<str>, (String, String)> {
    let lower = name.to_ascii_lowercase();
    // RFC 9110 section 5.6.2, less what would have to be quoted in a template.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if lower.is_empty() || !lower.bytes().all(token) {
        return Err((
            format!("`{name}` is no header"),
            "use letters, digits, `-`, `_` and `.`".to_owned(),
        ));
    }
    match lower.as_str() {
        "authorization" | "proxy-authorization" | "cookie" => Err((
            format!("`{name}` carries credentials"),
            "use {subject} or {claims.PATH}, or remove it".to_owned(),
        )),
        "host" => Err((format!("`{name}` is not read as a header"), "write {host}".to_owned())),
        _ => Ok(lower.into()),
    }
}

/// Scalars as text, arrays of scalars with commas; objects and commas inside elements give nothing.
#[inline]
fn push_claim(out: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Number(number) if is_exact(number) => {
            // `1.0` is the number 1 (see `equal`), whatever an upstream's parser makes of the other spelling.
            match whole(number).and_then(|integer| i64::try_from(integer).ok()) {
                Some(integer) => out.push_str(&integer.to_string()),
                None => out.push_str(&number.to_string()),
            }
        }
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
        Value::Number(_) | Value::Null | Value::Object(_) => return None,
    }
    Some(())
}
