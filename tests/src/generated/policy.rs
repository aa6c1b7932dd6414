//! Policies by chance. What comes out need not load: routes may overlap, and settings may have no
//! effect. [`super::lint`] takes away what the loader names, so that no rule about it stands here.

use serde_json::{Map, Value, json};

use super::case::World;
use super::dice::Dice;

/// Segments of paths, small in number so that routes meet.
pub(crate) const SEGMENTS: &[&str] = &["a", "b", "orders", "v1", "x%20y", "caf%C3%A9", "100%25"];
/// Hosts in `match`.
const HOSTS: &[&str] = &[
    "api.example.com",
    "a.eu.example.com",
    "*.example.com",
    "*.eu.example.com",
    "*.example.org",
    "[::1]",
];
const METHODS: &[&[&str]] =
    &[&["GET"], &["GET", "HEAD"], &["POST"], &["PUT", "PATCH"], &["DELETE"], &["OPTIONS", "GET"]];
/// Scopes that routes ask for and tokens have.
pub(crate) const SCOPES: &[&str] = &["orders.read", "orders.write", "reports.read", "admin", "a"];
/// Claims that routes ask for.
pub(crate) const CLAIMS: &[&str] = &[
    "tenant",
    "realm_access.roles",
    "resource_access.\"my.client\".roles",
    "groups",
    "level",
    "member",
];
/// Subjects with roles, and one without.
pub(crate) const USERS: &[&str] = &["alice", "bob", "root", "nobody"];
/// Values of the claim `tenant`, which are namespaces too.
pub(crate) const TENANTS: &[&str] = &["acme", "globex", "initech"];
/// Tenants of the issuer `tenants` that are accepted, and one that is not.
pub(crate) const TENANT_IDS: (&str, &str, &str) = (
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000003",
);
/// Names of authenticators' issuers by kind.
pub(crate) const JWT_ISSUERS: &[&str] = &["main", "partner", "tenants", "lax", "down", "hs"];
const INTROSPECTIONS: &[&str] = &["opaque", "reports"];

/// A world by chance.
pub(crate) fn world(dice: &mut Dice) -> World {
    let count = dice.below(24).saturating_add(12);
    let mut routes: Vec<Value> = (0..count).map(|at| route(dice, at)).collect();
    routes.extend(plain());
    let mut policy = json!({
        "version": 1,
        "service": "orders",
        "timeout": "5s",
        "issuers": issuers(dice),
        "roles": ["roles.yaml"],
        "routes": routes,
    });
    if let Some(policy) = policy.as_object_mut() {
        if dice.chance(20) {
            policy.insert("on_invalid".to_owned(), json!("next"));
        }
        if dice.chance(10) {
            policy.insert("shadow".to_owned(), json!(true));
        }
        if dice.chance(10) {
            policy.insert("mode".to_owned(), json!("async"));
        } else if dice.chance(15) {
            policy.insert("failure_mode".to_owned(), json!("open"));
        }
    }
    World { policy, roles: roles(dice) }
}

/// Hand-written ones, so that no reason depends on chance alone.
fn plain() -> [Value; 5] {
    [
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
    ]
}

fn issuers(dice: &mut Dice) -> Value {
    const CERTS: &str = "http://127.0.0.1:18080/realms/main/protocol/openid-connect/certs";
    let keys = json!({ "uri": CERTS, "cluster": "idp" });
    let introspection = json!({
        "url": "http://127.0.0.1:18080/realms/main/protocol/openid-connect/token/introspect",
        "client_id": "gate",
        "client_secret": { "file": "secrets/introspection-client-secret" },
    });
    let mut main = json!({
        "issuer": "http://127.0.0.1:18080/realms/main",
        "jwks": { "discovery": true, "cluster": "idp" },
        "audiences": ["orders"],
        "algorithms": ["RS256", "ES256", "EdDSA"],
        "leeway": "5s",
    });
    if let Some(main) = main.as_object_mut() {
        if dice.chance(60) {
            main.insert("clients".to_owned(), json!(["shop", "web"]));
        }
        if dice.chance(60) {
            main.insert("max_lifetime".to_owned(), json!("10m"));
        }
        if dice.chance(25) {
            main.insert("token_type".to_owned(), json!("at+jwt"));
        }
    }
    let both = dice.pick(&["any", "all"]);
    json!({
        "main": main,
        "partner": {
            "issuer": "https://partner.example", "jwks": keys, "audiences": ["orders", "partners"],
            "audience_match": both, "algorithms": ["ES256"],
        },
        "tenants": {
            "issuer": "https://login.example/{tenantid}/v2.0", "tenants": [TENANT_IDS.0, TENANT_IDS.1],
            "jwks": keys, "audiences": ["orders"], "algorithms": ["ES256", "EdDSA"],
        },
        "lax": {
            "issuer": "urn:lax", "jwks": keys, "token_type": "any", "require_exp": false,
            "algorithms": ["EdDSA"],
        },
        "down": {
            "issuer": "https://down.example", "audiences": ["orders"], "algorithms": ["ES256"],
            "jwks": { "uri": "http://127.0.0.1:18080/nothing", "cluster": "idp" },
        },
        "hs": {
            "issuer": "https://legacy.example", "hmac": { "secret": { "file": "secrets/hs" } },
            "audiences": ["orders"], "algorithms": ["HS256", "HS512"],
        },
        "opaque": { "introspection": introspection, "audiences": ["orders"] },
        "reports": { "introspection": introspection, "audiences": ["reports"] },
    })
}

