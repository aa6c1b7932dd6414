//! docs/answers.md, "On deny", and the challenges of docs/status-codes.md: what the client gets
//! instead of the upstream's response. Sentences for people are not compared.

use serde_json::{Value, json};

use super::template::escaped;
use super::{Asking, path, status, value};

/// Longest original address that is told.
const RETURN_BYTES: usize = 4096;

/// What a denial looks like, whatever its reason.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Shape {
    form: Form,
    /// Code, place, and the statuses that are redirected.
    redirect: Option<(u16, String, Vec<u16>)>,
    tells_decision: bool,
    realm: String,
    rule: Option<String>,
    scopes: Vec<String>,
    /// What a page of another origin is told, but for `cors_refused`.
    pub(crate) cors: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Form {
    #[default]
    Problem,
    Json,
    Plain,
    Grpc,
}

/// An answer; what is for people is left out of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Sorted; the decision's id is `*`, and a challenge has no description.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Shape {
    /// By the settings of a route, or of the file where there is none.
    pub(crate) fn new(policy: &Value, route: Option<&Value>, asking: &Asking<'_>) -> Self {
        let on_deny = route.unwrap_or(policy).get("on_deny").cloned().unwrap_or_default();
        let form = form(&on_deny, asking);
        let scopes = route.and_then(|route| route.get("scopes")).cloned().unwrap_or_default();
        let scopes = [value::words(&scopes, "all_of"), value::words(&scopes, "any_of")].concat();
        let redirect = on_deny.get("redirect").filter(|it| !it.is_null());
        Self {
            form,
            redirect: redirect
                .filter(|_| form != Form::Grpc && is_browser(asking))
                .map(|redirect| target(policy, redirect, asking)),
            tells_decision: value::flag(&on_deny, "decision_header", false),
            realm: value::text(policy, "service").unwrap_or_default().to_owned(),
            rule: route.and_then(|route| value::text(route, "name")).map(str::to_owned),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            cors: Vec::new(),
        }
    }

    /// The answer for a reason.
    pub(crate) fn of(&self, reason: &str) -> Answer {
        let code = status(reason);
        let mut headers = vec![("cache-control".to_owned(), "no-store".to_owned())];
        let mut put = |name: &str, value: String| headers.push((name.to_owned(), value));
        let own = self.redirect.as_ref().filter(|(_, _, on)| on.contains(&code));
        let mut answered = code;
        match own {
            Some((redirected, place, _)) => {
                answered = *redirected;
                put("location", place.clone());
            }
            None => {
                if let Some(challenge) = self.challenge(reason, code) {
                    put("www-authenticate", challenge);
                }
            }
        }
        if self.tells_decision {
            put("x-sallyport-reason", reason.to_owned());
            put("x-sallyport-decision", "*".to_owned());
        }
        match self.form {
            Form::Problem => put("content-type", "application/problem+json".to_owned()),
            Form::Json => put("content-type", "application/json".to_owned()),
            Form::Plain => put("content-type", "text/plain; charset=utf-8".to_owned()),
            Form::Grpc => {
                put("content-type", "application/grpc".to_owned());
                put("grpc-status", grpc_status(code).to_owned());
            }
        }
        if reason != "cors_refused" {
            headers.extend(self.cors.clone());
        }
        headers.sort();
        Answer { status: answered, headers, body: self.body(reason, code) }
    }

    fn challenge(&self, reason: &str, code: u16) -> Option<String> {
        let realm = format!("Bearer realm=\"{}\"", self.realm);
        match (reason, code) {
            ("token_missing", _) => Some(realm),
            (_, 401) => Some(format!("{realm}, error=\"invalid_token\"")),
            ("scope_missing", _) => {
                let scopes = self.scopes.join(" ");
                Some(format!("{realm}, error=\"insufficient_scope\", scope=\"{scopes}\""))
            }
            _ => None,
        }
    }

    fn body(&self, reason: &str, code: u16) -> Value {
        match self.form {
            Form::Grpc => return Value::Null,
            Form::Plain => return Value::from(format!("{code} {reason}")),
            Form::Problem | Form::Json => {}
        }
        let title = match code {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            _ => "Service Unavailable",
        };
        let mut body = json!({
            "type": format!("urn:sallyport:reason:{reason}"),
            "title": title, "status": code, "reason": reason,
        });
        if let Some(members) = body.as_object_mut() {
            if let Some(rule) = &self.rule {
                members.insert("rule".to_owned(), json!(rule));
            }
            if reason == "scope_missing" {
                members.insert("scope".to_owned(), json!(self.scopes.join(" ")));
            }
        }
        body
    }
}

impl Answer {
    /// What a door said, without what is for people.
    pub(crate) fn said(status: u16, headers: &[(String, String)], body: Option<&Value>) -> Self {
        let plain = |(name, value): &(String, String)| match value
            .split_once(", error_description=\"")
        {
            Some((before, _)) if name == "www-authenticate" => (name.clone(), before.to_owned()),
            _ => (name.clone(), value.clone()),
        };
        let headers: Vec<_> = headers.iter().map(plain).collect();
        let is_grpc = headers.iter().any(|(name, _)| name == "grpc-status");
        let mut body = body.cloned().unwrap_or_default();
        if let Some(members) = body.as_object_mut() {
            let detail = members.remove("detail");
            debug_assert!(detail.is_some_and(|it| it.as_str().is_some_and(|it| !it.is_empty())));
        }
        if let Some(text) = body.as_str() {
            let word = Value::from(text.split(": ").next().unwrap_or_default());
            body = if is_grpc { Value::Null } else { word };
        }
        Self { status, headers, body }
    }
}

