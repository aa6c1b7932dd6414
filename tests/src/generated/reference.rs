//! The reference evaluator: what the documents under `docs/` say a policy means, written down again
//! with lists that are walked from end to end, and nothing of the policy crate. It is slow and it is
//! not clever; it is one of the parties that have to agree. Where a document leaves open which of
//! two reasons comes first, it says both.

use serde_json::Value;

use super::case::{Asked, World};
use super::token::Truth;

mod credential;
mod effect;
mod path;
mod require;
mod route;
mod token;
mod value;

pub use effect::Upstream;

/// What the documents say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expected {
    /// Whether the request goes to the upstream.
    pub allowed: bool,
    /// The reason, or each of those that the documents allow.
    pub reasons: Vec<&'static str>,
    /// The route.
    pub rule: Option<String>,
    /// The reason of a denial that is not enforced, or each that is right; empty: none.
    pub would_deny: Vec<&'static str>,
    /// What the upstream gets, where the request is allowed.
    pub upstream: Upstream,
}

/// A request with what it is read as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) request: &'a path::Request,
}

/// Why not, each reason that is right.
pub(crate) type Refusal = Vec<&'static str>;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    /// The issuer's name in the policy.
    pub(crate) issuer: String,
    /// Its claims, or the introspection's reply.
    pub(crate) claims: Value,
}

/// A policy that loads, and what the provider of this run says.
#[derive(Debug)]
pub struct Reference<'a> {
    /// The policy and its roles.
    pub world: &'a World,
    /// Every token that was minted.
    pub tokens: &'a [Truth],
    /// The keys that the provider publishes: key id and algorithm.
    pub keys: &'a [(String, String)],
    /// Names of issuers whose keys cannot be fetched.
    pub unreachable: &'a [&'a str],
    /// Seconds since 1970.
    pub now: i64,
}

/// `docs/status-codes.md`: reason and status.
pub const STATUS: &[(&str, u16)] = &[
    ("allowed", 200),
    ("allowed_unauthenticated", 200),
    ("allowed_by_failure_mode", 200),
    ("token_missing", 401),
    ("token_malformed", 401),
    ("token_expired", 401),
    ("token_not_yet_valid", 401),
    ("signature_invalid", 401),
    ("key_unknown", 401),
    ("algorithm_not_allowed", 401),
    ("issuer_unknown", 401),
    ("audience_mismatch", 401),
    ("client_mismatch", 401),
    ("token_type_mismatch", 401),
    ("token_lifetime_exceeded", 401),
    ("token_inactive", 401),
    ("token_revoked", 401),
    ("binding_mismatch", 401),
    ("scope_missing", 403),
    ("scope_forbidden", 403),
    ("claim_mismatch", 403),
    ("role_missing", 403),
    ("groups_overage", 403),
    ("denied_by_rule", 403),
    ("no_route", 403),
    ("rule_ambiguous", 403),
    ("cors_refused", 403),
    ("agent_denied", 403),
    ("credential_ambiguous", 400),
    ("request_malformed", 400),
    ("dependency_unavailable", 503),
    ("policy_unavailable", 503),
];

/// The status of a reason.
#[must_use]
pub fn status(reason: &str) -> u16 {
    STATUS.iter().find(|(own, _)| *own == reason).map_or(0, |(_, status)| *status)
}

