//! The fixtures of `errors.rs`: the smallest policy, role file or included file that shows each problem, and its place.
//! Whoever adds an error to the sources adds a row here.

/// A policy of one file, and where one of its problems is; `version: 1` where it says none. Role files are those of the
/// other tests.
pub(crate) const FIXTURES: &[(&str, &str)] = &[
    // What a credential stands in, read again; numbers that are not what was written.
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { header: x-token } }], forward: { headers: { x-copy: '{header.x-token}' } } }]",
        "routes[0]",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { query: t } }], forward: { query: { u: '{query.t}' } } }]",
        "routes[0]",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], claims: [{ claim: v, any_of: [184467440737095516161] }] }]",
        "routes[0].claims[0]",
    ),
    // A credential of our own for the upstream.
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, forward: { credential: { bearer: { token: { env: S } } } } }]",
        "routes[0].forward.credential",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { credential: { basic: { username: a } } } }]",
        "routes[0].forward.credential.basic.password",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { credential: { basic: { password: { env: S } } } } }]",
        "routes[0].forward.credential.basic.username",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { credential: { basic: { username: 'a:b', password: { env: S } } } } }]",
        "routes[0].forward.credential.basic.username",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { credential: { bearer: { token: { env: S, file: s } } } } }]",
        "routes[0].forward.credential.bearer.token",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { credential: { header: { name: host, value: { env: S } } } } }]",
        "routes[0].forward.credential.header.name",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-api-key: a }, credential: { header: { name: X-Api-Key, value: { env: S } } } } }]",
        "routes[0].forward.credential.header.name",
    ),
    (
        "mirror: { sink: { sidecar: {} } }\nissuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], mode: async, forward: { credential: { bearer: { token: { env: S } } } } }]",
        "routes[0].mode",
    ),
    // Pages of other origins, and what the upstream gets.
    (
        "cors: { origins: ['a b'] }\nroutes: [{ name: a, match: { path: /a }, allow: unauthenticated }]",
        "cors.origins",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, cors: { origins: [] } }]",
        "routes[0].cors.origins",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, cors: { origins: ['*', 'https://a.example'], credentials: true, headers: ['*'] } }]",
        "routes[0].cors.origins",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, forward: { append_headers: { host: a, x-set: a }, remove_headers: [host, x-b, x-b], cookies: { 'a b': c }, path: a } }, { name: b, match: { path: /b }, allow: unauthenticated, forward: { headers: { x-set: b } } }]",
        "routes[0].forward.append_headers.host",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { append_headers: { x-a: '{subject}' } } }]",
        "routes[0].forward.append_headers.x-a",
    ),
    (
        "issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }\nforward: { path: '/{subject}' }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }] }, { name: b, match: { path: /b }, allow: unauthenticated }]",
        "forward.path",
    ),
    ("routes: [{ name: a, match: { path: /a }, authenticate: [{}] }]", "routes[0].authenticate[0]"),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }] }]",
        "routes[0].authenticate[0]",
    ),
    (
        r#"issuers: { a: { issuer: 'https://i/6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11/v2.0', hmac: { secret: { env: S } }, audiences: [x] }, b: { issuer: 'https://i/6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11/v2.0', jwks: { discovery: true, cluster: c }, audiences: [x] } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ jwt: a }, { jwt: b }] }]"#,
        "routes[0].authenticate[1]",
    ),
    (
        r#"issuers: { opaque: { introspection: { url: 'https://idp.example/i', client_id: a, client_secret: { env: S } } } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ introspection: opaque }, { introspection: opaque }] }]"#,
        "routes[0].authenticate[1]",
    ),
    (
        r#"issuers: { hs: { issuer: 'https://i', hmac: { secret: { env: S } }, audiences: [x] } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ introspection: hs }] }]"#,
        "routes[0].authenticate[0]",
    ),
    (
        r#"issuers: { opaque: { introspection: { url: 'https://idp.example/i', client_id: a, client_secret: { env: S } } } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: opaque }] }]"#,
        "routes[0].authenticate[0]",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {} }, {}] }]",
        "routes[0].authenticate[0]",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {}, on_invalid: next }] }]",
        "routes[0].authenticate[0].on_invalid",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ client_certificate: { subject: uri_san }, from: { query: t } }] }]",
        "routes[0].authenticate[0].from",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ client_certificate: { subject: uri_san } }, { client_certificate: { subject: uri_san } }] }]",
        "routes[0].authenticate[1]",
    ),
    (
        r#"mirror: { sink: { sidecar: {} } }
roles: [r.yaml]
routes: [{ name: a, match: { path: /a }, mode: async, authenticate: [{ client_certificate: { subject: uri_san } }], rbac: { api: a, resource: b } }]"#,
        "routes[0].mode",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: { subject: '' } }] }]",
        "routes[0].authenticate[0].anonymous.subject",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, present: false }, { claim: x, any_of: [a] }] }]"#,
        "routes[0].claims[1]",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, claims: [{ claim: a..b, any_of: [1] }] }]",
        "routes[0].claims[0].claim",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x }] }]"#,
        "routes[0].claims[0]",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, present: false, any_of: [a] }] }]"#,
        "routes[0].claims[0].present",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, none_of: [[]] }] }]"#,
        "routes[0].claims[0].none_of[0]",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, any_of: [a], none_of: [a] }] }]"#,
        "routes[0].claims[0].none_of",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, at_least: 2, at_most: 1 }] }]"#,
        "routes[0].claims[0].at_least",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, at_most: 1, any_of: [a] }] }]"#,
        "routes[0].claims[0]",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, at_most: 3, all_of: [1, 2] }] }]"#,
        "routes[0].claims[0].all_of",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, forward: { headers: { 'x:y': x } } }]",
        "routes[0].forward.headers.x:y",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, forward: { headers: { x-user: '{subject}' } } }]",
        "routes[0].forward.headers.x-user",
    ),
    (
        "issuers: { a: { introspection: { url: 'https://i', client_id: a, client_secret: { env: S } }, cache: '1h' } }",
        "issuers.a.cache",
    ),
    (
        "issuers: { a: { introspection: { url: 'https://i', client_id: a, client_secret: { env: S } }, issuer: 'https://i/{tenantid}' } }",
        "issuers.a.issuer",
    ),
    ("issuers: { a: { jwks: {} } }", "issuers.a.issuer"),
    ("issuers: { anonymous: {} }", "issuers.anonymous"),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [''], jwks: { discovery: true, cluster: c } } }",
        "issuers.a.audiences",
    ),
    ("issuers: { a: {} }", "issuers.a"),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, clients: [''] } }",
        "issuers.a.clients",
    ),
    (
        "issuers: { a: { issuer: 'a b', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c } } }",
        "issuers.a.issuer",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, tenants: ['6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11'] } }",
        "issuers.a.tenants",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenant}', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c }, tenants: ['6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11'] } }",
        "issuers.a.issuer",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c } } }",
        "issuers.a.tenants",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c }, tenants: ['*', '6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11'] } }",
        "issuers.a.tenants",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c }, tenants: [contoso] } }",
        "issuers.a.tenants[0]",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', audiences: [orders], jwks: { uri: 'https://i/keys', cluster: c }, tenants: ['6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11', '6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11'] } }",
        "issuers.a.tenants[1]",
    ),
    (
        "issuers: { a: { issuer: 'https://i', jwks: { discovery: true, cluster: c }, audience_match: any } }",
        "issuers.a.audience_match",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, max_lifetime: '1h', require_exp: false } }",
        "issuers.a.require_exp",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, algorithms: [HS256] } }",
        "issuers.a.algorithms[0]",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], hmac: { secret: { env: S } }, algorithms: [RS256] } }",
        "issuers.a.algorithms[0]",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], hmac: { secret: { env: S } }, algorithms: [HS1] } }",
        "issuers.a.algorithms[0]",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], hmac: { secret: {} } } }",
        "issuers.a.hmac.secret",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, leeway: '10m' } }",
        "issuers.a.leeway",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, token_type: any } }",
        "issuers.a.token_type",
    ),
    (
        r#"issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', tenants: ['*'], jwks: { uri: 'https://i/k', cluster: c }, audiences: [x] }, b: { issuer: 'https://i/v1/v2.0', jwks: { discovery: true, cluster: c }, audiences: [x] } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ jwt: a }, { jwt: b }] }]"#,
        "issuers.a.tenants",
    ),
    (
        "issuers: { a: { issuer: 'https://i', jwks: { discovery: true, cluster: c } } }",
        "issuers.a.audiences",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, require_exp: false } }",
        "issuers.a.require_exp",
    ),
    (
        "issuers: { a: { issuer: 'https://i/{tenantid}/v2.0', audiences: [orders], jwks: { discovery: true }, tenants: ['6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11'] } }",
        "issuers.a.jwks.discovery",
    ),
    ("issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: {} } }", "issuers.a.jwks"),
    (
        "routes: [{ name: a, match: { path: /a, hosts: ['a:80'] }, allow: unauthenticated }]",
        "routes[0].match.hosts[0]",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { uri: 'https://k/keys', cluster: c, clusters: { other: d } } } }",
        "issuers.a.jwks.clusters.other",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c, clusters: { i: d } } } }",
        "issuers.a.jwks.clusters.i",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { refresh: '10m', max_stale: '9m' } } }",
        "issuers.a.jwks.max_stale",
    ),
    (
        r#"routes: [{ name: admin, match: { path: /admin }, authenticate: [{ jwt: main }] }]
issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [orders] } }"#,
        "issuers.main.jwks.cluster",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-out: '{header.x-out}' } } }]"#,
        "routes[0].forward.headers.x-out",
    ),
    ("hosts: { a.example: { mode: async, failure_mode: open } }", "hosts.a.example.failure_mode"),
    ("roles: [r.yaml]", "roles"),
    ("version: 1", "routes"),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] }, opaque: { introspection: { url: 'https://idp.example/i', client_id: a, client_secret: { env: S } } } }
