//! docs/credentials.md: the places that a route reads, in their order, and whose token each holds.

use serde_json::{Value, json};

use super::super::case::Asked;
use super::super::token::Truth;
use super::{Identity, Reference, Refusal, path, token, value};

/// "Everywhere: longer than 16 KiB is malformed."
const TOKEN_BYTES: usize = 16 << 10;

/// What stands in a place.
#[derive(Debug, Clone, PartialEq)]
enum Found {
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

/// "Authorization is looked at on every protected and open route": two credentials in it.
pub(crate) fn is_ambiguous(asked: &Asked) -> bool {
    let Some(joined) = joined(asked, "authorization", b",") else { return false };
    let text = String::from_utf8_lossy(&joined).to_ascii_lowercase();
    let is_bearer = |part: &str| part.trim_start().starts_with("bearer ");
    let mut parts = text.split(',');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    !rest.is_empty() && (is_bearer(first) || rest.iter().any(|part| is_bearer(part)))
}

/// A token, or what is too long to be one, or nothing.
fn token_of(text: &str) -> Found {
    let text = text.trim_matches([' ', '\t']);
    if text.is_empty() || text.len() > TOKEN_BYTES {
        return Found::Malformed;
    }
    Found::Present(text.to_owned())
}

/// What stands in the place of an entry's `from`.
fn read(asked: &Asked, from: &Value, reads_raw: bool) -> Found {
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
    let Ok(text) = String::from_utf8(joined) else { return Found::Malformed };
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
    let Ok(text) = String::from_utf8(joined) else { return Found::Malformed };
    let Some(prefix) = prefix else { return token_of(&text) };
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
            Ok(text) => token_of(&text),
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

/// The place of an entry; without `from`, the bearer token.
pub(crate) fn place(entry: &Value) -> Value {
    entry.get("from").cloned().unwrap_or_else(|| json!({ "authorization": "bearer" }))
}

/// Who asks, or why that is not known.
pub(crate) fn authenticate(
    reference: &Reference<'_>,
    route: &Value,
    asked: &Asked,
) -> Result<Identity, Refusal> {
    let entries = value::list(route, "authenticate");
    let anonymous = entries.iter().find_map(|entry| entry.get("anonymous"));
    let mut places: Vec<Value> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.get("anonymous").is_none()) {
        if !places.contains(&place(entry)) {
            places.push(place(entry));
        }
    }
    let reads_raw = places.contains(&json!({ "authorization": "raw" }));
    let found: Vec<(Value, Found)> = places
        .into_iter()
        .map(|place| {
            let found = read(asked, &place, reads_raw);
            (place, found)
        })
        .collect();
    if found.iter().any(|(_, found)| *found == Found::Ambiguous) {
        return Err(vec!["credential_ambiguous"]);
    }
    let mut last: Option<Refusal> = None;
    let mut left = true;
    for (place_of, found) in &found {
        let own: Vec<&Value> = entries
            .iter()
            .filter(|entry| entry.get("anonymous").is_none() && place(entry) == *place_of)
            .collect();
        let all_next = own.iter().all(|entry| goes_on(route, entry));
        match found {
            Found::Absent => {}
            Found::Malformed | Found::Ambiguous => {
                if !all_next {
                    return Err(vec!["token_malformed"]);
                }
                last = Some(vec!["token_malformed"]);
            }
            Found::Present(text) => match judge(reference, route, &own, all_next, text) {
                Ok(identity) => return Ok(identity),
                Err(Stop { refusal, is_final: true, .. }) => return Err(refusal),
                Err(Stop { refusal, claimed, .. }) => {
                    // A token that nobody claims in a place with `stop` is refused.
                    left = left && (claimed || all_next);
                    last = Some(refusal);
                }
            },
        }
    }
    match (anonymous, last) {
        (Some(entry), _) if left => {
            let subject = value::text(entry, "subject").unwrap_or("anonymous");
            Ok(Identity { issuer: "anonymous".to_owned(), claims: json!({ "sub": subject }) })
        }
        (_, Some(refusal)) => Err(refusal),
        (_, None) => Err(vec!["token_missing"]),
    }
}

/// Why a place has no caller.
struct Stop {
    refusal: Refusal,
    /// Nothing after it is looked at.
    is_final: bool,
    /// Somebody of the place took the token for theirs.
    claimed: bool,
}

fn judge(
    reference: &Reference<'_>,
    route: &Value,
    own: &[&Value],
    all_next: bool,
    text: &str,
) -> Result<Identity, Stop> {
    let malformed =
        || Stop { refusal: vec!["token_malformed"], is_final: !all_next, claimed: false };
    // RFC 6750: bytes that a token has.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let known = reference.tokens.iter().find(|truth| truth.text == text);
    let looks_like_one = known.is_some_and(|truth| truth.is_jwt && token::is_ill_typed(truth));
    if !text.bytes().all(fits) || looks_like_one {
        return Err(malformed());
    }
    let by_introspection: Vec<&&Value> =
        own.iter().filter(|entry| entry.get("introspection").is_some()).collect();
    let nobody = Truth::unknown(text);
    let truth = known.unwrap_or(&nobody);
    let mut last: Option<Refusal> = None;
    if truth.is_jwt {
        let names = |entry: &&&Value| {
            value::text(entry, "jwt").is_some_and(|name| token::names(reference, name, truth))
        };
        if let Some(entry) = own.iter().find(names) {
            let name = value::text(entry, "jwt").unwrap_or_default();
            match token::verify(reference, name, truth) {
                Ok(identity) => return Ok(identity),
                Err(refusal) => last = Some(refused(route, entry, refusal)?),
            }
        }
    }
    for entry in &by_introspection {
        let name = value::text(entry, "introspection").unwrap_or_default();
        match token::introspect(reference, name, truth) {
            Ok(identity) => return Ok(identity),
            Err(refusal) => last = Some(refused(route, entry, refusal)?),
        }
    }
    Err(match last {
        Some(refusal) => Stop { refusal, is_final: false, claimed: true },
        None => {
            let mut refusal = Vec::new();
            if truth.is_jwt {
                refusal.push("issuer_unknown");
            }
            // Whether an extension that nobody knows makes it no JWT is not said.
            if !truth.is_jwt || truth.header.get("crit").is_some() {
                refusal.push("token_malformed");
            }
            Stop { refusal, is_final: false, claimed: false }
        }
    })
}

/// A refusal that lets the search go on, or ends it.
fn refused(route: &Value, entry: &Value, refusal: Refusal) -> Result<Refusal, Stop> {
    // A dependency that does not answer ends the search.
    if goes_on(route, entry) && !refusal.contains(&"dependency_unavailable") {
        Ok(refusal)
    } else {
        Err(Stop { refusal, is_final: true, claimed: true })
    }
}

/// `on_invalid` of the entry, then of the route, whose settings are inherited already.
fn goes_on(route: &Value, entry: &Value) -> bool {
    [entry, route].iter().find_map(|it| value::text(it, "on_invalid")) == Some("next")
}
