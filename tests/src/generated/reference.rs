//! The reference evaluator: what the documents under `docs/` say a policy means, written down again
//! with lists that are walked from end to end, and nothing of the policy crate. It is slow and it is
//! not clever; it is one of the parties that have to agree. Where a document leaves open which of
//! two reasons comes first, it says both.

use serde_json::Value;

use super::case::{Asked, World};
use super::certificate::Certificate;
use super::token::Truth;

mod answer;
mod cors;
mod credential;
mod effect;
mod inherit;
mod path;
mod pattern;
mod place;
mod require;
mod roles;
mod route;
mod template;
mod token;
mod value;

pub(crate) use answer::{Answer, Shape};
use cors::Cors;
pub use effect::Upstream;
pub(crate) use inherit::settings;
use template::Context;
pub(crate) use token::has_wrong_types;

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
    /// What the client is told besides the upstream's response, where the request is allowed.
    pub response: Vec<(String, String)>,
    /// What a denial looks like.
    pub(crate) shape: Shape,
    /// The route with all that it inherits.
    pub(crate) route: Option<Value>,
    /// The name of whoever vouched for the caller.
    pub(crate) issuer: Option<String>,
}

/// Which doors the documents are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// Filter, gRPC and `sallyport check`.
    Whole,
    /// HTTP ext_authz: it does not know the scheme or a certificate, and changes no path.
    Http,
}

/// A request with what it is read as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) request: &'a path::Request,
    pub(crate) scheme: Option<&'static str>,
    pub(crate) certificate: Option<&'static Certificate>,
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

/// The value of a template for a request to a route, whoever asks.
pub(crate) fn filled(template: &str, route: &Value, asked: &Asked) -> Option<String> {
    let request = path::Request::read(asked)?;
    let asking = Asking { asked, request: &request, scheme: Some("http"), certificate: None };
    Context { route, asking: &asking, identity: None }.fill(template)
}

