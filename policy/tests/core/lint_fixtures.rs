//! Mistaken policies as operators write them: they load nowhere, or not without a warning. The fixtures of `compile/lint/`,
//! for `errors.rs` too.

use sallyport_policy::{Document, Format, Level, Policy, Problem};

/// The issuer `main`, and routes that the rows name by their parts.
const ISSUERS: &str = "version: 1\nissuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [a] } }\n";
/// A role `reader` for one namespace, and its binding.
const ROLES: &str = "role_documents: [{ kind: Role, metadata: { name: reader }, rules: [{ api: a, resources: [b], namespaces: [acme], verbs: [get] }] }, { kind: RoleBinding, metadata: { name: b }, roles: [reader], users: [alice] }]\n";

/// A route, what stands in the file besides, level and place, a part of the message. `JWT` is an authenticator, `ROLES` the
/// documents above.
pub(crate) const LINTS: &[(&str, &str, Level, &str, &str)] = &[
    (
        "{ authenticate: [JWT, { anonymous: {} }], scopes: { all_of: [a] } }",
        "",
        Level::Warning,
        "routes[0].scopes",
        "whoever is anonymous can never pass",
    ),
    (
        "{ authenticate: [JWT, { anonymous: {} }], claims: [{ claim: tenant, any_of: [a] }] }",
        "",
        Level::Warning,
        "routes[0].claims",
        "whoever is anonymous can never pass",
    ),
    (
        "{ authenticate: [JWT, { client_certificate: { subject: uri_san } }], scopes: { any_of: [a] } }",
        "",
        Level::Warning,
        "routes[0].scopes",
        "whoever shows a certificate can never pass",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], scopes: { any_of: [a] } }",
        "",
        Level::Error,
        "routes[0].scopes",
        "nobody could ever pass: whoever shows a certificate has",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }, { anonymous: {} }], claims: [{ claim: t, present: true }] }",
        "",
        Level::Error,
        "routes[0].claims",
        "anonymous or shows a certificate has",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], forward: { headers: { x-client: '{client}' } } }",
        "",
        Level::Error,
        "routes[0].forward.headers.x-client",
        "`x-client` is never sent",
    ),
    (
        "{ authenticate: [JWT, { anonymous: {} }], rbac: { api: a, resource: b, namespace: acme, user: '{issuer}:{subject}' } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac",
        "no binding names the user `anonymous:anonymous`",
    ),
    (
        "{ on_invalid: next, authenticate: [{ anonymous: {} }] }",
        "",
        Level::Error,
        "routes[0].on_invalid",
        "has no effect",
    ),
    (
        "{ on_invalid: next, authenticate: [{ jwt: main, on_invalid: stop }] }",
        "",
        Level::Error,
        "routes[0].on_invalid",
        "has no effect",
    ),
    (
        "{ authenticate: [{ jwt: main, on_invalid: next }] }",
        "",
        Level::Warning,
        "routes[0].authenticate[0].on_invalid",
        "no authenticator comes after",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], timeout: 1s }",
        "",
        Level::Error,
        "routes[0].timeout",
        "waits for anybody",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], failure_mode: open }",
        "",
        Level::Error,
        "routes[0].failure_mode",
        "waits for anybody",
    ),
    (
        "{ authenticate: [{ jwt: main, from: { header: X-Token } }], forward: { headers: { x-copy: '{header.x-token}' } } }",
        "",
        Level::Error,
        "routes[0]",
        "`{header.x-token}` reads what `authenticate` reads",
    ),
    (
        "{ authenticate: [{ jwt: main, from: { query: t } }], claims: [{ claim: t, equals: '{query.t}' }] }",
        "",
        Level::Error,
        "routes[0]",
        "`{query.t}` reads what `authenticate` reads",
    ),
    (
        "{ authenticate: [{ jwt: main, from: { header: x-token } }], forward: { append_headers: { x-token: '{method}' } } }",
        "",
        Level::Error,
        "routes[0]",
        "adds to `x-token`",
    ),
    (
        "{ authenticate: [JWT], scopes: { all_of: [a, a] } }",
        "",
        Level::Error,
        "routes[0].scopes.all_of",
        "`a` is named twice",
    ),
    (
        "{ authenticate: [JWT], scopes: { all_of: [a, b], any_of: [c, b] } }",
        "",
        Level::Error,
        "routes[0].scopes.any_of",
        "asks for nothing more",
    ),
    (
        "{ authenticate: [JWT], scopes: { all_of: [a], any_of: [a.b], strategy: hierarchic } }",
        "",
        Level::Error,
        "routes[0].scopes.any_of",
        "`a.b`",
    ),
    (
        "{ authenticate: [JWT], scopes: { all_of: ['orders.*'] } }",
        "",
        Level::Warning,
        "routes[0].scopes",
        "`orders.*` is one scope",
    ),
    (
        "{ authenticate: [JWT], scopes: { all_of: ['a,b'] } }",
        "",
        Level::Warning,
        "routes[0].scopes",
        "`a,b` is one scope",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, any_of: [a, b] }, { claim: t, none_of: [b, a] }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "cannot hold beside `routes[0].claims[0]`",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, none_of: [b] }, { claim: t, all_of: [a, b] }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "one refuses what the other asks for",
    ),
    (
        "{ match: { path: '/orders/:id' }, authenticate: [JWT] }",
        "",
        Level::Warning,
        "routes[0].match.path",
        "`:id` is a segment that reads just so",
    ),
    (
        "{ match: { path: '/orders/<id>' }, authenticate: [JWT] }",
        "",
        Level::Warning,
        "routes[0].match.path",
        "`<id>` is a segment that reads just so",
    ),
    (
        "{ match: { glob: '/orders/{id}' }, authenticate: [JWT] }",
        "",
        Level::Warning,
        "routes[0].match.glob",
        "`{id}` in a glob is `id` alone",
    ),
    (
        "{ match: { methods: [POST], path: /a }, authenticate: [JWT], on_deny: { redirect: { to: /login } } }",
        "",
        Level::Error,
        "routes[0].on_deny.redirect",
        "the route judges `POST`",
    ),
    (
        "{ allow: nobody, on_deny: { redirect: { to: /login } } }",
        "",
        Level::Error,
        "routes[0].on_deny.redirect",
        "redirects nobody",
    ),
    (
        "{ allow: unauthenticated, on_deny: { redirect: { to: /login, on: [401, 403] } } }",
        "",
        Level::Error,
        "routes[0].on_deny.redirect",
        "redirects nobody",
    ),
    (
        "{ match: { methods: [GET], path: /a }, authenticate: [JWT], cors: { origins: ['https://a.example'], methods: [GET, PUT] } }",
        "",
        Level::Error,
        "routes[0].cors.methods",
        "`PUT` is no method of this route",
    ),
    (
        "{ match: { methods: [OPTIONS], path: /a }, authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "ROLES",
        Level::Error,
        "routes[0].rbac",
        "`OPTIONS` has no verb",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme, user: alice } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac.user",
        "the same for all",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme, user: '{header.x-user}' } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac.user",
        "what the client writes",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: other, resource: b, namespace: acme } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac",
        "no role allows this to anybody",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac",
        "no role allows this to anybody",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme, verb: delete } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac",
        "no role allows this to anybody",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "ROLESnamespace_none: grant\n",
        Level::Warning,
        "namespace_none",
        "has no effect",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: idle }, rules: [] }]\n",
        Level::Warning,
        "role_documents[0]",
        "no binding names the role `idle`",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [{ api: a, resources: ['*'], namespaces: [''], verbs: [get] }] }, { kind: RoleBinding, metadata: { name: b }, roles: [r], users: ['*'] }]\n",
        Level::Warning,
        "role_documents[0]",
        "`*` in the role `r` is a name",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [] }, { kind: RoleBinding, metadata: { name: b }, roles: [r], groups: ['*'] }]\n",
        Level::Warning,
        "role_documents[1]",
        "`*` in the binding `b` is a name",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], scopes: { none_of: [a] } }",
        "",
        Level::Error,
        "routes[0].scopes.none_of",
        "has no effect",
    ),
    (
        "{ authenticate: [{ anonymous: {} }], claims: [{ claim: x, none_of: [a] }] }",
        "",
        Level::Error,
        "routes[0].claims",
        "has no effect: whoever is anonymous has no claim but `sub`",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [{ api: a, resources: [b], namespaces: [], verbs: [get] }] }]\n",
        Level::Warning,
        "role_documents",
        "no role is bound to anybody",
    ),
    (
        "{ authenticate: [{ anonymous: {} }], claims: [{ claim: sub, equals: '{claims.name}' }] }",
        "",
        Level::Error,
        "routes[0].claims[0].equals",
        "only a token has",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], rbac: { api: a, resource: b, namespace: '{claims.tenant}' } }",
        "ROLES",
        Level::Error,
        "routes[0].rbac.namespace",
        "only a token has",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }], forward: { cookies: { a: '{scopes}' } } }",
        "",
        Level::Error,
        "routes[0].forward.cookies.a",
        "`a` is never sent",
    ),
    (
        "{ authenticate: [{ client_certificate: { subject: uri_san } }] }",
        "forward: { headers: { x-t: '{claims.t}' } }\n",
        Level::Warning,
        "forward.headers.x-t",
        "`x-t` is never sent",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, present: false }, { claim: t.u, any_of: [a] }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "neither value nor members",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t.u.v, present: true }, { claim: t, present: false }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "cannot hold beside `routes[0].claims[0]`",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, any_of: [a] }, { claim: t.u, present: true }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "no members",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, at_least: 5 }, { claim: t, at_most: 4 }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "within both bounds",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, at_least: 5 }, { claim: t, any_of: [4, a] }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "no number within the bounds",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, all_of: [7] }, { claim: t, at_most: 4 }] }",
        "",
        Level::Error,
        "routes[0].claims[1]",
        "no number within the bounds",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, any_of: [a, b] }, { claim: t, none_of: [a] }, { claim: t, none_of: [b] }] }",
        "",
        Level::Error,
        "routes[0].claims[0].any_of",
        "`routes[0].claims[1]` and `routes[0].claims[2]` refuse all of it",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, any_of: ['{path.t}'] }] }",
        "",
        Level::Error,
        "routes[0].claims[0].any_of[0]",
        "a template is not read here",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, none_of: [a, 'x-{subject}'] }] }",
        "",
        Level::Error,
        "routes[0].claims[0].none_of[1]",
        "a template is not read here",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: sub, equals: '{subject}' }] }",
        "",
        Level::Warning,
        "routes[0].claims[0].equals",
        "the claim itself",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t.u, equals: '{claims.t.u}' }] }",
        "",
        Level::Warning,
        "routes[0].claims[0].equals",
        "the claim itself",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, equals: ' {subject}' }] }",
        "",
        Level::Error,
        "routes[0].claims[0].equals",
        "white space",
    ),
    (
        "{ authenticate: [JWT], scopes: { any_of: [a, 'b:{method}'] } }",
        "",
        Level::Error,
        "routes[0].scopes.any_of[1]",
        "a template is not read here",
    ),
    (
        "{ authenticate: [JWT], forward: { headers: { x-a: 'a ' } } }",
        "",
        Level::Error,
        "routes[0].forward.headers.x-a",
        "white space",
    ),
    (
        "{ authenticate: [JWT], forward: { append_headers: { x-a: ' a' } } }",
        "",
        Level::Error,
        "routes[0].forward.append_headers.x-a",
        "white space",
    ),
    (
        "{ authenticate: [JWT], forward: { cookies: { a: '{subject};b' } } }",
        "",
        Level::Error,
        "routes[0].forward.cookies.a",
        "what no cookie may",
    ),
    (
        "{ match: { regex: '/a[?]b#' }, authenticate: [JWT] }",
        "",
        Level::Error,
        "routes[0].match",
        "matches no path that is judged",
    ),
    (
        "{ match: { regex: '/a$b' }, authenticate: [JWT] }",
        "",
        Level::Error,
        "routes[0].match",
        "matches no path that is judged",
    ),
    (
        "{ match: { glob: '/a#*' }, authenticate: [JWT] }",
        "",
        Level::Error,
        "routes[0].match",
        "matches no path that is judged",
    ),
    (
        "{ match: { methods: [GET, TRACE], path: /a }, authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "ROLES",
        Level::Warning,
        "routes[0].rbac",
        "`TRACE` has no verb",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [] }, { kind: RoleBinding, metadata: { name: b }, roles: [r], users: [u] }]\n",
        Level::Warning,
        "role_documents[0]",
        "has no rules",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [{ api: a, resources: [b], namespaces: [], verbs: [] }] }, { kind: RoleBinding, metadata: { name: b }, roles: [r], users: [u] }]\n",
        Level::Warning,
        "role_documents[0]",
        "a rule without verbs",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: RoleBinding, metadata: { name: b }, roles: [], users: [u] }]\n",
        Level::Warning,
        "role_documents[0]",
        "binds no role",
    ),
    (
        "{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }",
        "role_documents: [{ kind: Role, metadata: { name: r }, rules: [{ api: a, resources: [], namespaces: [], verbs: [get] }] }, { kind: RoleBinding, metadata: { name: b }, roles: [r], users: [u] }]\n",
        Level::Warning,
        "role_documents[0]",
        "a rule without resources",
    ),
    (
        "{ match: { path: /a, methods: [] }, authenticate: [JWT] }",
        "",
        Level::Error,
        "routes[0].match.methods",
        "an empty list",
    ),
    (
        "{ match: { path: /a, hosts: [] }, authenticate: [JWT] }",
        "",
        Level::Error,
        "routes[0].match.hosts",
        "an empty list",
    ),
    (
        "{ authenticate: [JWT], cors: { origins: ['https://a.example', 'https://*.com:8443'] } }",
        "",
        Level::Error,
        "routes[0].cors.origins[1]",
        "everybody who has a name below `com`",
    ),
    (
        "{ authenticate: [JWT], cors: { origins: ['https://a.example'], max_age: 1500ms } }",
        "",
        Level::Error,
        "routes[0].cors.max_age",
        "no whole number of seconds",
    ),
];