roles: [r.yaml]
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: x, resource: y } }]"#,
        "issuers.opaque",
    ),
    ("routes: [{ name: a, match: { path: /a }, rbac: { api: a, resource: b } }]", "roles"),
    (
        r#"on_deny: { redirect: { to: login } }
routes: [{ name: a, match: { path: /a }, allow: unauthenticated }]"#,
        "on_deny.redirect.to",
    ),
    (
        r#"on_deny: { redirect: { to: /a, code: 308 } }
routes: [{ name: a, match: { path: /a }, allow: unauthenticated }]"#,
        "on_deny.redirect.code",
    ),
    (
        r#"on_deny: { redirect: { to: /a, return_to: 'a b' } }
routes: [{ name: a, match: { path: /a }, allow: unauthenticated }]"#,
        "on_deny.redirect.return_to",
    ),
    (
        r#"on_deny: { redirect: { to: /a, on: [] } }
routes: [{ name: a, match: { path: /a }, allow: unauthenticated }]"#,
        "on_deny.redirect.on",
    ),
    (
        r#"on_deny: { redirect: { to: /a, on: [503] } }
routes: [{ name: a, match: { path: /a }, allow: unauthenticated }]"#,
        "on_deny.redirect.on",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { query: t, prefix: a } }] }]"#,
        "routes[0].authenticate[0].from.prefix",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: {} }] }]"#,
        "routes[0].authenticate[0].from",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { header: Cookie } }] }]"#,
        "routes[0].authenticate[0].from.header",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { header: x, prefix: '' } }] }]"#,
        "routes[0].authenticate[0].from.prefix",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, equals: '' }] }]"#,
        "routes[0].claims[0].equals",
    ),
    (
        r#"roles: [r.yaml]
routes: [{ name: a, match: { path: /a }, rbac: { api: a, resource: b, verb: read } }]"#,
        "routes[0].rbac.verb",
    ),
    ("routes: [{ name: a, match: { path: /a } }]", "routes[0].authenticate"),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated }, { name: a, match: { path: /b }, allow: unauthenticated }]",
        "routes[1].name",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, allow: unauthenticated, failure_mode: open }]",
        "routes[0].failure_mode",
    ),
    ("routes: [{ name: a, match: { path: /a }, mode: async }]", "routes[0].mode"),
    (
        r#"issuers: { hs: { issuer: 'https://i', hmac: { secret: { env: S } }, audiences: [x] } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ jwt: hs }], mode: async }]"#,
        "routes[0].mode",
    ),
    (
        r#"issuers: { hs: { issuer: 'https://i', hmac: { secret: { env: S } }, audiences: [x] } }
mirror: { sink: { sidecar: {} } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ jwt: hs }], mode: async, failure_mode: open }]"#,
        "routes[0].failure_mode",
    ),
    (
        "routes: [{ name: a, match: { path: /a, methods: [get] }, allow: unauthenticated }]",
        "routes[0].match.methods",
    ),
    (
        "routes: [{ name: one, match: { path: '/a/{x}' }, allow: unauthenticated }, { name: two, match: { path: '/{y}/b' }, allow: unauthenticated }]",
        "routes[1].match",
    ),
    ("routes: [{ name: r, match: { path: /r }, failure_mode: open }]", "routes[0].failure_mode"),
    (
        r#"issuers: { hs: { issuer: 'https://i', hmac: { secret: { env: S } }, audiences: [x] } }
routes: [{ name: r, match: { path: /r }, authenticate: [{ jwt: hs }], failure_mode: open }]"#,
        "routes[0].failure_mode",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], scopes: {} }]"#,
        "routes[0].scopes",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], scopes: { all_of: [a], none_of: [a] } }]"#,
        "routes[0].scopes.none_of",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], scopes: { none_of: ['a b'] } }]"#,
        "routes[0].scopes.none_of[0]",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], scopes: { all_of: ['*'], strategy: wildcard } }]"#,
        "routes[0].scopes.all_of[0]",
    ),
    (
        r#"scopes: {}
routes: [{ name: a, match: { path: /a }, scopes: {} }]"#,
        "scopes",
    ),
    ("hosts: { b.example: {} }", "hosts.b.example"),
    (
        r#"hosts: { a.example: {} }
routes: [{ name: a, match: { path: /a, hosts: [a.example] } }]"#,
        "hosts.a.example",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: sets, match: { path: /s }, allow: unauthenticated, forward: { headers: { x-user: x } } }, { name: a, match: { path: /a }, authenticate: [{ jwt: main, from: { header: X-User } }] }]"#,
        "routes[1].authenticate[0].from.header",
    ),
    ("routes: [", "$"),
    ("timeout: '5h'", "timeout"),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, cache: '25h' } }",
        "issuers.a.cache",
    ),
    (
        r#"hosts: { a.example: { timeout: '5w' } }
routes: [{ name: a, match: { path: /a, hosts: [a.example] } }]"#,
        "hosts.a.example.timeout",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: c }, cache: '1500ms' } }",
        "issuers.a.cache",
    ),
    ("routes: [{ name: 'a b', match: { path: /a }, allow: unauthenticated }]", "routes[0].name"),
    (
        "issuers: { a: { introspection: { url: 'https://gate:canary@i', client_id: a, client_secret: { env: S } } } }",
        "issuers.a.introspection.url",
    ),
    (
        "issuers: { a: { issuer: 'ftp://i', jwks: { discovery: true, cluster: c } } }",
        "issuers.a.issuer",
    ),
    (
        "issuers: { a: { issuer: 'https://i/a b', jwks: { discovery: true, cluster: c } } }",
        "issuers.a.issuer",
    ),
    (
        "issuers: { a: { issuer: 'https://i', audiences: [orders], jwks: { discovery: true, cluster: 'a b' } } }",
        "issuers.a.jwks.cluster",
    ),
    (
        "issuers: { a: { issuer: 'http://i', audiences: [orders], jwks: { discovery: true, cluster: c } } }",
        "issuers.a.issuer",
    ),
    ("routes: [{ match: { path: '${' } }]", "routes[0].match.path"),
    (
        "issuers: { o: { introspection: { client_id: '${SERVICE}' } } }",
        "issuers.o.introspection.client_id",
    ),
    ("mirror: { sink: { sidecar: {} }, redact: { json: [pin] } }", "mirror.redact.json"),
    (
        "mirror: { sink: { sidecar: {} }, redact: { headers: [x-ok, 'x-internal:'] } }",
        "mirror.redact.headers[1]",
    ),
    (
        "mirror: { sink: { sidecar: {} }, redact: { query: [sig, '?sig'] } }",
        "mirror.redact.query[1]",
    ),
    (
        "issuers: { a: { introspection: { url: 'https://i', client_id: a, client_secret: { file: '' } } } }",
        "issuers.a.introspection.client_secret.file",
    ),
    (
        "issuers: { a: { introspection: { url: 'https://i', client_id: a, client_secret: { env: 'A=B' } } } }",
        "issuers.a.introspection.client_secret.env",
    ),
    (
        "issuers: { a: { introspection: { url: 'https://i', client_id: '', client_secret: { env: S } } } }",
        "issuers.a.introspection.client_id",
    ),
    (
        "mirror: { sink: { sidecar: {} }, bodies: { max_bytes: 9999999, content_types: [json] } }",
        "mirror.bodies.max_bytes",
    ),
    (
        "mirror: { sink: { sidecar: {} }, bodies: { content_types: [png] } }",
        "mirror.bodies.content_types[0]",
    ),
    (
        "mirror: { sink: { sidecar: {} }, bodies: { content_types: [xml] } }",
        "mirror.bodies.content_types[0]",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: '/a/{id}' }, authenticate: [{ jwt: main }], claims: [{ claim: x, equals: '{path.nope}' }] }]"#,
        "routes[0].claims[0].equals",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-out: '{query.}' } } }]"#,
        "routes[0].forward.headers.x-out",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-out: '{header.}' } } }]"#,
        "routes[0].forward.headers.x-out",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-out: '{header.Cookie}' } } }]"#,
        "routes[0].forward.headers.x-out",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-out: '{header.host}' } } }]"#,
        "routes[0].forward.headers.x-out",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, forward: { headers: { x-a: 'canary{' } } }]",
        "routes[0].forward.headers.x-a",
    ),
    ("routes: [{ name: a, match: { path: a } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/{**}/a' } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/a?b' } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/a;b' } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/{x}/{x}' } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/a/*' } }]", "routes[0].match.path"),
    ("routes: [{ name: a, match: { path: '/a/%2e' } }]", "routes[0].match.path"),
    (
        r#"version: 2
routes: []"#,
        "version",
    ),
    ("include: [a.yaml]", "include[0]"),
    (
        r#"issuers: { main: { issuer: https://idp.example, jwks: { uri: https://idp.example/k, cluster: idp }, audiences: [a] }, two: { issuer: https://two.example, jwks: { uri: https://two.example/k, cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { X-User: a, x-user: b } } }]"#,
        "routes[0].forward.headers.x-user",
    ),
    (
        r#"issuers: { main: { issuer: https://idp.example, jwks: { uri: https://idp.example/k, cluster: idp }, audiences: [a] }, two: { issuer: https://two.example, jwks: { uri: https://two.example/k, cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: '{nothing}', resource: b } }]"#,
        "routes[0].rbac.api",
    ),
    (
        r#"issuers: { main: { issuer: https://idp.example, jwks: { uri: https://idp.example/k, cluster: idp }, audiences: [a] }, two: { issuer: https://two.example, jwks: { uri: https://two.example/k, cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }, { jwt: two }], rbac: { api: a, resource: b } }]"#,
        "routes[0].rbac.user",
    ),
    ("mirror: { sink: { sidecar: {} }, bodies: {} }", "mirror.bodies.content_types"),
    (
        r#"issuers: { main: { issuer: https://idp.example, jwks: { uri: https://idp.example/k, cluster: idp }, audiences: [a] }, two: { issuer: https://two.example, jwks: { uri: https://two.example/k, cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-user: 'a}' } } }]"#,
        "routes[0].forward.headers.x-user",
    ),
    (
        r#"issuers: { main: { issuer: https://idp.example, jwks: { uri: https://idp.example/k, cluster: idp }, audiences: [a] }, two: { issuer: https://two.example, jwks: { uri: https://two.example/k, cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], forward: { headers: { x-user: "a\u0007" } } }]"#,
        "routes[0].forward.headers.x-user",
    ),
    (
        "routes: [{ name: a, match: { path: '/{a b}' }, allow: unauthenticated }]",
        "routes[0].match.path",
    ),
    (
        "routes: [{ name: a, match: { path: /a, regex: /a }, allow: unauthenticated }]",
        "routes[0].match",
    ),
    (
        "routes: [{ name: a, match: { path: /a, encoded_slashes: allow }, allow: unauthenticated }]",
        "routes[0].match.encoded_slashes",
    ),
    (
        "routes: [{ name: a, match: { path: '/a/{**}' }, allow: unauthenticated }, { name: b, match: { regex: '/a/[0-9]+' }, allow: unauthenticated }]",
        "routes[1].match",
    ),
    (
        "routes: [{ name: a, match: { regex: '/(?i)a' }, allow: unauthenticated }]",
        "routes[0].match.regex",
    ),
    (
        "routes: [{ name: a, match: { regex: '/(?<a.b>x)' }, allow: unauthenticated }]",
        "routes[0].match.regex",
    ),
    (
        "routes: [{ name: a, match: { regex: '/a b' }, allow: unauthenticated }]",
        "routes[0].match.regex",
    ),
    (
        "routes: [{ name: a, match: { regex: '/(' }, allow: unauthenticated }]",
        "routes[0].match.regex",
    ),
    (
        "routes: [{ name: a, match: { regex: '/.*a.{20}' }, allow: unauthenticated }, { name: b, match: { regex: '/.*b.{20}' }, allow: unauthenticated }]",
        "routes",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
role_documents: [{ kind: Role, metadata: { name: r }, rules: [] }, { kind: RoleBinding, metadata: { name: b }, groups: [g], roles: [r] }]
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, user: '{subject}' } }]"#,
        "role_documents",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
