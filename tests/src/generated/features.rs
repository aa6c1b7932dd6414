//! What the cases of a run exercised: a generator that no longer makes something fails nothing, so
//! every feature has to come up, and its effect with it.

use serde_json::Value;

use super::case::Asked;
use super::doors::Said;
use super::reference::Expected;

/// One case with what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) policy: &'a Value,
    pub(crate) asked: &'a Asked,
    pub(crate) expected: &'a Expected,
    pub(crate) said: &'a Said,
}

type Feature = (&'static str, fn(&Seen<'_>) -> bool);

/// Features by name, and whether a case has one.
pub(crate) const ALL: &[Feature] = &[
    ("regex allowed", |it| it.allowed() && it.has("/match/regex")),
    ("regex with a variable", |it| {
        it.has("/match/regex") && it.upstream_has(|name| name == "x-v0")
    }),
    ("glob allowed", |it| it.allowed() && it.has("/match/glob")),
    ("escaped slash allowed", |it| it.allowed() && it.path_has("%2f")),
    ("too long for patterns", |it| it.is("request_malformed") && it.asked.path.len() > 2048),
    ("from the host", |it| it.allowed() && it.inherited("hosts")),
    ("shut route in shadow", |it| it.allowed() && it.says("/allow", "nobody")),
    ("anonymous allowed", |it| it.allowed() && it.issuer("anonymous")),
    ("anonymous refused", |it| {
        it.is("token_missing") && it.lists("anonymous") && !it.expected.allowed
    }),
    ("certificate allowed", |it| it.allowed() && it.issuer("client_certificate")),
    ("raw token allowed", |it| it.token_from("raw")),
    ("header token allowed", |it| it.token_from("header")),
    ("query token allowed", |it| it.token_from("query")),
    ("cookie token allowed", |it| it.token_from("cookie")),
    ("a chain goes on", |it| it.allowed() && it.issuer("anonymous") && !it.asked.tokens.is_empty()),
    ("hierarchic scopes", |it| it.allowed() && it.says("/scopes/strategy", "hierarchic")),
    ("wildcard scopes", |it| it.allowed() && it.says("/scopes/strategy", "wildcard")),
    ("equals allowed", |it| it.allowed() && it.route_has("\"equals\":\"{path.")),
    ("bounds allowed", |it| it.allowed() && it.route_has("\"at_least\"")),
    ("absent claim allowed", |it| it.allowed() && it.route_has("\"present\":false")),
    ("none_of of claims", |it| it.is("claim_mismatch") && it.route_has("\"none_of\"")),
    ("always_deny", |it| it.is("denied_by_rule") && it.says("/authorization", "always_deny")),
    ("always_allow", |it| it.allowed() && it.says("/authorization", "always_allow")),
    ("roles of a file", |it| it.role("/roles")),
    ("roles of the policy", |it| it.role("/role_documents") && !it.policy_has("/roles")),
    ("roles without a namespace", |it| it.role("/namespace_none") && !it.has("/rbac/namespace")),
    ("roles by a path variable", |it| it.role("/version") && it.route_has("{path.")),
    ("groups", |it| it.role("/version") && it.has("/rbac/groups")),
    ("async", |it| it.allowed() && it.says("/mode", "async")),
    ("async would deny", |it| it.says("/mode", "async") && it.said.would_deny.is_some()),
    ("shadow would deny", |it| it.said.would_deny.is_some() && !it.says("/mode", "async")),
    ("header appended", |it| it.allowed() && it.has("/forward/append_headers")),
    ("header removed", |it| {
        it.allowed() && it.has("/forward/remove_headers") && it.sent("x-debug")
    }),
    ("cookie set", |it| it.has("/forward/cookies") && it.upstream_has(|name| name == "cookie")),
    ("cookie removed", |it| it.allowed() && it.has("/forward/remove_cookies") && it.sent("cookie")),
    ("query set", |it| it.allowed() && it.has("/forward/query") && it.path_changed()),
    ("query removed", |it| it.allowed() && it.has("/forward/remove_query") && it.path_changed()),
    ("path rewritten", |it| it.allowed() && it.has("/forward/path") && it.path_changed()),
    ("path that cannot be judged", |it| it.is("request_malformed") && it.has("/forward/path")),
    ("credential kept", |it| it.allowed() && it.says("/forward/credential", "original")),
    ("preflight allowed", |it| it.tells("access-control-allow-methods")),
    ("page allowed", |it| it.tells("access-control-allow-origin") && it.asked.method != "OPTIONS"),
    ("page denied", |it| !it.allowed() && it.answers("access-control-allow-origin")),
    ("cors_refused in shadow", |it| it.said.would_deny.as_deref() == Some("cors_refused")),
    ("redirect", |it| it.answers("location")),
    ("redirect of a 403", |it| it.answers("location") && it.has_scope_or_rule()),
    ("decision header", |it| it.answers("x-sallyport-reason")),
    ("gRPC denied", |it| it.answers("grpc-status")),
    ("JSON", |it| it.answered_as("application/json")),
    ("text", |it| it.answered_as("text/plain; charset=utf-8")),
    ("form by Accept", |it| it.answered_as("application/json") && it.sent("accept")),
];

