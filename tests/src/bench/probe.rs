//! Single requests before anything is measured: a rung that lets through what it should refuse, or
//! that does not set the headers, does less than its peer, and its figures would say nothing.

use serde_json::json;

use super::bootstrap::Rung;
use super::policy::{HEADERS, HOST, UNRULED};
use crate::http1::{Request, Response};
use crate::idp::{Alg, Claims, Idp};
use crate::{Result, limits};

/// What a rung has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// 200, with the identity headers at the upstream or, `false`, without.
    Allowed(bool),
    /// 401 or 403: Envoy and we do not always choose the same.
    Refused,
}

/// Sends good and bad requests to a rung.
///
/// # Errors
/// When an answer is not as it has to be, with what was asked.
pub(super) async fn check(rung: Rung, port: u16, idp: &Idp, alg: Alg) -> Result<()> {
    let allowed = Answer::Allowed(rung.sets_headers());
    let refused = if rung.asks_token() { Answer::Refused } else { Answer::Allowed(false) };
    let (crowd, path) = (rung.crowd(), rung.crowd().probe_path());
    let first = |claims: &mut Claims| crowd.identify(0, claims);
    let good = idp.access_token_with(alg, first)?;
    let changed = |change: fn(&mut Claims)| {
        idp.access_token_with(alg, |claims| {
            first(claims);
            change(claims);
        })
    };

    // The first request of all may wait for the keys.
    let mut cases = vec![
        ("a good token", path.as_str(), Some(good.clone()), allowed),
        ("a good token again", path.as_str(), Some(good.clone()), allowed),
        ("no token", path.as_str(), None, refused),
        ("a bad signature", path.as_str(), Some(idp.bad_signature(alg, first)?), refused),
        (
            "an expired token",
            path.as_str(),
            Some(changed(|claims| set(claims, "exp", 1_000_000))?),
            refused,
        ),
        (
            "another audience",
            path.as_str(),
            Some(changed(|claims| set(claims, "aud", "else"))?),
            refused,
        ),
        (
            "another issuer",
            path.as_str(),
            Some(changed(|claims| set(claims, "iss", "else"))?),
            refused,
        ),
    ];
    if rung.has_rules() {
        let narrow = changed(|claims| set(claims, "scope", "orders.list"))?;
        cases.push(("a token without the scope", path.as_str(), Some(narrow), Answer::Refused));
        let strange = changed(|claims| set(claims, "realm_access", json!({ "roles": ["guest"] })))?;
        cases.push(("a token without a role", path.as_str(), Some(strange), Answer::Refused));
        cases.push(("a path without a rule", UNRULED, Some(good), Answer::Refused));
    }
    for (what, path, token, expected) in cases {
        let request = Request::get(HOST, path);
        let request = match token {
            Some(token) => request.bearer(&token),
            None => request,
        };
        let response = request.send_to_port(port, limits::ANSWER).await?;
        if !holds(expected, &response) {
            let (title, alg) = (rung.title(), alg.name());
            let got = shown(&response);
            return Err(format!("{title}, {what} ({alg}): expected {expected:?}, got {got}").into());
        }
    }
    Ok(())
}

/// Sends one request that has to pass.
///
/// # Errors
/// When it does not.
pub(super) async fn allowed(port: u16, path: &str, token: &str) -> Result<()> {
    let request = Request::get(HOST, path).bearer(token);
    let response = request.send_to_port(port, limits::ANSWER).await?;
    match response.status {
        200 => Ok(()),
        _ => Err(format!("{path} was answered with {}", shown(&response)).into()),
    }
}

/// Sends one request without a token, which has to be refused where the rung asks for one.
///
/// # Errors
/// When it is answered otherwise.
pub(super) async fn unproved(port: u16, rung: Rung) -> Result<()> {
    let path = rung.crowd().probe_path();
    let response = Request::get(HOST, &path).send_to_port(port, limits::ANSWER).await?;
    match (response.status, rung.asks_token()) {
        (401, true) | (200, false) => Ok(()),
        _ => Err(format!("{path} was answered with {}", shown(&response)).into()),
    }
}

fn set(claims: &mut Claims, name: &str, value: impl Into<serde_json::Value>) {
    claims.insert(name.to_owned(), value.into());
}

fn holds(expected: Answer, response: &Response) -> bool {
    // As `Idp::claims` has them, in the order of `HEADERS`.
    let values = ["5f1c0c1e-alice", "acme", "shop"];
    let with = || HEADERS.iter().zip(values).all(|((name, ..), own)| header(response, name) == own);
    let without = || HEADERS.iter().all(|(name, ..)| header(response, name).is_empty());
    match expected {
        Answer::Refused => matches!(response.status, 401 | 403),
        Answer::Allowed(true) => response.status == 200 && with(),
        Answer::Allowed(false) => response.status == 200 && without(),
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.header(name).unwrap_or_default()
}

fn shown(response: &Response) -> String {
    let headers: Vec<String> =
        HEADERS.iter().map(|(name, ..)| format!("{name}: `{}`", header(response, name))).collect();
    format!("{} {} {}", response.status, headers.join(", "), response.text().trim())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    const ALL: Headers =
        &[("x-user", "5f1c0c1e-alice"), ("x-tenant", "acme"), ("x-client", "shop")];

    const CASES: &[(&str, u16, Headers, Answer, bool)] = &[
        ("allowed with all", 200, ALL, Answer::Allowed(true), true),
        (
            "allowed, one missing",
            200,
            &[("x-user", "5f1c0c1e-alice")],
            Answer::Allowed(true),
            false,
        ),
        ("allowed, none wanted", 200, &[], Answer::Allowed(false), true),
        ("headers where none may be", 200, ALL, Answer::Allowed(false), false),
        ("refused", 401, &[], Answer::Refused, true),
        ("refused otherwise", 403, &[], Answer::Refused, true),
        ("unavailable is no refusal", 503, &[], Answer::Refused, false),
        ("let through", 200, ALL, Answer::Refused, false),
        ("refused but should pass", 401, &[], Answer::Allowed(false), false),
    ];

    #[test]
    fn an_answer_holds_or_not() {
        for (name, status, headers, expected, holding) in CASES {
            let headers =
                headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
            let response = Response {
                status: *status,
                headers: headers.collect(),
                body: Vec::new(),
                elapsed: Duration::ZERO,
            };
            assert_eq!(holds(*expected, &response), *holding, "{name}");
        }
    }
}