fn route(dice: &mut Dice, at: usize) -> Value {
    let mut matches = Map::new();
    if dice.chance(45) {
        matches.insert("hosts".to_owned(), json!(some_hosts(dice)));
    }
    if dice.chance(60) {
        matches.insert("methods".to_owned(), json!(dice.pick(METHODS)));
    }
    let path = path(dice);
    matches.insert("path".to_owned(), json!(path));
    let mut route = Map::new();
    route.insert("name".to_owned(), json!(format!("r{at}")));
    route.insert("match".to_owned(), Value::Object(matches));
    let open = dice.chance(10);
    if open && dice.chance(35) {
        route.insert("allow".to_owned(), json!("nobody"));
        return Value::Object(route);
    }
    if open {
        route.insert("allow".to_owned(), json!("unauthenticated"));
    } else {
        requirements(dice, &mut route);
    }
    if dice.chance(75) {
        let forward = forward(dice, &path, open);
        route.insert("forward".to_owned(), forward);
    }
    Value::Object(route)
}

fn some_hosts(dice: &mut Dice) -> Vec<&'static str> {
    let mut hosts = dice.some(HOSTS, 2);
    if hosts.is_empty() {
        hosts.push(dice.pick(HOSTS));
    }
    hosts
}

fn path(dice: &mut Dice) -> String {
    let count = dice.below(3).saturating_add(1);
    let mut path = String::new();
    for at in 0..count {
        path.push('/');
        match dice.below(10) {
            0..=2 => path.push_str(&format!("{{v{at}}}")),
            _ => path.push_str(dice.pick(SEGMENTS)),
        }
    }
    match dice.below(10) {
        0..=2 => path.push_str("/{**}"),
        3 => path.push('/'),
        _ => {}
    }
    path
}

fn requirements(dice: &mut Dice, route: &mut Map<String, Value>) {
    route.insert("authenticate".to_owned(), authenticate(dice));
    if dice.chance(45) {
        let all = dice.some(SCOPES, 2);
        let any = dice.some(SCOPES, 2);
        let mut scopes = Map::new();
        if !all.is_empty() || any.is_empty() {
            let all = if all.is_empty() { vec!["orders.read"] } else { all };
            scopes.insert("all_of".to_owned(), json!(all));
        }
        if !any.is_empty() {
            scopes.insert("any_of".to_owned(), json!(any));
        }
        if dice.chance(35) {
            scopes.insert("none_of".to_owned(), json!([dice.pick(&["frozen", "orders"])]));
        }
        if dice.chance(40) {
            let strategy = dice.pick(&["exact", "hierarchic", "wildcard"]);
            scopes.insert("strategy".to_owned(), json!(strategy));
        }
        route.insert("scopes".to_owned(), Value::Object(scopes));
    }
    if dice.chance(35) {
        let count = dice.below(2).saturating_add(1);
        let claims: Vec<Value> = (0..count).map(|_| claim(dice)).collect();
        route.insert("claims".to_owned(), json!(claims));
    }
    if dice.chance(25) {
        route.insert("rbac".to_owned(), rbac(dice));
    }
    match dice.below(20) {
        0 | 1 => drop(route.insert("shadow".to_owned(), json!(true))),
        2 => drop(route.insert("mode".to_owned(), json!("async"))),
        3..=5 => drop(route.insert("failure_mode".to_owned(), json!("open"))),
        6 => drop(route.insert("on_invalid".to_owned(), json!("next"))),
        7 => drop(route.insert("on_invalid".to_owned(), json!("stop"))),
        8 => drop(route.insert("shadow".to_owned(), json!(false))),
        _ => {}
    }
}

