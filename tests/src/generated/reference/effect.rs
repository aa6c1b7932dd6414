//! What the upstream gets: docs/answers.md, "On allow", and docs/credentials.md, "What the upstream
//! gets".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::template::{Context, escaped};
use super::{credential, path, value};
use crate::generated::case::World;

/// A request as the upstream gets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upstream {
    /// The path with its query.
    pub path: String,
    /// All headers but Host by name, in lower case; the values of a name joined with commas.
    pub headers: BTreeMap<String, Vec<u8>>,
}

/// What a route makes of a request; None where its path would be none that can be judged.
pub(crate) fn upstream(world: &World, context: Context<'_>) -> Option<Upstream> {
    let forward = context.route.get("forward").cloned().unwrap_or_default();
    let keeps = value::text(&forward, "credential") == Some("original");
    let places: Vec<Value> =
        value::list(context.route, "authenticate").iter().map(credential::place).collect();
    let named = |kind: &'static str| {
        let places = places.iter();
        places.filter_map(|place| value::text(place, kind)).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut removed: Vec<String> = keys_anywhere(world, "headers");
    let mut cookies = keys_anywhere(world, "cookies");
    if !keeps {
        removed.push("authorization".to_owned());
        removed.extend(named("header"));
        cookies.extend(named("cookie"));
    }
    removed.extend(value::words(&forward, "remove_headers").into_iter().map(str::to_owned));
    cookies.extend(value::words(&forward, "remove_cookies").into_iter().map(str::to_owned));
    let removed: Vec<String> = removed.iter().map(|name| spelled(name)).collect();

    let mut headers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut lines: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in &context.asking.asked.headers {
        let name = name.to_ascii_lowercase();
        // Upstreams read `X_User` as `x-user`. The last is Envoy's own, which takes it out.
        if !removed.contains(&spelled(&name)) && name != "x-forwarded-client-cert" {
            lines.entry(name).or_default().push(value.clone());
        }
    }
    for (name, values) in &lines {
        let between: &[u8] = if name == "cookie" { b"; " } else { b"," };
        headers.insert(name.clone(), values.join(between));
    }
    let ours = filled(&forward, "cookies", context);
    let ours: BTreeMap<_, _> = ours.into_iter().filter(|(_, it)| is_cookie(it)).collect();
    if let Some(rest) = with_cookies(headers.get("cookie").cloned(), &cookies, &ours) {
        headers.remove("cookie");
        if !rest.is_empty() {
            headers.insert("cookie".to_owned(), rest.into_bytes());
        }
    }
    for (name, value) in filled(&forward, "headers", context) {
        headers.insert(name.to_ascii_lowercase(), value.into_bytes());
    }
    for (name, value) in filled(&forward, "append_headers", context) {
        let name = name.to_ascii_lowercase();
        let sent = lines.get(&name).into_iter().flatten().map(|own| own.trim_ascii());
        // What is no text is left out, like what is empty.
        let sent = sent.filter(|own| !own.is_empty() && std::str::from_utf8(own).is_ok());
        let values: Vec<&[u8]> = sent.chain([value.as_bytes()]).collect();
        let joined = values.join(b", ".as_slice());
        headers.retain(|own, _| spelled(own) != name);
        headers.insert(name, joined);
    }
    Some(Upstream { path: new_path(&forward, &named("query"), context)?, headers })
}

/// Names that upstreams read as the same are the same.
fn spelled(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Every name that any route, host or the file sets, removed on every route.
fn keys_anywhere(world: &World, kind: &str) -> Vec<String> {
    let hosts = world.policy.get("hosts").and_then(Value::as_object);
    let mut places: Vec<&Value> = vec![&world.policy];
    places.extend(hosts.into_iter().flatten().map(|(_, entry)| entry));
    places.extend(value::list(&world.policy, "routes"));
    let mut names = Vec::new();
    for place in places {
        let own = place.get("forward").and_then(|it| it.get(kind)).and_then(Value::as_object);
        names.extend(own.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    names
}

/// Names and values of what a member of `forward` sets, in the order of their names.
fn filled(forward: &Value, kind: &str, context: Context<'_>) -> BTreeMap<String, String> {
    let own = forward.get(kind).and_then(Value::as_object);
    own.into_iter()
        .flatten()
        .filter_map(|(name, template)| Some((name.clone(), context.fill(template.as_str()?)?)))
        .collect()
}

/// RFC 6265's cookie-octets.
fn is_cookie(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte))
}

/// Cookies without those of these names and with ours; None where nothing changes.
fn with_cookies(
    sent: Option<Vec<u8>>,
    removed: &[String],
    ours: &BTreeMap<String, String>,
) -> Option<String> {
    let sent = sent.unwrap_or_default();
    let name_of = |cookie: &[u8]| {
        let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
        String::from_utf8_lossy(name).trim().to_owned()
    };
    let all: Vec<&[u8]> = sent
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    // Some proxies join two headers with a comma.
    let is_one = |cookie: &&[u8]| {
        cookie.split(|byte| *byte == b',').any(|part| removed.contains(&name_of(part)))
    };
    if !all.iter().any(is_one) && ours.is_empty() {
        return None;
    }
    // One that is not text is left out.
    let kept = all.into_iter().filter(|cookie| !is_one(cookie));
    let kept = kept.filter_map(|cookie| std::str::from_utf8(cookie).ok()).map(str::to_owned);
    let ours = ours.iter().map(|(name, value)| format!("{name}={value}"));
    Some(kept.chain(ours).collect::<Vec<_>>().join("; "))
}

/// The path and query that the upstream gets; None where they could not be judged.
fn new_path(forward: &Value, credentials: &[String], context: Context<'_>) -> Option<String> {
    let sent = &context.asking.asked.path;
    let (before, query) = match sent.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (sent.as_str(), None),
    };
    let template = value::text(forward, "path");
    let before = match template {
        Some(template) => context.fill_path(template)?,
        None => before.to_owned(),
    };
    let ours = filled(forward, "query", context);
    let set = forward.get("query").and_then(Value::as_object);
    let mut gone: BTreeSet<String> =
        value::words(forward, "remove_query").into_iter().map(str::to_owned).collect();
    gone.extend(set.into_iter().flatten().map(|(key, _)| key.clone()));
    let query = new_query(query, credentials, &gone, &ours);
    let path = query.map_or_else(|| before.clone(), |query| format!("{before}?{query}"));
    let good = template.is_none() || path::is_canonical(&path);
    good.then_some(path)
}

/// What stays is as sent; ours come at the end.
fn new_query(
    sent: Option<&str>,
    credentials: &[String],
    gone: &BTreeSet<String>,
    ours: &BTreeMap<String, String>,
) -> Option<String> {
    let decoded = |text: &str| path::decode_lossy(text.split('=').next().unwrap_or_default());
    let ends = |pair: &&str| {
        pair.split([';', '#', '?']).any(|part| {
            let own = decoded(part);
            credentials.iter().chain(gone).any(|key| key.as_bytes() == own)
        })
    };
    let all: Vec<&str> = sent.into_iter().flat_map(|query| query.split('&')).collect();
    let kept: Vec<&str> = all.iter().copied().filter(|pair| !ends(pair)).collect();
    if kept.len() == all.len() && ours.is_empty() {
        return sent.map(str::to_owned);
    }
    let ours = ours.iter().map(|(key, value)| format!("{key}={}", escaped(value)));
    let pairs: Vec<String> = kept.into_iter().map(str::to_owned).chain(ours).collect();
    (!pairs.is_empty()).then(|| pairs.join("&"))
}
