//! Roles, bindings, and what routes ask of them. The documents stand in a file, in the policy, or in
//! both: that decides whether the filter judges them or the sidecar.

use serde_json::{Map, Value, json};

use super::super::dice::Dice;

/// Subjects with roles, and one without.
pub(crate) const USERS: &[&str] = &["alice", "bob", "root", "nobody"];
/// Groups that bindings name, and one that none does.
pub(crate) const GROUPS: &[&str] = &["support", "ops", "staff", "alice"];
/// Values of the claim `tenant`, which are namespaces too.
pub(crate) const TENANTS: &[&str] = &["acme", "globex", "initech"];
const APIS: &[&str] = &["infra", "billing", "a", "orders"];
const RESOURCES: &[&str] = &["clusters", "invoices", "42", "b"];

/// What a route asks of the roles.
pub(crate) fn rbac(dice: &mut Dice, variables: &[String]) -> Value {
    let mut rbac = Map::new();
    let mut put = |name: &str, value: Value| drop(rbac.insert(name.to_owned(), value));
    let part = |dice: &mut Dice, words: &[&str]| match variables {
        [] => dice.pick(words).to_owned(),
        variables if dice.chance(40) => format!("{{path.{}}}", dice.pick(variables)),
        _ => dice.pick(words).to_owned(),
    };
    put("api", json!(part(dice, APIS)));
    put("resource", json!(part(dice, RESOURCES)));
    match dice.below(10) {
        0..=4 => put("namespace", json!("{claims.tenant}")),
        5 => put("namespace", json!("{query.ns}")),
        6 => put("namespace", json!("acme")),
        _ => {}
    }
    if dice.chance(25) {
        put("verb", json!(dice.pick(&["list", "get", "list_all"])));
    }
    match dice.below(10) {
        0 => put("user", json!("{claims.nick}")),
        1 => put("user", json!("{client}")),
        _ => {}
    }
    match dice.below(10) {
        0..=3 => put("groups", json!("groups")),
        4 => put("groups", json!("realm_access.roles")),
        _ => {}
    }
    Value::Object(rbac)
}

/// Documents; those of a file are given back, those of the policy put into it.
pub(crate) fn documents(dice: &mut Dice, policy: &mut Map<String, Value>) -> Vec<Value> {
    let (one, two) = (some(dice, "x"), some(dice, "y"));
    if dice.chance(40) {
        policy.insert("namespace_none".to_owned(), json!(dice.pick(&["grant", "deny"])));
    }
    let has_file = dice.chance(60);
    if has_file {
        policy.insert("roles".to_owned(), json!(["roles.yaml"]));
    }
    if !has_file || dice.chance(30) {
        policy.insert("role_documents".to_owned(), json!(two));
    }
    if has_file { one } else { Vec::new() }
}

fn some(dice: &mut Dice, of: &str) -> Vec<Value> {
    let mut documents = Vec::new();
    let role = |name: &str, rules: Vec<Value>| json!({ "api": "core", "kind": "Role", "metadata": { "name": name }, "rules": rules });
    let mut names = Vec::new();
    for at in 0..3 {
        let name = format!("role-{of}{at}");
        let count = dice.below(2).saturating_add(1);
        let rules = (0..count).map(|_| rule(dice)).collect();
        documents.push(role(&name, rules));
        names.push(name);
    }
    let every = json!({
        "api": "", "resources": [""], "namespaces": [""],
        "verbs": ["get", "list", "list_all", "create", "update", "delete"],
    });
    let all = format!("every-{of}");
    documents.push(role(&all, vec![every]));
    let binding = |name: &str, kind: &str, who: &[&str], roles: Vec<String>| {
        let mut binding = json!({
            "kind": "RoleBinding", "metadata": { "name": format!("{name}-{of}") }, "roles": roles,
        });
        if let Some(binding) = binding.as_object_mut() {
            binding.insert(kind.to_owned(), json!(who));
        }
        binding
    };
    documents.push(binding("roots", "users", &["root"], vec![all.clone()]));
    documents.push(binding("one", "users", &["alice", "bob"], vec![dice.pick(&names)]));
    let both = vec![dice.pick(&names), dice.pick(&names)];
    documents.push(binding("two", "users", &["alice", "shop"], both));
    documents.push(binding("three", "groups", &["support", "ops"], vec![dice.pick(&names)]));
    if dice.chance(50) {
        documents.push(binding("four", "groups", &["staff"], vec![all]));
    }
    documents
}

fn rule(dice: &mut Dice) -> Value {
    let mut namespaces = dice.some(TENANTS, 2);
    if namespaces.is_empty() && dice.chance(60) {
        namespaces.push("");
    }
    let verbs: &[&[&str]] =
        &[&["get", "list"], &["get", "create", "update"], &["delete", "list_all"], &["get"]];
    let (apis, resources) = ([APIS, &["", ""]].concat(), [RESOURCES, &["", ""]].concat());
    json!({
        "api": dice.pick(&apis),
        "resources": [dice.pick(&resources), dice.pick(&resources)],
        "namespaces": namespaces,
        "verbs": dice.pick(verbs),
    })
}
