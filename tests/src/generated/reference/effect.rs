//! What the upstream gets: docs/policy.md, "Templates", and docs/credentials.md, "What the upstream
//! gets".

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Asking, Identity, credential, path, route, token, value};
use crate::generated::case::World;

/// docs/requirements.md: a longer value is none.
const VALUE_BYTES: usize = 4096;

/// A request as the upstream gets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstream {
    /// The path with its query.
    pub path: String,
    /// All headers but Host by name, in lower case; the values of a name joined with commas.
    pub headers: BTreeMap<String, Vec<u8>>,
}

/// What a route makes of a request.
pub(crate) fn upstream(
    world: &World,
    route: &Value,
    asking: &Asking<'_>,
    identity: Option<&Identity>,
) -> Upstream {
    let forward = route.get("forward");
    let keeps = forward.and_then(|it| value::text(it, "credential")) == Some("original");
    let mut removed = owned(world);
    let mut path = asking.asked.path.clone();
    let mut cookies = Vec::new();
    if !keeps {
        removed.push("authorization".to_owned());
    }
    let entries = value::list(route, "authenticate");
    let places: Vec<Value> = entries.iter().map(credential::place).collect();
    for place in &places {
        if let Some(key) = value::text(place, "query") {
            path = without_key(&path, key);
        }
        if let (Some(name), false) = (value::text(place, "header"), keeps) {
            removed.push(spelled(name));
        }
        if let (Some(name), false) = (value::text(place, "cookie"), keeps) {
            cookies.push(name);
        }
    }
    let mut headers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, value) in &asking.asked.headers {
        let name = name.to_ascii_lowercase();
        // Upstreams read `X_User` as `x-user`.
        if removed.contains(&spelled(&name)) {
            continue;
        }
        let between: &[u8] = if name == "cookie" { b"; " } else { b"," };
        match headers.get_mut(&name) {
            Some(joined) => {
                joined.extend(between);
                joined.extend(value);
            }
            None => drop(headers.insert(name, value.clone())),
        }
    }
    if let Some(sent) = headers.get("cookie").cloned() {
        match without_cookies(&sent, &cookies) {
            Some(rest) if rest.is_empty() => drop(headers.remove("cookie")),
            Some(rest) => drop(headers.insert("cookie".to_owned(), rest)),
            None => {}
        }
    }
    let set = forward.and_then(|it| it.get("headers")).and_then(Value::as_object);
    for (name, template) in set.into_iter().flatten() {
        let template = template.as_str().unwrap_or_default();
        if let Some(value) = fill(template, route, asking, identity) {
            headers.insert(name.to_ascii_lowercase(), value.into_bytes());
        }
    }
    Upstream { path, headers }
}

/// Names that upstreams read as the same are the same.
fn spelled(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Every header that any route, host or the file sets, removed on every route.
fn owned(world: &World) -> Vec<String> {
    let hosts = world.policy.get("hosts").and_then(Value::as_object);
    let mut places: Vec<&Value> = vec![&world.policy];
    places.extend(hosts.into_iter().flatten().map(|(_, entry)| entry));
    places.extend(value::list(&world.policy, "routes"));
    let mut names = Vec::new();
    for place in places {
        let headers = place.pointer("/forward/headers").and_then(Value::as_object);
        names.extend(headers.into_iter().flatten().map(|(name, _)| spelled(name)));
    }
    names
}

/// The path without a query parameter; the rest of the query stays byte for byte.
fn without_key(sent: &str, key: &str) -> String {
    let Some((before, query)) = sent.split_once('?') else { return sent.to_owned() };
    let is_key = |pair: &&str| {
        path::decode_lossy(pair.split('=').next().unwrap_or_default()) == key.as_bytes()
    };
    let pairs: Vec<&str> = query.split('&').collect();
    let kept: Vec<&str> = pairs.iter().copied().filter(|pair| !is_key(pair)).collect();
    match kept.len() {
        all if all == pairs.len() => sent.to_owned(),
        0 => before.to_owned(),
        _ => format!("{before}?{}", kept.join("&")),
    }
}

/// Cookies without those of these names; None where there is none of them.
fn without_cookies(sent: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(sent).into_owned();
    let name_of = |cookie: &&str| cookie.split('=').next().unwrap_or_default().trim().to_owned();
    let all: Vec<&str> = text.split(';').map(str::trim).filter(|it| !it.is_empty()).collect();
    let is_one = |cookie: &&str| names.contains(&name_of(cookie).as_str());
    if !all.iter().any(is_one) {
        return None;
    }
    let kept: Vec<&str> = all.into_iter().filter(|cookie| !is_one(cookie)).collect();
    Some(kept.join("; ").into_bytes())
}

/// A template with its values; None where one is missing, or where it cannot be a header's value.
pub(crate) fn fill(
    template: &str,
    route: &Value,
    asking: &Asking<'_>,
    identity: Option<&Identity>,
) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&variable(name, route, asking, identity)?);
        rest = behind;
    }
    filled.push_str(rest);
    let good = !filled.is_empty()
        && filled.len() <= VALUE_BYTES
        && filled.trim() == filled
        && !filled.chars().any(char::is_control);
    good.then_some(filled)
}

fn variable(
    name: &str,
    route: &Value,
    asking: &Asking<'_>,
    identity: Option<&Identity>,
) -> Option<String> {
    if let Some(variable) = name.strip_prefix("path.") {
        return route::variable(route, asking.request, variable);
    }
    if let Some(header) = name.strip_prefix("header.") {
        let own = asking.asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(header));
        let values: Vec<&[u8]> = own.map(|(_, value)| value.as_slice()).collect();
        return (!values.is_empty()).then(|| String::from_utf8(values.join(&b',')).ok()).flatten();
    }
    if let Some(key) = name.strip_prefix("query.") {
        return query(&asking.asked.path, key);
    }
    match name {
        "method" => return Some(asking.request.method.clone()),
        "host" => return Some(asking.request.host.clone()),
        _ => {}
    }
    let identity = identity?;
    match name {
        "subject" => value::text(&identity.claims, "sub").map(str::to_owned),
        "client" => token::client(&identity.claims).map(str::to_owned),
        "issuer" => Some(identity.issuer.clone()),
        other => as_text(value::at(&identity.claims, other.strip_prefix("claims.")?)?),
    }
}

/// Percent-decoded once; none where the key stands twice or the query holds a `;`.
fn query(sent: &str, key: &str) -> Option<String> {
    let (_, query) = sent.split_once('?')?;
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let own: Vec<&str> = pairs
        .filter(|(name, _)| path::decode_lossy(name) == key.as_bytes())
        .map(|(_, value)| value)
        .collect();
    match own.as_slice() {
        [one] if !query.contains(';') => String::from_utf8(path::decode_lossy(one)).ok(),
        _ => None,
    }
}

/// Scalars as they are, arrays with commas between.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(items) => {
            // A list of lists has no such form.
            let scalar = |item: &Value| (!item.is_array()).then(|| as_text(item)).flatten();
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}
