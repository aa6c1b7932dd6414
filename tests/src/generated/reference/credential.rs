//! docs/credentials.md, "The order": places one after the other, and whose token each holds.

use serde_json::{Value, json};

use super::super::token::Truth;
use super::place::{self, Found};
use super::{Asking, Identity, Reference, Refusal, token, value};

/// The place of an entry; without `from`, the bearer token. A certificate is a place of its own.
pub(crate) fn place(entry: &Value) -> Value {
    if let Some(certificate) = entry.get("client_certificate") {
        return certificate.clone();
    }
    entry.get("from").cloned().unwrap_or_else(|| json!({ "authorization": "bearer" }))
}

/// Who asks, or why that is not known.
pub(crate) fn authenticate(
    reference: &Reference<'_>,
    route: &Value,
    asking: &Asking<'_>,
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
            let found = place::read(asking, &place, reads_raw);
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
            // The listener has verified it.
            Found::Present(name) if place_of.get("subject").is_some() => {
                let issuer = "client_certificate".to_owned();
                return Ok(Identity { issuer, claims: json!({ "sub": name }) });
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
    // Where nobody verifies JWTs, nobody looks into one.
    let reads_jwts = own.iter().any(|entry| entry.get("jwt").is_some());
    let looks_like_one = known.is_some_and(|truth| truth.is_jwt && token::is_ill_typed(truth));
    let looks_like_one = reads_jwts && looks_like_one;
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
            let refusal = if truth.is_jwt { "issuer_unknown" } else { "token_malformed" };
            Stop { refusal: vec![refusal], is_final: false, claimed: false }
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
