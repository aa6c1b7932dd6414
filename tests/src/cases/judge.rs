//! One answer against its case: status, reason, rule, challenge, and what the upstream saw.

use sallyport_policy::Reason;

use super::table::{SPOOFED, UPSTREAM};
use super::{Case, Told};
use crate::echo::Seen;
use crate::http1::Response;

/// Every difference but those of status and reason, which the outcome shows itself.
pub(super) fn differences(case: &Case, response: &Response, seen: &[Seen]) -> Vec<String> {
    let mut wrong = Vec::new();
    if case.reason.allows() {
        match seen {
            [seen] => upstream(case, seen, &mut wrong),
            _ => wrong.push(format!("the upstream saw {} requests, not 1", seen.len())),
        }
        return wrong;
    }
    if !seen.is_empty() {
        wrong.push(format!("the upstream saw {} requests of a denied one", seen.len()));
    }
    if case.answer == Told::ByUs {
        denial(case, response, &mut wrong);
    }
    wrong
}

/// The reason that a denial's body tells.
pub(super) fn told(response: &Response) -> Option<String> {
    response.json().ok()?.get("reason")?.as_str().map(str::to_owned)
}

fn denial(case: &Case, response: &Response, wrong: &mut Vec<String>) {
    let mut same = |what: &str, actual: Option<&str>, expected: Option<&str>| {
        if actual != expected {
            wrong.push(format!("{what} is {actual:?}, not {expected:?}"));
        }
    };
    same("content-type", response.header("content-type"), Some("application/problem+json"));
    same("cache-control", response.header("cache-control"), Some("no-store"));
    let challenge = challenge(case);
    same("www-authenticate", response.header("www-authenticate"), challenge.as_deref());
    let body = response.json().unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
    same("rule", member("rule"), Some(case.rule).filter(|rule| !rule.is_empty()));
    same("scope", member("scope"), case.scope);
    if body.get("status").and_then(serde_json::Value::as_u64) != Some(u64::from(case.status)) {
        wrong.push(format!("the body's status is {:?}", body.get("status")));
    }
}

/// RFC 6750 section 3, spelled out again.
fn challenge(case: &Case) -> Option<String> {
    match (case.status, case.reason) {
        (401, Reason::TokenMissing) => Some("Bearer realm=\"orders\"".to_owned()),
        (401, reason) => Some(format!(
            "Bearer realm=\"orders\", error=\"invalid_token\", error_description=\"{}\"",
            reason.sentence()
        )),
        (403, Reason::ScopeMissing) => Some(format!(
            "Bearer realm=\"orders\", error=\"insufficient_scope\", scope=\"{}\"",
            case.scope.unwrap_or_default()
        )),
        _ => None,
    }
}

fn upstream(case: &Case, seen: &Seen, wrong: &mut Vec<String>) {
    let Some((_, expected)) = UPSTREAM.iter().find(|(rule, _)| *rule == case.rule) else {
        return wrong.push(format!("no line of UPSTREAM for `{}`", case.rule));
    };
    for (name, _) in SPOOFED {
        let expected = expected.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let expected: Vec<&str> = expected.map(|(_, value)| *value).collect();
        let actual = seen.values(name);
        if actual != expected {
            wrong.push(format!("the upstream saw {name} {actual:?}, not {expected:?}"));
        }
    }
    if !seen.values("authorization").is_empty() {
        wrong.push("the upstream saw the credential".to_owned());
    }
}
