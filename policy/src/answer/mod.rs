//! Denials as HTTP answers, the same bytes in every door: status, RFC 6750 challenge, RFC 9457 body.
//! Nothing in them tells an attacker more than which kind of credential to bring.

pub(crate) mod decision;
pub(crate) mod permit;
pub(crate) mod reason;

use serde::Serialize;

use crate::answer::decision::Denial;
use crate::answer::reason::Reason;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case, values without control characters.
    pub headers: Vec<(String, String)>,
    /// `application/problem+json`.
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

impl Answer {
    /// The answer to a denial. `realm` is the policy's service, `decision` an id that logs carry too (may be empty).
    #[must_use]
    pub fn new(denial: &Denial, realm: &str, rule: Option<&str>, decision: &str) -> Self {
        if let Some(relayed) = &denial.relayed {
            return relayed.clone();
        }
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
        let mut headers = vec![
            ("content-type".to_owned(), "application/problem+json".to_owned()),
            ("cache-control".to_owned(), "no-store".to_owned()),
        ];
        if let Some(challenge) = challenge(denial, realm) {
            headers.push(("www-authenticate".to_owned(), challenge));
        }
        Self { status, headers, body: serde_json::to_string(&problem).unwrap_or_default() }
    }
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