/// Everything that is said of a row.
pub(crate) fn told(route: &str, more: &str) -> Vec<Problem> {
    let path = if route.contains("match:") { "" } else { "match: { path: /a }, " };
    let route = route.replacen('{', &format!("{{ name: r, {path}"), 1);
    let (route, more) = (route.replace("JWT", "{ jwt: main }"), more.replace("ROLES", ROLES));
    let policy = format!("{ISSUERS}{more}routes: [{route}]\n");
    let document = Document::parse(policy.as_bytes(), Format::Yaml).unwrap();
    match Policy::compile(&document, &[]) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

#[test]
fn mistakes_are_told_with_place_and_fix() {
    for (row, more, level, place, message) in LINTS {
        let problems = told(row, more);
        let of_row = |problem: &&Problem| {
            problem.level == *level && problem.path == *place && problem.message.contains(message)
        };
        let found = problems.iter().find(of_row);
        assert!(found.is_some_and(|problem| !problem.fix.is_empty()), "{row}: {problems:#?}");
        let loads = problems.iter().all(|problem| problem.level == Level::Warning);
        assert_eq!(loads, *level == Level::Warning, "{row}: {problems:#?}");
    }
}

/// What looks like one of the mistakes and is none.
const MEANT: &[(&str, &str)] = &[
    (
        "{ authenticate: [{ anonymous: { subject: guest } }], claims: [{ claim: sub, present: true }] }",
        "",
    ),
    (
        "{ authenticate: [JWT, { anonymous: {} }], claims: [{ claim: suspended, none_of: [true] }], scopes: { none_of: [blocked] } }",
        "",
    ),
    ("{ authenticate: [{ jwt: main, on_invalid: next }, { anonymous: {} }] }", ""),
    ("{ authenticate: [JWT], scopes: { all_of: [a], any_of: [b, c] } }", ""),
    (
        "{ authenticate: [JWT], scopes: { all_of: [a.b], any_of: [a, c], strategy: hierarchic } }",
        "",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, any_of: [a, b] }, { claim: t, none_of: [b] }] }",
        "",
    ),
    ("{ match: { glob: '/orders/{open,closed}' }, authenticate: [JWT] }", ""),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, at_least: 1 }, { claim: t, any_of: [3, 0], at_most: 4 }] }",
        "",
    ),
    (
        "{ authenticate: [JWT], claims: [{ claim: t, present: false }, { claim: tu, any_of: [a] }, { claim: t.u, none_of: [a] }] }",
        "",
    ),
    ("{ authenticate: [JWT], claims: [{ claim: t, any_of: ['{nobody}', '{path.'] }] }", ""),
    ("{ match: { regex: '/a(?:%20|b)$' }, authenticate: [JWT] }", ""),
    ("{ match: { regex: '/a%3Fb' }, authenticate: [JWT] }", ""),
    (
        "{ authenticate: [JWT], forward: { cookies: { a: 'x={subject}' }, query: { q: 'a;b' } } }",
        "",
    ),
    (
        "{ authenticate: [JWT], cors: { origins: ['http://*.localhost:3000', 'https://*.example.com'] } }",
        "",
    ),
    ("{ match: { path: '/a:b/c' }, authenticate: [JWT] }", ""),
    ("{ allow: nobody, on_deny: { redirect: { to: /login, on: [403] } } }", ""),
    ("{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: '{path}' } }", "ROLES"),
    ("{ authenticate: [JWT], rbac: { api: a, resource: b, namespace: acme } }", "ROLES"),
    ("{ authenticate: [JWT], timeout: 1s, failure_mode: closed }", ""),
    (
        "{ authenticate: [{ jwt: main, from: { header: x-token } }], forward: { headers: { x-copy: '{header.x-other}' } } }",
        "",
    ),
];

#[test]
fn what_is_meant_so_is_no_mistake() {
    for (route, more) in MEANT {
        let mut problems = told(route, more);
        // Not every row has tokens.
        problems.retain(|problem| problem.path != "issuers.main");
        assert!(problems.is_empty(), "{route}: {problems:#?}");
    }
}
