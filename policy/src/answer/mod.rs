//! Denials as HTTP answers, the same bytes in every door: status, RFC 6750 challenge, and a body in the form that the
//! request takes: RFC 9457, text, or gRPC's status. Nothing in them tells an attacker more than which kind of
//! credential to bring.

pub(crate) mod accept;
pub(crate) mod decision;
pub(crate) mod on_deny;
pub(crate) mod permit;
pub(crate) mod reason;
mod remedy;
pub(crate) mod reshape;
pub(crate) mod swap;

use serde::Serialize;

use crate::answer::accept::{Form, is_grpc, preferred};
use crate::answer::decision::{Decision, Denial};
use crate::answer::on_deny::{Format, OnDeny};
use crate::answer::reason::Reason;
use crate::policy::Policy;
use crate::request::RawRequest;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case, values without control characters.
    pub headers: Vec<(String, String)>,
    /// JSON or text, as `content-type` says.
    pub body: String,
}

/// RFC 9457 members, and ours.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'static str,
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    decision: &'a str,
}

impl Policy {
    /// The answer to a denial, as `on_deny` and the request's headers want it. `decision` is what holds the denial, `id`
    /// is in the logs too (may be empty).
    #[must_use]
    pub fn answer(
        &self,
        denial: &Denial,
        decision: &Decision,
        raw: &RawRequest<'_>,
        id: &str,
    ) -> Answer {
        if let Some(relayed) = &denial.relayed {
            return relayed.clone();
        }
        // No part of an answer may hold what a route reads as a credential.
        let path = self.path_without_credentials(raw.path);
        let raw = &RawRequest { path: path.as_deref().map_or(raw.path, str::as_bytes), ..*raw };
        let on_deny = decision.on_deny.as_deref().or(self.on_deny.as_deref());
        let form = form(on_deny, raw);
        let mut answer =
            Answer::in_form(form, denial, self.service(), decision.rule.as_deref(), id);
        for (name, value) in &decision.response {
            answer.push(name, value.clone());
        }
        let Some(on_deny) = on_deny else { return answer };
        if let Some(redirect) = on_deny.redirect.as_deref().filter(|_| form != Form::Grpc)
            && let Some(location) = redirect.location(answer.status, raw)
        {
            answer.status = redirect.code;
            answer.headers.retain(|(name, _)| name != "www-authenticate");
            answer.push("location", location);
        }
        if on_deny.decision_header {
            answer.push("x-sallyport-reason", denial.reason.word().to_owned());
            if !id.is_empty() {
                answer.push("x-sallyport-decision", id.to_owned());
            }
        }
        answer
    }
}

fn form(on_deny: Option<&OnDeny>, raw: &RawRequest<'_>) -> Form {
    if is_grpc(raw) {
        return Form::Grpc;
    }
    match on_deny.map(|on_deny| on_deny.format).unwrap_or_default() {
        Format::Auto => preferred(raw.headers),
        Format::Problem => Form::Problem,
        Format::Json => Form::Json,
        Format::Plain => Form::Plain,
    }
}

impl Answer {
    /// The answer where there is no request to shape it by. `realm` is the policy's service.
    #[must_use]
    pub fn new(denial: &Denial, realm: &str, rule: Option<&str>, decision: &str) -> Self {
        Self::in_form(Form::Problem, denial, realm, rule, decision)
    }

    fn in_form(
        form: Form,
        denial: &Denial,
        realm: &str,
        rule: Option<&str>,
        decision: &str,
    ) -> Self {
        let reason = denial.reason;
        let (content_type, body) = match form {
            Form::Problem => ("application/problem+json", problem(denial, rule, decision)),
            Form::Json => ("application/json", problem(denial, rule, decision)),
            Form::Plain => ("text/plain; charset=utf-8", line(reason, decision)),
            // Envoy makes `grpc-message` of it, and HTTP 200.
            Form::Grpc => ("application/grpc", reason.sentence().to_owned()),
        };
        let mut answer = Self { status: reason.status(), headers: Vec::new(), body };
        answer.push("content-type", content_type.to_owned());
        answer.push("cache-control", "no-store".to_owned());
        if form == Form::Grpc {
            answer.push("grpc-status", reason.grpc_status().to_string());
        }
        if let Some(challenge) = challenge(denial, realm) {
            answer.push("www-authenticate", challenge);
        }
        answer
    }