fn grpc_status(code: u16) -> &'static str {
    match code {
        400 => "3",
        401 => "16",
        403 => "7",
        _ => "14",
    }
}

/// The elements of a header's values; those that are no text are left out.
fn texts<'a>(asking: &'a Asking<'_>, name: &str) -> Vec<&'a str> {
    let own = asking.asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    let elements = own.flat_map(|(_, value)| value.split(|byte| *byte == b','));
    elements.filter_map(|element| std::str::from_utf8(element).ok()).collect()
}

fn form(on_deny: &Value, asking: &Asking<'_>) -> Form {
    let is_grpc = |text: &str| {
        let rest = text.strip_prefix("application/grpc");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
    };
    if texts(asking, "content-type").iter().any(|text| is_grpc(text)) {
        return Form::Grpc;
    }
    match value::text(on_deny, "format") {
        Some("problem") => return Form::Problem,
        Some("json") => return Form::Json,
        Some("plain") => return Form::Plain,
        _ => {}
    }
    let problem = weight(asking, "application/problem+json");
    let json = weight(asking, "application/json");
    let plain = weight(asking, "text/plain").max(weight(asking, "text/html"));
    if problem >= json && problem >= plain {
        Form::Problem
    } else if json >= plain {
        Form::Json
    } else {
        Form::Plain
    }
}

/// Ranges and weights in thousandths, over all Accept headers.
fn accepted(asking: &Asking<'_>) -> Vec<(String, u32)> {
    let read = |element: &&str| {
        let mut parts = element.split(';').map(str::trim);
        let range = parts.next()?.to_ascii_lowercase();
        let mut weight = 1000;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name.trim().eq_ignore_ascii_case("q") {
                weight = thousandths(value.trim())?;
            }
        }
        Some((range, weight))
    };
    texts(asking, "accept").iter().filter_map(read).collect()
}

/// RFC 9110, "weight".
fn thousandths(text: &str) -> Option<u32> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest: u32 = format!("{rest:0<3}").parse().ok()?;
    match (whole, rest) {
        ("0", rest) => Some(rest),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// That of the most specific range that holds the type; 0 where none does.
fn weight(asking: &Asking<'_>, kind: &str) -> u32 {
    let family = format!("{}/*", kind.split('/').next().unwrap_or_default());
    let all = accepted(asking);
    for range in [kind, &family, "*/*"] {
        let own = all.iter().filter(|(own, _)| own == range).map(|(_, weight)| *weight);
        if let Some(weight) = own.max() {
            return weight;
        }
    }
    0
}

fn is_browser(asking: &Asking<'_>) -> bool {
    matches!(asking.asked.method.as_str(), "GET" | "HEAD")
        && accepted(asking).iter().any(|(range, weight)| range == "text/html" && *weight > 0)
}

fn target(policy: &Value, redirect: &Value, asking: &Asking<'_>) -> (u16, String, Vec<u16>) {
    let number = |value: &Value| value.as_u64().and_then(|it| u16::try_from(it).ok());
    let code = redirect.get("code").and_then(number).unwrap_or(302);
    let on = value::list(redirect, "on").iter().filter_map(number).collect::<Vec<_>>();
    let mut place = value::text(redirect, "to").unwrap_or_default().to_owned();
    if let Some(key) = value::text(redirect, "return_to") {
        let back = escaped(&original(policy, asking));
        if back.len() <= RETURN_BYTES {
            let between = if place.contains('?') { '&' } else { '?' };
            place = format!("{place}{between}{key}={back}");
        }
    }
    (code, place, if on.is_empty() { vec![401] } else { on })
}

/// The original address without what is a credential.
fn original(policy: &Value, asking: &Asking<'_>) -> String {
    let scheme = asking.scheme.unwrap_or("https");
    let (before, query) = match asking.asked.path.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (asking.asked.path.as_str(), None),
    };
    let mut keys = vec!["access_token".to_owned()];
    query_keys(policy, &mut keys);
    let is_secret = |pair: &&str| {
        // Behind these, some servers begin another pair.
        pair.split([';', '?', '#']).any(|part| {
            let own = path::decode_lossy(part.split('=').next().unwrap_or_default());
            keys.iter().any(|key| key.as_bytes() == own)
        })
    };
    let query = match query {
        Some(query) if query.split('&').any(|pair| is_secret(&pair)) => {
            let kept: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
            if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
        }
        Some(query) => format!("?{query}"),
        None => String::new(),
    };
    format!("{scheme}://{}{before}{query}", asking.asked.host)
}

/// Keys that any route reads a credential from.
fn query_keys(value: &Value, found: &mut Vec<String>) {
    if let Some(key) = value.pointer("/from/query").and_then(Value::as_str) {
        found.push(key.to_owned());
    }
    match value {
        Value::Object(members) => members.values().for_each(|own| query_keys(own, found)),
        Value::Array(items) => items.iter().for_each(|own| query_keys(own, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
