//! The policies of P9: ten thousand routes, a thousand issuers and a hundred thousand bindings, and the same with ten,
//! one and ten. A thousand callers ask for what is all over the policy. Measured in the pure crate (`decision.rs`) and,
//! as a comparison like the others, in Envoy.

use sallyport_policy::RoleFile;
use serde_json::{Map, Value, json};

use super::policy::HOST;

/// Callers, each with a token of its own; the same number on both sides, so both remember as much of them.
pub(super) const CALLERS: usize = 1_000;

/// How large a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) routes: usize,
    pub(super) issuers: usize,
    pub(super) bindings: usize,
}

impl Scale {
    pub(super) const SMALL: Self = Self { routes: 10, issuers: 1, bindings: 10 };
    pub(super) const LARGE: Self = Self { routes: 10_000, issuers: 1_000, bindings: 100_000 };

    /// The route that a caller asks; over all callers, routes from all over the policy.
    fn route_of(self, caller: usize) -> usize {
        spread(caller, self.routes)
    }

    /// The user that a caller is; likewise.
    fn user_of(self, caller: usize) -> usize {
        spread(caller, self.bindings)
    }

    /// `iss` of a caller's tokens.
    pub(super) fn issuer_of(self, caller: usize) -> String {
        issuer(caller.checked_rem(self.issuers).unwrap_or(0))
    }

    /// Path with a request of a caller.
    pub(super) fn path_of(self, caller: usize) -> String {
        let route = self.route_of(caller);
        format!("/team{}/api{route}/{caller}", team(route))
    }

    /// `sub` of a caller.
    pub(super) fn subject_of(self, caller: usize) -> String {
        format!("user-{}", self.user_of(caller))
    }

    /// The policy. `keys` is where all issuers' keys are; `roles` whether routes ask them.
    pub(super) fn policy(self, keys: &str, roles: bool) -> Value {
        let issuers: Map<String, Value> = (0..self.issuers)
            .map(|number| {
                let source = json!({
                    "issuer": issuer(number),
                    "jwks": { "uri": keys, "cluster": "idp" },
                    "audiences": ["orders"],
                });
                (format!("issuer-{number}"), source)
            })
            .collect();
        let mut file = json!({ "version": 1, "service": "bench", "issuers": issuers });
        if let Value::Object(file) = &mut file {
            file.insert("routes".to_owned(), self.route_list(roles));
            if roles {
                file.insert("roles".to_owned(), json!(["roles.json"]));
            }
        }
        file
    }

    fn route_list(self, roles: bool) -> Value {
        // All of a caller's issuers: those that come round to this route.
        let authenticators: Vec<Vec<Value>> = (0..self.routes)
            .map(|route| {
                let mut found: Vec<usize> = (0..CALLERS)
                    .filter(|caller| self.route_of(*caller) == route)
                    .filter_map(|caller| caller.checked_rem(self.issuers))
                    .collect();
                found.push(route.checked_rem(self.issuers).unwrap_or(0));
                found.sort_unstable();
                found.dedup();
                found.iter().map(|number| json!({ "jwt": format!("issuer-{number}") })).collect()
            })
            .collect();
        let routes = authenticators.into_iter().enumerate().map(|(number, authenticate)| {
            let mut route = json!({
                "name": format!("route-{number}"),
                "match": {
                    "hosts": [HOST],
                    "methods": ["GET"],
                    "path": format!("/team{}/api{number}/{{id}}", team(number)),
                },
                "authenticate": authenticate,
                "scopes": { "all_of": ["orders.read"] },
                "claims": [{ "claim": "realm_access.roles", "any_of": ["customer"] }],
                "forward": { "headers": { "x-user": "{subject}" } },
            });
            if let (true, Value::Object(route)) = (roles, &mut route) {
                let rbac = json!({
                    "api": "orders", "resource": "order", "namespace": "{claims.tenant}",
                    "user": "{subject}",
                });
                route.insert("rbac".to_owned(), rbac);
            }
            route
        });
        routes.collect()
    }

    /// The bindings, a hundred roles between them, as one file.
    pub(super) fn role_file(self) -> RoleFile {
        let role = |number| {
            json!({
                "kind": "Role", "metadata": { "name": format!("role-{number}") },
                "rules": [{ "api": "orders", "resources": ["order"], "namespaces": ["acme"], "verbs": ["get"] }],
            })
        };
        let binding = |number: usize| {
            json!({
                "kind": "RoleBinding", "metadata": { "name": format!("binding-{number}") },
                "users": [format!("user-{number}")],
                "roles": [format!("role-{}", number.checked_rem(100).unwrap_or(0))],
            })
        };
        let documents = (0..100).map(role).chain((0..self.bindings).map(binding));
        let text = documents.map(|document| format!("---\n{document}\n")).collect();
        RoleFile { name: "roles.json".to_owned(), text }
    }
}

/// A number below `all`, other than those of nearby callers.
fn spread(caller: usize, all: usize) -> usize {
    // 7919 is a prime, so no two of fewer than `all` callers meet where it does not divide `all`.
    caller.saturating_mul(7_919).checked_rem(all).unwrap_or(0)
}

fn team(route: usize) -> usize {
    route.checked_rem(100).unwrap_or(0)
}

fn issuer(number: usize) -> String {
    format!("https://idp.example/realms/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_all_over_the_large_policy() {
        let count = |of: fn(Scale, usize) -> usize| {
            let mut found: Vec<usize> = (0..CALLERS).map(|one| of(Scale::LARGE, one)).collect();
            found.sort_unstable();
            found.dedup();
            found.len()
        };
        assert_eq!(count(Scale::route_of), CALLERS);
        assert_eq!(count(Scale::user_of), CALLERS);
    }
}
