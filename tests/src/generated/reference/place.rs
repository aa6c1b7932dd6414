//! docs/credentials.md, "Places": what stands in each place that a route names.

use serde_json::Value;

use super::super::case::Asked;
use super::super::certificate::Certificate;
use super::{Asking, path, value};

/// "Everywhere: longer than 16 KiB is malformed."
const TOKEN_BYTES: usize = 16 << 10;

/// What stands in a place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    Absent,
    Malformed,
    Ambiguous,
    Present(String),
}

/// All values of a header as one, as a proxy joins them.
fn joined(asked: &Asked, name: &str, with: &[u8]) -> Option<Vec<u8>> {
    let own = asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = own.map(|(_, value)| value.as_slice()).collect();
    (!values.is_empty()).then(|| values.join(with))
}

/// "Authorization is looked at before a route is": two credentials in it.
pub(crate) fn is_ambiguous(asked: &Asked) -> bool {
    let own = asked.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case("authorization"));
    let values: Vec<String> =
        own.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned()).collect();
    let value = match values.as_slice() {
        [] => return false,
        [one] => one,
        _ => return true,
    };
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    if !value.contains(',') {
        return false;
    }
    let mut bearers = value.split(',').skip(1).map(|part| part.trim().to_ascii_lowercase());
    rest.is_empty()
        || scheme.eq_ignore_ascii_case("bearer")
        || bearers.any(|part| part.starts_with("bearer "))
        || !is_parameters(value)
}

/// Whether what stands behind a value's commas, but for those within quotes, is `name=value`.
fn is_parameters(value: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in value.chars() {
        quoted = quoted != (character == '"');
        match parts.last_mut() {
            Some(last) if character != ',' || quoted => last.push(character),
            _ => parts.push(String::new()),
        }
    }
    let is_one = |part: &String| {
        let (name, value) = part.trim().split_once('=').unwrap_or_default();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && name.bytes().all(is_word) && !value.trim_matches('=').is_empty()
    };
    !quoted && parts.iter().skip(1).all(is_one)
}

/// A token, or what is too long to be one, or nothing.
fn token_of(text: &str) -> Found {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() || text.len() > TOKEN_BYTES {
        return Found::Malformed;
    }
    Found::Present(text.to_owned())
}

/// What stands in a place.
pub(crate) fn read(asking: &Asking<'_>, from: &Value, reads_raw: bool) -> Found {
    let asked = asking.asked;
    if let Some(kind) = value::text(from, "subject") {
        return certificate(asking.certificate, kind);
    }
    if let Some(name) = value::text(from, "header") {
        return header(asked, name, value::text(from, "prefix"));
    }
    if let Some(key) = value::text(from, "query") {
        return query(asked, key);
    }
    if let Some(name) = value::text(from, "cookie") {
        return cookie(asked, name);
    }
    let Some(joined) = joined(asked, "authorization", b",") else { return Found::Absent };
    let text = String::from_utf8_lossy(&joined).into_owned();
    if value::text(from, "authorization") == Some("raw") {
        return raw(&text);
    }
    match text.split_once(' ') {
        // A word without a scheme, and `Bearer` alone.
        None if reads_raw && !text.is_empty() && !text.eq_ignore_ascii_case("bearer") => {
            Found::Absent
        }
        None => Found::Malformed,
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => token_of(rest),
        Some(_) => Found::Absent,
    }
}

/// The first name of a kind, or the one common name.
fn certificate(shown: Option<&Certificate>, kind: &str) -> Found {
    let Some(shown) = shown else { return Found::Absent };
    let names = match kind {
        "uri_san" => shown.uris,
        "dns_san" => shown.names,
        _ if shown.common_names.len() > 1 => &[],
        _ => shown.common_names,
    };
    names.first().map_or(Found::Malformed, |name| Found::Present((*name).to_owned()))
}

fn raw(text: &str) -> Found {
    if text.contains(',') {
        return Found::Ambiguous;
    }
    if text.eq_ignore_ascii_case("bearer") || text.trim().is_empty() {
        return Found::Malformed;
    }
    // Another scheme's, or a bearer token's own business.
    if text.trim().contains(' ') {
        let is_bearer = text.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("bearer "));
        let alone = is_bearer && text.get(7..).is_some_and(|rest| rest.trim().is_empty());
        return if alone { Found::Malformed } else { Found::Absent };
    }
    token_of(text)
}

fn header(asked: &Asked, name: &str, prefix: Option<&str>) -> Found {
    let Some(joined) = joined(asked, name, b",") else { return Found::Absent };
    if joined.contains(&b',') {
        return Found::Ambiguous;
    }
    let text = match (String::from_utf8(joined), prefix) {
        (Ok(text), Some(_)) => text,
        (Ok(text), None) => return token_of(&text),
        // It has no prefix; or bytes that no token has.
        (Err(_), Some(_)) => return Found::Absent,
        (Err(_), None) => return Found::Malformed,
    };
    let prefix = prefix.unwrap_or_default();
    match text.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => {
            token_of(text.get(prefix.len()..).unwrap_or_default())
        }
        _ if text.trim() == prefix.trim() => Found::Malformed,
        _ => Found::Absent,
    }
}

fn query(asked: &Asked, key: &str) -> Found {
    let Some((_, query)) = asked.path.split_once('?') else { return Found::Absent };
    let is_key = |sent: &str| path::decode_lossy(sent) == key.as_bytes();
    let mut found = Vec::new();
    for pair in query.split('&') {
        let (own, value) = pair.split_once('=').unwrap_or((pair, ""));
        if is_key(own) {
            found.push(value);
        }
        // Some servers read a key behind these, others do not.
        for hidden in pair.split([';', '?']).skip(1) {
            if is_key(hidden.split('=').next().unwrap_or_default()) {
                return Found::Ambiguous;
            }
        }
    }
    match found.as_slice() {
        [] => Found::Absent,
        [one] => match String::from_utf8(path::decode_lossy(one)) {
            // An escaped space is no space around the value.
            Ok(text) if text.is_empty() || text.len() > TOKEN_BYTES => Found::Malformed,
            Ok(text) => Found::Present(text),
            Err(_) => Found::Malformed,
        },
        _ => Found::Ambiguous,
    }
}

fn cookie(asked: &Asked, name: &str) -> Found {
    let Some(joined) = joined(asked, "cookie", b";") else { return Found::Absent };
    let text = String::from_utf8_lossy(&joined).into_owned();
    let mut found = Vec::new();
    for cookie in text.split(';') {
        let (own, value) = cookie.split_once('=').unwrap_or((cookie, ""));
        if own.trim() == name {
            found.push(value);
        }
        for hidden in cookie.split(',').skip(1) {
            if hidden.split('=').next().unwrap_or_default().trim() == name {
                return Found::Ambiguous;
            }
        }
    }
    match found.as_slice() {
        [] => Found::Absent,
        [one] => {
            let value = one.trim();
            let quoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            token_of(quoted.unwrap_or(value))
        }
        _ => Found::Ambiguous,
    }
}
