//! docs/routes.md, "Inheritance": a route with what its host's entry and the file say.

use serde_json::Value;

use super::value;

const INHERITED: &[&str] = &[
    "mode",
    "timeout",
    "failure_mode",
    "shadow",
    "on_invalid",
    "authenticate",
    "scopes",
    "claims",
    "authorization",
    "forward",
    "cors",
    "on_deny",
];

/// What open and shut routes take.
const OF_OPEN: &[&str] = &["forward", "cors", "on_deny"];
const OF_SHUT: &[&str] = &["shadow", "on_deny"];

/// The route with everything that it inherits. `null` says nothing, and the innermost word wins.
pub(crate) fn settings(policy: &Value, route: &Value, host: Option<&str>) -> Value {
    let mut whole = route.as_object().cloned().unwrap_or_default();
    whole.retain(|_, value| !value.is_null());
    let names = match whole.get("allow").and_then(Value::as_str) {
        Some("nobody") => OF_SHUT,
        Some(_) => OF_OPEN,
        None => INHERITED,
    };
    let own_mode = whole.contains_key("mode");
    let entry = host.and_then(|host| policy.get("hosts")?.get(host));
    for name in names {
        let outer = [entry, Some(policy)].into_iter().flatten();
        let mut said = outer.filter_map(|it| it.get(*name)).filter(|value| !value.is_null());
        if let (Some(value), false) = (said.next(), whole.contains_key(*name)) {
            whole.insert((*name).to_owned(), value.clone());
        }
    }
    let is_async = whole.get("mode").is_some_and(|it| it == "async");
    let all = Value::Object(whole.clone());
    let inline = tokens_are_inline(policy, &all);
    // From outside only for routes whose tokens are all checked inline, and of which something is not.
    if is_async && has_sidecars_part(policy, &all) && (own_mode || inline) {
        whole.remove("failure_mode");
    } else {
        whole.remove("mode");
    }
    Value::Object(whole)
}

fn tokens_are_inline(policy: &Value, route: &Value) -> bool {
    value::list(route, "authenticate").iter().all(|entry| match value::text(entry, "jwt") {
        Some(name) => policy.pointer(&format!("/issuers/{name}/jwks")).is_some(),
        None => entry.get("introspection").is_none(),
    })
}

/// Tokens that the sidecar checks, or roles that stand in files.
fn has_sidecars_part(policy: &Value, route: &Value) -> bool {
    let asks_roles = matches!(value::text(route, "authorization"), None | Some("rbac"));
    let roles = asks_roles && route.get("rbac").is_some() && policy.get("roles").is_some();
    roles || !tokens_are_inline(policy, route)
}