role_documents: [{ kind: Role, metadata: { name: r }, rules: [] }, { kind: RoleBinding, metadata: { name: b }, roles: [r] }]
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, user: '{subject}' } }]"#,
        "role_documents",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], authorization: rbac }]"#,
        "routes[0].authorization",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], authorization: always_deny, rbac: { api: a, resource: b, user: '{subject}' } }]"#,
        "routes[0].authorization",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
authorization: always_allow
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], rbac: { api: a, resource: b, user: '{subject}' } }]"#,
        "routes[0].rbac",
    ),
    (
        r#"issuers: { main: { issuer: 'https://idp.example', jwks: { uri: 'https://idp.example/k', cluster: idp }, audiences: [a] }, two: { issuer: 'https://two.example', jwks: { uri: 'https://two.example/k', cluster: two }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }, { jwt: two }], rbac: { api: a, resource: b, user: '{subject}', groups: groups } }]"#,
        "routes[0].rbac.groups",
    ),
    (
        "routes: [{ name: a, match: { path: /a }, authenticate: [{ anonymous: {} }], scopes: { all_of: [a] } }]",
        "routes[0].scopes",
    ),
];

/// A role file, and where it is wrong.
pub(crate) const ROLES: &[(&str, &str)] = &[
    ("kind: [", "r.yaml"),
    ("kind: Cluster", "r.yaml"),
    (
        "kind: Role\nmetadata: { name: a }\nrules: []\n---\nkind: Role\nmetadata: { name: a }\nrules: []",
        "r.yaml",
    ),
    ("kind: RoleBinding\nmetadata: { name: b }\nusers: [u]\nroles: [nobody]", "r.yaml"),
];

/// A file that a policy includes, and where it is wrong. `SET` is a variable.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("mode: sync", "a.yaml: mode"),
    ("issuers: []", "a.yaml: issuers"),
    ("routes: '${MISSING}'", "routes"),
    ("routes: '${'", "routes"),
    ("issuers: { a: { hmac: { secret: 'pa${ss' } } }", "issuers.a.hmac.secret"),
    ("- a", "$"),
    (
        "issuers: { a: { issuer: '${SET}', hmac: { secret: { env: SET } } } }",
        "a.yaml: issuers.a.hmac.secret.env",
    ),
    ("issuers: { main: {} }", "a.yaml: issuers.main"),
];