impl Reference<'_> {
    /// Judges a request, with its tokens in it.
    #[must_use]
    pub fn judge(&self, asked: &Asked) -> Expected {
        let Some(request) = path::Request::read(asked) else {
            return denied(vec!["request_malformed"], None);
        };
        // Two credentials are ambiguous whatever the route: docs/policy.md, "Credentials".
        if credential::is_ambiguous(asked) {
            return denied(vec!["credential_ambiguous"], None);
        }
        let routes = value::list(&self.world.policy, "routes");
        let route = match route::find(routes, &request) {
            route::Found::Route(route, host) => inherit(&self.world.policy, route, host),
            route::Found::Nothing => return denied(vec!["no_route"], None),
            route::Found::Malformed => return denied(vec!["request_malformed"], None),
        };
        self.apply(&route, &Asking { asked, request: &request })
    }

    fn apply(&self, route: &Value, asking: &Asking<'_>) -> Expected {
        let rule = value::text(route, "name").map(str::to_owned);
        if value::text(route, "allow") == Some("nobody") {
            return denied(vec!["denied_by_rule"], rule);
        }
        if value::text(route, "allow") == Some("unauthenticated") {
            let upstream = effect::upstream(self.world, route, asking, None);
            let reasons = vec!["allowed_unauthenticated"];
            return Expected { allowed: true, reasons, rule, upstream, ..Expected::default() };
        }
        let setting = |name: &str| route.get(name);
        let verdict = credential::authenticate(self, route, asking.asked);
        let (identity, objections) = match verdict {
            Ok(identity) => {
                let found = require::authorize(self.world, route, asking, &identity);
                (Some(identity), found)
            }
            Err(refusal) => (None, require::Objections { inline: refusal, ..Default::default() }),
        };
        let is_async = setting("mode").and_then(Value::as_str) == Some("async");
        let (inline, roles) = (objections.inline, objections.roles);
        let refusal = [inline.clone(), roles.clone()].concat();
        let allowed = |reasons: Vec<&'static str>, would_deny: Refusal| Expected {
            allowed: true,
            reasons,
            rule: rule.clone(),
            would_deny,
            upstream: effect::upstream(self.world, route, asking, identity.as_ref()),
        };
        if refusal.is_empty() {
            return allowed(vec!["allowed"], Vec::new());
        }
        let unavailable = refusal.contains(&"dependency_unavailable");
        // What passes by the failure mode is no denial that shadow would keep back.
        if unavailable && setting("failure_mode").and_then(Value::as_str) == Some("open") {
            return allowed(vec!["allowed_by_failure_mode"], Vec::new());
        }
        if setting("shadow").and_then(Value::as_bool) == Some(true) {
            return allowed(vec!["allowed"], refusal);
        }
        // Inline checks always enforce; the sidecar's are judged in shadow.
        if is_async && inline.is_empty() {
            return allowed(vec!["allowed"], roles);
        }
        denied(refusal, rule)
    }
}

/// Settings that a route takes from its host's entry, else from the file (docs/routes.md,
/// "Inheritance").
const INHERITED: &[&str] = &[
    "mode",
    "timeout",
    "failure_mode",
    "shadow",
    "on_invalid",
    "authenticate",
    "scopes",
    "claims",
    "forward",
    "on_deny",
];

/// The route with everything that it inherits.
fn inherit(policy: &Value, route: &Value, host: Option<&str>) -> Value {
    let mut whole = route.as_object().cloned().unwrap_or_default();
    whole.retain(|_, value| !value.is_null());
    let is_open = whole.get("allow").is_some();
    let own_mode = whole.contains_key("mode");
    let entry = host.and_then(|host| policy.get("hosts")?.get(host));
    for name in INHERITED {
        if whole.contains_key(*name) || (is_open && !matches!(*name, "forward" | "on_deny")) {
            continue;
        }
        let outer = [entry, Some(policy)].into_iter().flatten();
        let mut said = outer.filter_map(|it| it.get(*name)).filter(|value| !value.is_null());
        if let Some(value) = said.next() {
            whole.insert((*name).to_owned(), value.clone());
        }
    }
    let is_async = whole.get("mode").is_some_and(|it| it == "async");
    let whole_value = Value::Object(whole.clone());
    // From outside only for routes whose tokens are all checked inline.
    if is_async && !own_mode && !all_inline(policy, &whole_value) {
        whole.remove("mode");
    } else if is_async {
        whole.remove("failure_mode");
    }
    Value::Object(whole)
}

fn all_inline(policy: &Value, route: &Value) -> bool {
    value::list(route, "authenticate").iter().all(|entry| match value::text(entry, "jwt") {
        Some(name) => policy.pointer(&format!("/issuers/{name}/jwks")).is_some(),
        None => entry.get("anonymous").is_some(),
    })
}

fn denied(reasons: Refusal, rule: Option<String>) -> Expected {
    Expected { reasons, rule, ..Expected::default() }
}
