//! docs/requirements.md, "Roles": what is asked, and which document allows it.

use serde_json::Value;

use super::template::Context;
use super::{Identity, require, value};
use crate::generated::case::World;

/// Why the roles do not allow it; none: one of them does.
pub(crate) fn judge(
    world: &World,
    wanted: &Value,
    context: Context<'_>,
    identity: &Identity,
) -> Option<&'static str> {
    let Some(question) = Question::of(wanted, context) else { return Some("role_missing") };
    let has_file = world.policy.get("roles").is_some();
    let files: &[Value] = if has_file { &world.roles } else { &[] };
    let documents: Vec<&Value> =
        files.iter().chain(value::list(&world.policy, "role_documents")).collect();
    let grants = value::text(&world.policy, "namespace_none") == Some("grant");
    let allows = |kind: &str, names: &[&str]| {
        let mut roles = bound(&documents, kind, names).into_iter();
        roles.any(|role| role.iter().any(|rule| question.is_allowed(rule, grants)))
    };
    let user = context.fill(value::text(wanted, "user").unwrap_or("{subject}"));
    let Some(user) = user else { return Some("role_missing") };
    if allows("users", &[&user]) {
        return None;
    }
    let Some(path) = value::text(wanted, "groups") else { return Some("role_missing") };
    let first = path.split('.').next().unwrap_or_default();
    if matches!(first, "groups" | "_claim_names") && require::left_out(&identity.claims) {
        return Some("groups_overage");
    }
    let groups = match value::at(&identity.claims, path) {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    (!allows("groups", &groups)).then_some("role_missing")
}

/// The rules of every role that a binding gives to one of these.
fn bound<'v>(documents: &[&'v Value], kind: &str, names: &[&str]) -> Vec<&'v [Value]> {
    let is = |document: &&&Value, kind: &str| value::text(document, "kind") == Some(kind);
    let own = documents.iter().filter(|it| is(it, "RoleBinding"));
    let own = own.filter(|it| value::words(it, kind).iter().any(|name| names.contains(name)));
    let roles: Vec<&str> = own.flat_map(|it| value::words(it, "roles")).collect();
    let named = |role: &&&Value| {
        let name = role.pointer("/metadata/name").and_then(Value::as_str);
        name.is_some_and(|name| roles.contains(&name))
    };
    let found = documents.iter().filter(|it| is(it, "Role")).filter(named);
    found.map(|role| value::list(role, "rules")).collect()
}

/// What is asked, besides by whom.
struct Question {
    api: String,
    resource: String,
    namespace: Option<String>,
    verb: String,
}

impl Question {
    /// None where a template has no value, or the method no verb.
    fn of(wanted: &Value, context: Context<'_>) -> Option<Self> {
        let fill = |name: &str| context.fill(value::text(wanted, name)?);
        let namespace = match wanted.get("namespace").filter(|it| !it.is_null()) {
            Some(_) => Some(fill("namespace")?),
            None => None,
        };
        let by_method = match context.asking.request.method.as_str() {
            "GET" | "HEAD" => Some("get"),
            "POST" => Some("create"),
            "PUT" | "PATCH" => Some("update"),
            "DELETE" => Some("delete"),
            _ => None,
        };
        let verb = value::text(wanted, "verb").or(by_method)?.to_owned();
        Some(Self { api: fill("api")?, resource: fill("resource")?, namespace, verb })
    }

    fn is_allowed(&self, rule: &Value, grants: bool) -> bool {
        let api = value::text(rule, "api").unwrap_or_default();
        let resources = value::words(rule, "resources");
        let namespaces = value::words(rule, "namespaces");
        let in_namespace = match &self.namespace {
            Some(namespace) => namespaces.contains(&"") || namespaces.contains(&namespace.as_str()),
            None => grants || namespaces.is_empty() || namespaces.contains(&""),
        };
        (api.is_empty() || api == self.api)
            && (resources.contains(&"") || resources.contains(&self.resource.as_str()))
            && in_namespace
            && value::words(rule, "verbs").contains(&self.verb.as_str())
    }
}
