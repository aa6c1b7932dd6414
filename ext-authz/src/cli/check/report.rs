//! A decision as a line of output: the JSON object of DESIGN section 10, or a short text for people.

use std::collections::BTreeSet;

use sallyport_policy::{Answer, Decision, Denial, Identity, Outcome, Permit, Policy, Reason};
use serde::Serialize;
use serde_json::{Map, Value};

use super::input::InputRequest;
use crate::upstream::removed;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a Value,
    decision: &'static str,
    status: u16,
    rule: Option<&'a str>,
    reason: Reason,
    door: &'static str,
    identity: Option<IdentityReport<'a>>,
    upstream: Option<Upstream<'a>>,
    response: Option<Response>,
    would_deny: Option<Reason>,
}

#[derive(Serialize)]
struct IdentityReport<'a> {
    issuer: &'a str,
    subject: Option<&'a str>,
    client: Option<&'a str>,
    scopes: &'a [Box<str>],
    roles: Vec<String>,
    claims: &'a Map<String, Value>,
}

/// What the upstream gets that differs from what the client sent. Values come from templates, so they are text.
#[derive(Serialize)]
struct Upstream<'a> {
    /// A credential of ours is named, and its secret never shown.
    set: Vec<(&'a str, &'a str)>,
    remove: BTreeSet<String>,
    path: &'a str,
}

#[derive(Serialize)]
struct Response {
    headers: Vec<(String, String)>,
    body: String,
}

/// The JSON object.
pub(in crate::cli) fn json(policy: &Policy, request: &InputRequest, decision: &Decision) -> String {
    let rule = decision.rule.as_deref();
    let (word, status, upstream, response) = match &decision.outcome {
        Outcome::Allow(permit) => {
            ("allow", 200, Some(upstream(permit, request)), added(&decision.response))
        }
        Outcome::Deny(denial) => {
            let Answer { status, headers, body } = answer(policy, request, decision, denial);
            ("deny", status, None, Some(Response { headers, body }))
        }
    };
    let line = Line {
        id: &request.id,
        decision: word,
        status,
        rule,
        reason: decision.reason,
        door: decision.door.word(),
        identity: decision.identity.as_deref().map(identity),
        upstream,
        response,
        would_deny: decision.would_deny,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// What the client gets besides the upstream's response.
fn added(headers: &[(&'static str, String)]) -> Option<Response> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    if headers.is_empty() { None } else { Some(Response { headers, body: String::new() }) }
}

fn answer(policy: &Policy, request: &InputRequest, decision: &Decision, denial: &Denial) -> Answer {
    let headers = request.headers();
    policy.answer(denial, decision, &request.raw(&headers), &request.decision_id())
}

/// The short text.
pub(in crate::cli) fn text(policy: &Policy, request: &InputRequest, decision: &Decision) -> String {
    let (word, status) = match &decision.outcome {
        Outcome::Allow(_) => ("allow", 200),
        Outcome::Deny(denial) => ("deny", answer(policy, request, decision, denial).status),
    };
    let rule = decision.rule.as_deref().unwrap_or("-");
    let door = decision.door.word();
    let mut text = format!(
        "{word} {status} {} rule={rule} door={door} {}",
        decision.reason,
        request.summary().escape_debug()
    );
    if let Some(reason) = decision.would_deny {
        text.push_str(&format!(" would_deny={reason}"));
    }
    text
}

fn identity(identity: &Identity) -> IdentityReport<'_> {
    IdentityReport {
        issuer: identity.issuer_name(),
        subject: identity.subject(),
        client: identity.client(),
        scopes: identity.scopes(),
        roles: identity.roles(),
        claims: identity.claims().as_object(),
    }
}

fn upstream<'a>(permit: &'a Permit, request: &'a InputRequest) -> Upstream<'a> {
    let mutations = permit.mutations();
    let set = mutations.set.iter().map(|(name, value)| (&**name, value.as_str()));
    let swapped = mutations.swap.iter().map(|swap| (&*swap.header, swap.shown()));
    let mut remove = removed(mutations, &request.headers());
    if let Some(swap) = &mutations.swap {
        remove.remove(&*swap.header);
    }
    Upstream {
        set: set.chain(swapped).collect(),
        remove,
        path: mutations.path.as_deref().unwrap_or(&request.path),
    }
}