    fn push(&mut self, name: &str, value: String) {
        self.headers.push((name.to_owned(), value));
    }
}

fn problem(denial: &Denial, rule: Option<&str>, decision: &str) -> String {
    let reason = denial.reason;
    let status = reason.status();
    let problem = Problem {
        r#type: format!("urn:sallyport:reason:{reason}"),
        title: title(status),
        status,
        detail: reason.sentence(),
        reason,
        rule,
        scope: denial.scope.as_deref(),
        decision,
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

/// `401 token_missing: no access token was presented (decision 0123456789abcdef)`
fn line(reason: Reason, decision: &str) -> String {
    let mut line =
        [&*reason.status().to_string(), " ", reason.word(), ": ", reason.sentence()].concat();
    if !decision.is_empty() {
        line.extend([" (decision ", decision, ")"]);
    }
    line.push('\n');
    line
}

/// RFC 6750 section 3: no error code when nothing was presented; the scope that would do when one is missing.
fn challenge(denial: &Denial, realm: &str) -> Option<String> {
    let realm = quoted(realm);
    let reason = denial.reason;
    match (reason.status(), reason) {
        (401, Reason::TokenMissing) => Some(format!("Bearer realm=\"{realm}\"")),
        (401, _) => Some(format!(
            "Bearer realm=\"{realm}\", error=\"invalid_token\", error_description=\"{}\"",
            reason.sentence()
        )),
        (403, Reason::ScopeMissing) => Some(format!(
            "Bearer realm=\"{realm}\", error=\"insufficient_scope\", scope=\"{}\"",
            quoted(denial.scope.as_deref().unwrap_or_default())
        )),
        _ => None,
    }
}

/// The characters that a quoted-string may hold without escapes.
fn quoted(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control() && char.is_ascii() && !matches!(char, '"' | '\\'))
        .collect()
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        _ => "Service Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use crate::answer::decision::Denial;
    use crate::answer::reason::Reason;

    const CASES: &[(Reason, Option<&str>, u16, Option<&str>)] = &[
        (Reason::TokenMissing, None, 401, Some(r#"Bearer realm="orders""#)),
        (
            Reason::TokenExpired,
            None,
            401,
            Some(
                r#"Bearer realm="orders", error="invalid_token", error_description="the access token has expired""#,
            ),
        ),
        (
            Reason::ScopeMissing,
            Some("orders.read"),
            403,
            Some(r#"Bearer realm="orders", error="insufficient_scope", scope="orders.read""#),
        ),
        (Reason::RoleMissing, None, 403, None),
        (Reason::CredentialAmbiguous, None, 400, None),
        (Reason::DependencyUnavailable, None, 503, None),
    ];

    #[test]
    fn challenges_and_bodies() {
        for (reason, scope, status, challenge) in CASES {
            let denial = Denial { reason: *reason, scope: scope.map(Into::into), relayed: None };
            let answer = Answer::new(&denial, "orders", Some("read"), "d1");
            assert_eq!(answer.status, *status);
            let found = answer
                .headers
                .iter()
                .find(|(name, _)| name == "www-authenticate")
                .map(|(_, v)| v.as_str());
            assert_eq!(found, *challenge);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["reason"], reason.word());
            assert_eq!(body["rule"], "read");
            assert_eq!(body["decision"], "d1");
            assert_eq!(body["status"], *status);
        }
    }

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        let answer = Answer::new(&Denial::new(Reason::TokenMissing), "a\"b\\c\r\nd", None, "");
        assert!(
            answer
                .headers
                .contains(&("www-authenticate".to_owned(), "Bearer realm=\"abcd\"".to_owned()))
        );
    }
}