fn authenticate(dice: &mut Dice) -> Value {
    let mut list = Vec::new();
    for name in dice.some(JWT_ISSUERS, 3) {
        list.push(json!({ "jwt": name }));
    }
    for name in dice.some(INTROSPECTIONS, 2) {
        if dice.chance(50) {
            list.push(json!({ "introspection": name }));
        }
    }
    if list.is_empty() {
        list.push(json!({ "jwt": "main" }));
    }
    for entry in &mut list {
        let word = dice.weighted(&[(70, ""), (22, "next"), (8, "stop")]);
        if let (Some(entry), false) = (entry.as_object_mut(), word.is_empty()) {
            entry.insert("on_invalid".to_owned(), json!(word));
        }
    }
    Value::Array(list)
}

fn claim(dice: &mut Dice) -> Value {
    let path = dice.pick(CLAIMS);
    let any: Vec<Value> = match path {
        "tenant" => dice.some(TENANTS, 2).into_iter().map(Value::from).collect(),
        "level" => vec![json!(1), json!(-3), json!(9_007_199_254_740_993_i64)],
        "member" => vec![json!(true)],
        _ => vec![json!("staff"), json!("customer"), json!(7)],
    };
    let any = if any.is_empty() { vec![json!("acme")] } else { any };
    json!({ "claim": path, "any_of": any })
}

fn rbac(dice: &mut Dice) -> Value {
    let mut rbac = json!({
        "api": dice.pick(&["infra", "billing"]),
        "resource": dice.pick(&["clusters", "invoices"]),
    });
    if let Some(rbac) = rbac.as_object_mut() {
        if dice.chance(60) {
            rbac.insert("namespace".to_owned(), json!("{claims.tenant}"));
        }
        if dice.chance(25) {
            rbac.insert("verb".to_owned(), json!(dice.pick(&["list", "get", "list_all"])));
        }
    }
    rbac
}

fn forward(dice: &mut Dice, path: &str, open: bool) -> Value {
    let mut headers = Map::new();
    let identity = [
        ("x-user", "{subject}"),
        ("X-Client", "{client}"),
        ("x-issuer", "{issuer}"),
        ("x-tenant", "{claims.tenant}"),
        ("x-roles", "roles={claims.realm_access.roles};{subject}"),
        ("x-level", "{claims.level}"),
    ];
    if !open {
        for (name, template) in dice.some(&identity, 3) {
            headers.insert(name.to_owned(), json!(template));
        }
    }
    for at in 0..3 {
        let variable = format!("{{v{at}}}");
        if path.contains(&variable) && dice.chance(50) {
            headers.insert(format!("x-v{at}"), json!(format!("<{{path.v{at}}}>")));
        }
    }
    let mut forward = Map::new();
    if headers.is_empty() || dice.chance(90) {
        let constant = dice.chance(10) || headers.is_empty();
        if constant {
            headers.insert("x-gate".to_owned(), json!("sallyport"));
        }
        forward.insert("headers".to_owned(), Value::Object(headers));
    }
    let credential = dice.weighted(&[(80, ""), (10, "original"), (10, "none")]);
    if !credential.is_empty() {
        forward.insert("credential".to_owned(), json!(credential));
    }
    Value::Object(forward)
}

fn roles(dice: &mut Dice) -> Vec<Value> {
    let mut documents = Vec::new();
    let role = |name: &str, rules: Vec<Value>| json!({ "api": "core", "kind": "Role", "metadata": { "name": name }, "rules": rules });
    let mut names = Vec::new();
    for at in 0..3 {
        let name = format!("role{at}");
        let count = dice.below(2).saturating_add(1);
        let rules = (0..count).map(|_| rule(dice)).collect();
        documents.push(role(&name, rules));
        names.push(name);
    }
    let every = json!({
        "api": "", "resources": [""], "namespaces": [""],
        "verbs": ["get", "list", "list_all", "create", "update", "delete"],
    });
    documents.push(role("every", vec![every]));
    let binding = |name: &str, users: Vec<&str>, roles: Vec<String>| {
        json!({
            "api": "core", "kind": "RoleBinding", "metadata": { "name": name },
            "users": users, "roles": roles,
        })
    };
    documents.push(binding("roots", vec!["root"], vec!["every".to_owned()]));
    documents.push(binding("one", vec!["alice", "bob"], vec![dice.pick(&names)]));
    documents.push(binding("two", vec!["alice"], vec![dice.pick(&names), dice.pick(&names)]));
    documents
}

fn rule(dice: &mut Dice) -> Value {
    let namespaces = dice.some(TENANTS, 2);
    let namespaces = if namespaces.is_empty() { vec![""] } else { namespaces };
    json!({
        "api": dice.pick(&["infra", "billing", ""]),
        "resources": [dice.pick(&["clusters", "invoices", ""])],
        "namespaces": namespaces,
        "verbs": dice.pick(&[vec!["get", "list"], vec!["get", "create", "update"], vec!["delete", "list_all"]]),
    })
}