impl Reference<'_> {
    /// Judges a request, with its tokens in it.
    #[must_use]
    pub fn judge(&self, asked: &Asked, entrance: Entrance) -> Expected {
        let (scheme, certificate) = match entrance {
            Entrance::Whole => (Some("http"), asked.certificate()),
            Entrance::Http => (None, None),
        };
        let request = path::Request::read(asked);
        let unread = path::Request::default();
        let readable = request.is_some();
        let request = request.as_ref().unwrap_or(&unread);
        let asking = Asking { asked, request, scheme, certificate };
        let expected = if readable {
            self.find(&asking)
        } else {
            self.without_route(&asking, "request_malformed")
        };
        if entrance == Entrance::Http && expected.allowed && expected.upstream.path != asked.path {
            // An answer over HTTP cannot change the path.
            let Expected { rule, shape, route, .. } = expected;
            return Expected {
                reasons: vec!["dependency_unavailable"],
                rule,
                shape,
                route,
                ..Expected::default()
            };
        }
        expected
    }

    fn find(&self, asking: &Asking<'_>) -> Expected {
        // Two credentials are ambiguous whatever the route: docs/credentials.md, "Places".
        if place::is_ambiguous(asking.asked) {
            return self.without_route(asking, "credential_ambiguous");
        }
        let routes = value::list(&self.world.policy, "routes");
        if let Some(method) = cors::announced(asking)
            && let route::Found::Route(route, host) = route::find(routes, asking.request, &method)
        {
            let route = settings(&self.world.policy, route, host);
            if let Some(cors) = route.get("cors") {
                return self.preflight(&route, cors::preflight(cors, asking, &method), asking);
            }
        }
        match route::find(routes, asking.request, &asking.request.method) {
            route::Found::Route(route, host) => {
                self.apply(&settings(&self.world.policy, route, host), asking)
            }
            route::Found::Nothing => self.without_route(asking, "no_route"),
            route::Found::Ambiguous => self.without_route(asking, "rule_ambiguous"),
            route::Found::Malformed => self.without_route(asking, "request_malformed"),
        }
    }

    fn without_route(&self, asking: &Asking<'_>, reason: &'static str) -> Expected {
        let shape = Shape::new(&self.world.policy, None, asking);
        Expected { reasons: vec![reason], shape, ..Expected::default() }
    }

    fn preflight(&self, route: &Value, cors: Cors, asking: &Asking<'_>) -> Expected {
        let by_route = self.of_route(route, &cors, asking);
        match cors {
            Cors::Refused => self.refused(by_route, vec!["cors_refused"], asking, None),
            Cors::Silent | Cors::Told(_) => {
                self.allowed(by_route, "allowed_unauthenticated", Vec::new(), asking, None)
            }
        }
    }

    /// What is known of every answer by a route.
    fn of_route(&self, route: &Value, cors: &Cors, asking: &Asking<'_>) -> Expected {
        let mut shape = Shape::new(&self.world.policy, Some(route), asking);
        if let Cors::Told(told) = cors {
            shape.cors.clone_from(told);
        }
        let rule = value::text(route, "name").map(str::to_owned);
        Expected { rule, shape, route: Some(route.clone()), ..Expected::default() }
    }

    fn apply(&self, route: &Value, asking: &Asking<'_>) -> Expected {
        let allow = value::text(route, "allow");
        let cors = match (allow, route.get("cors")) {
            (Some("nobody"), _) | (_, None) => Cors::Silent,
            (_, Some(cors)) => cors::page(cors, asking),
        };
        let by_route = self.of_route(route, &cors, asking);
        if allow == Some("nobody") {
            return self.refused(by_route, vec!["denied_by_rule"], asking, None);
        }
        if cors == Cors::Refused {
            return self.refused(by_route, vec!["cors_refused"], asking, None);
        }
        if allow.is_some() {
            return self.allowed(by_route, "allowed_unauthenticated", Vec::new(), asking, None);
        }
        let verdict = credential::authenticate(self, route, asking);
        let (identity, objections) = match verdict {
            Ok(identity) => {
                let context = Context { route, asking, identity: Some(&identity) };
                let found = require::authorize(self.world, context, &identity);
                (Some(identity), found)
            }
            Err(refusal) => (None, require::Objections { inline: refusal, ..Default::default() }),
        };
        let is_async = value::text(route, "mode") == Some("async");
        let (inline, roles) = (objections.inline, objections.roles);
        let identity = identity.as_ref();
        let issuer = identity.map(|own| own.issuer.clone());
        let by_route = Expected { issuer, ..by_route };
        let refusal = [inline.clone(), roles.clone()].concat();
        if refusal.is_empty() {
            return self.allowed(by_route, "allowed", Vec::new(), asking, identity);
        }
        // Inline checks always enforce; the sidecar's are judged in shadow.
        let is_shadow = value::flag(route, "shadow", false);
        if is_async && inline.is_empty() && !is_shadow {
            return self.allowed(by_route, "allowed", roles, asking, identity);
        }
        self.refused(by_route, refusal, asking, identity)
    }

    /// A denial, unless the failure mode or `shadow` lets it pass.
    fn refused(
        &self,
        by_route: Expected,
        refusal: Refusal,
        asking: &Asking<'_>,
        identity: Option<&Identity>,
    ) -> Expected {
        let route = by_route.route.clone().unwrap_or_default();
        // What passes by the failure mode is no denial that shadow would keep back. Who always denies
        // needs no dependency.
        let fails = refusal.contains(&"dependency_unavailable");
        let refusal = match value::text(&route, "authorization") {
            Some("always_deny") if fails => vec!["denied_by_rule"],
            _ if fails && value::text(&route, "failure_mode") == Some("open") => {
                let reason = "allowed_by_failure_mode";
                return self.allowed(by_route, reason, Vec::new(), asking, identity);
            }
            _ => refusal,
        };
        if value::flag(&route, "shadow", false) {
            return self.allowed(by_route, "allowed", refusal, asking, identity);
        }
        Expected { reasons: refusal, ..by_route }
    }

    /// An allow, unless `forward` makes a path that could not be judged.
    fn allowed(
        &self,
        by_route: Expected,
        reason: &'static str,
        would_deny: Refusal,
        asking: &Asking<'_>,
        identity: Option<&Identity>,
    ) -> Expected {
        let route = by_route.route.clone().unwrap_or_default();
        let context = Context { route: &route, asking, identity };
        let Some(upstream) = effect::upstream(self.world, context) else {
            return Expected { reasons: vec!["request_malformed"], ..by_route };
        };
        let response = by_route.shape.cors.clone();
        let reasons = vec![reason];
        Expected { allowed: true, reasons, would_deny, upstream, response, ..by_route }
    }
}
