//! Routes that every generated policy has, so that no reason and no kind of route depends on chance
//! alone.

use serde_json::{Value, json};

/// Whether a route is one of these; those by chance are called `r` and a number.
pub(crate) fn is_plain(route: &Value) -> bool {
    let name = route.get("name").and_then(Value::as_str).unwrap_or_default();
    name.strip_prefix('r').is_none_or(|rest| rest.parse::<usize>().is_err())
}

/// Hand-written routes, each below a path of its own.
pub(crate) fn routes() -> Vec<Value> {
    let mut all = vec![
        json!({
            "name": "plain", "match": { "path": "/plain/{id}" },
            "authenticate": [{ "jwt": "main" }],
            "forward": { "headers": { "x-user": "{subject}", "x-id": "{path.id}" } },
        }),
        json!({ "name": "shut", "match": { "path": "/shut/{id}" }, "allow": "nobody" }),
        json!({
            "name": "lenient", "match": { "path": "/lenient" }, "failure_mode": "open",
            "mode": "sync", "shadow": false, "authenticate": [{ "jwt": "down" }],
        }),
        json!({
            "name": "scoped", "match": { "path": "/scoped/{**}" }, "shadow": false,
            "authenticate": [{ "jwt": "partner" }],
            "scopes": { "all_of": ["a"], "none_of": ["frozen"] },
        }),
        json!({
            "name": "grouped", "match": { "path": "/grouped" }, "shadow": false,
            "authenticate": [{ "jwt": "lax" }],
            "claims": [{ "claim": "groups", "any_of": ["staff"] }],
        }),
        json!({
            "name": "ruled", "match": { "path": "/ruled/{api}/{resource}" }, "shadow": false,
            "authenticate": [{ "jwt": "main" }], "authorization": "rbac",
            "rbac": { "api": "{path.api}", "resource": "{path.resource}", "groups": "groups" },
        }),
        json!({
            "name": "across", "match": { "path": "/across/{id}", "methods": ["GET", "PUT"] },
            "authenticate": [{ "jwt": "lax" }], "shadow": false,
            "cors": { "origins": ["https://app.example.com"], "methods": ["GET", "PUT"] },
        }),
        json!({
            "name": "split", "match": { "path": "/split/{id}", "encoded_slashes": "allow" },
            "allow": "unauthenticated", "forward": { "headers": { "x-id": "{path.id}" } },
        }),
    ];
    all.extend([
        json!({
            "name": "paged", "match": { "path": "/paged/{id}" }, "shadow": false,
            "authenticate": [{ "jwt": "lax" }], "scopes": { "all_of": ["a"] },
            "on_deny": { "redirect": { "to": "https://sso.example.com/login", "on": [401, 403], "return_to": "rd" } },
        }),
        json!({
            "name": "sent", "match": { "path": "/sent/{id}" }, "shadow": false,
            "authenticate": [{ "jwt": "lax" }], "scopes": { "all_of": ["a", "reports.read"] },
            "on_deny": { "redirect": { "to": "https://sso.example.com/more", "on": [403] } },
        }),
        json!({
            "name": "owned", "match": { "path": "/owned/{tenant}", "methods": ["GET", "POST"] },
            "authenticate": [{ "jwt": "lax" }], "shadow": false,
            "claims": [{ "claim": "tenant", "equals": "{path.tenant}" }],
        }),
        json!({
            "name": "closed", "match": { "path": "/closed/{id}" }, "shadow": false,
            "authenticate": [{ "jwt": "lax" }, { "anonymous": {} }],
            "authorization": "always_deny",
        }),
        // Where roles stand in a file and records are sent.
        json!({
            "name": "later", "match": { "path": "/later/{api}" }, "shadow": false, "mode": "async",
            "authenticate": [{ "jwt": "lax" }], "authorization": "rbac",
            "rbac": { "api": "{path.api}", "resource": "42" },
        }),
        // The same, where nobody holds a role.
        json!({
            "name": "after", "match": { "path": "/after/{id}" }, "shadow": false, "mode": "async",
            "authenticate": [{ "jwt": "lax" }], "authorization": "rbac",
            "rbac": { "api": "ledgers", "resource": "{path.id}", "verb": "delete" },
        }),
        json!({ "name": "wide", "match": { "regex": "/wide/.*" }, "allow": "unauthenticated" }),
        json!({
            "name": "session", "match": { "path": "/session/{id}" }, "shadow": false,
            "authenticate": [
                { "jwt": "lax", "from": { "cookie": "session" }, "on_invalid": "next" },
                { "jwt": "main", "from": { "header": "x-api-token" }, "on_invalid": "next" },
                { "client_certificate": { "subject": "common_name" }, "on_invalid": "next" },
                { "anonymous": { "subject": "guest" } },
            ], "forward": {
                "headers": { "x-user": "{subject}", "x-issuer": "{issuer}" },
                "remove_headers": ["x-debug"], "remove_cookies": ["tracking"],
            },
        }),
    ]);
    // Two of which the loader cannot tell in bounded time whether they meet. They do.
    for (name, pattern) in
        [("either", "/twice/(?:a|b)*a(?:a|b){20}"), ("or", "/twice/(?:a|b)*b(?:a|b){19}")]
    {
        all.push(
            json!({ "name": name, "match": { "regex": pattern }, "allow": "unauthenticated" }),
        );
    }
    all
}