impl Seen<'_> {
    fn allowed(&self) -> bool {
        self.said.upstream.is_some()
    }

    fn is(&self, reason: &str) -> bool {
        self.said.reason.as_deref() == Some(reason)
            || self.said.would_deny.as_deref() == Some(reason)
    }

    fn at(&self, place: &str) -> Option<&Value> {
        self.expected.route.as_ref()?.pointer(place).filter(|value| !value.is_null())
    }

    fn has(&self, place: &str) -> bool {
        self.at(place).is_some()
    }

    fn says(&self, place: &str, word: &str) -> bool {
        self.at(place).and_then(Value::as_str) == Some(word)
    }

    fn route_has(&self, text: &str) -> bool {
        self.expected.route.as_ref().is_some_and(|route| route.to_string().contains(text))
    }

    fn policy_has(&self, place: &str) -> bool {
        self.policy.pointer(place).is_some()
    }

    /// A setting that the route has not said itself, and the file neither.
    fn inherited(&self, from: &str) -> bool {
        let Some(route) = &self.expected.route else { return false };
        let names = ["authenticate", "scopes", "claims", "forward", "cors", "on_invalid", "shadow"];
        let own = self.policy.get("routes").and_then(Value::as_array);
        let own = own.into_iter().flatten().find(|it| it.get("name") == route.get("name"));
        let is = |name: &str| {
            route.get(name).is_some()
                && own.is_some_and(|own| own.get(name).is_none())
                && self.policy.get(name).is_none()
        };
        self.policy_has(&format!("/{from}")) && names.into_iter().any(is)
    }

    fn lists(&self, entry: &str) -> bool {
        let list = self.at("/authenticate").and_then(Value::as_array);
        list.into_iter().flatten().any(|own| own.get(entry).is_some())
    }

    fn issuer(&self, name: &str) -> bool {
        self.expected.issuer.as_deref() == Some(name)
    }

    /// Whether a route that reads tokens in this one place alone found one there.
    fn token_from(&self, kind: &str) -> bool {
        let list = self.at("/authenticate").and_then(Value::as_array);
        let is_own = |entry: &Value| match kind {
            "raw" => entry.pointer("/from/authorization").is_some_and(|it| *it == kind),
            _ => entry.pointer(&format!("/from/{kind}")).is_some(),
        };
        let verified = self.expected.issuer.as_deref();
        let verified = verified.is_some_and(|it| !matches!(it, "anonymous" | "client_certificate"));
        let named = |entry: &&Value| {
            let name = entry.get("jwt").or(entry.get("introspection")).and_then(Value::as_str);
            name == self.expected.issuer.as_deref()
        };
        self.allowed() && verified && list.into_iter().flatten().filter(named).any(is_own)
    }

    fn role(&self, place: &str) -> bool {
        let asked =
            matches!(self.at("/authorization").and_then(Value::as_str), None | Some("rbac"));
        asked
            && self.allowed()
            && self.said.would_deny.is_none()
            && self.has("/rbac")
            && self.expected.issuer.is_some()
            && self.policy_has(place)
    }

    fn path_has(&self, text: &str) -> bool {
        self.asked.path.to_ascii_lowercase().split('?').next().is_some_and(|it| it.contains(text))
    }

    fn path_changed(&self) -> bool {
        self.said.upstream.as_ref().is_some_and(|own| own.path != self.asked.path)
    }

    fn upstream_has(&self, is: impl Fn(&str) -> bool) -> bool {
        self.said.upstream.as_ref().is_some_and(|own| own.headers.keys().any(|name| is(name)))
    }

    fn sent(&self, header: &str) -> bool {
        self.asked.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
    }

    fn tells(&self, header: &str) -> bool {
        self.said.response.iter().any(|(name, _)| name == header)
    }

    fn answers(&self, header: &str) -> bool {
        self.said.headers.iter().any(|(name, _)| name == header)
    }

    fn answered_as(&self, kind: &str) -> bool {
        self.said.headers.iter().any(|(name, value)| name == "content-type" && value == kind)
    }

    fn has_scope_or_rule(&self) -> bool {
        self.is("scope_missing") || self.is("denied_by_rule") || self.is("no_route")
    }
}
