//! The table. A row says what is sent and what every door has to make of it.

use sallyport_policy::Reason;

use super::Credential::{self, Around, Bearer, No, Raw, Two};
use super::{Differs, tokens as t};
use Reason::*;

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What happens.
    pub name: &'static str,
    /// The method.
    pub method: &'static str,
    /// The authority.
    pub host: &'static str,
    /// The path, before the query that tells rows apart.
    pub path: &'static str,
    /// The credential.
    pub credential: Credential,
    /// More headers.
    pub headers: &'static [(&'static str, &'static [u8])],
    /// The route that judges; empty: none.
    pub rule: &'static str,
    /// Why.
    pub reason: Reason,
    /// Why it would have been denied.
    pub would_deny: Option<Reason>,
    /// The status of the answer where it is not the reason's.
    pub status: Option<u16>,
    /// What Envoy does differently.
    pub envoy: Differs,
    /// What the sidecar's HTTP server does differently.
    pub http: Differs,
}

pub(super) const fn get(
    name: &'static str,
    path: &'static str,
    credential: Credential,
    rule: &'static str,
    reason: Reason,
) -> Row {
    Row {
        name,
        method: "GET",
        host: "api.example.com",
        path,
        credential,
        headers: &[],
        rule,
        reason,
        would_deny: None,
        status: None,
        envoy: Differs::No,
        http: Differs::No,
    }
}

/// A request for an order, on which most tokens are tried.
const fn order(name: &'static str, credential: Credential, reason: Reason) -> Row {
    get(name, "/orders/42", credential, "read-order", reason)
}

/// A path that is no path, with a good token.
const fn malformed(name: &'static str, path: &'static str) -> Row {
    get(name, path, Bearer(t::good), "", RequestMalformed)
}

impl Row {
    pub(super) const fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    const fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    pub(super) const fn rule(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    pub(super) const fn with(mut self, headers: &'static [(&'static str, &'static [u8])]) -> Self {
        self.headers = headers;
        self
    }

    const fn would_deny(mut self, reason: Reason) -> Self {
        self.would_deny = Some(reason);
        self
    }

    pub(super) const fn answered(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    const fn envoy_refuses(mut self) -> Self {
        self.envoy = Differs::Refuses;
        self
    }

    /// Envoy's `normalize_path` and `merge_slashes` come before every filter.
    const fn envoy_reads(mut self, rule: &'static str, reason: Reason) -> Self {
        self.envoy = Differs::Reads(reason, rule);
        self
    }

    /// An answer over HTTP has no way to change the path, so the door does not allow the request.
    pub(super) const fn not_over_http_ext_authz(mut self) -> Self {
        self.http = Differs::Reads(DependencyUnavailable, self.rule);
        self
    }

    /// No request-target has a fragment (RFC 9112 section 3.2); hyper cuts it off before our code.
    pub(super) const fn not_over_http(mut self) -> Self {
        self.http = Differs::NotAsked;
        self
    }
}

/// Rows about tokens, requirements and routes.
pub(super) const ROWS: &[Row] = &[
    // Tokens.
    order("RS256", Bearer(t::good), Allowed),
    order("ES256", Bearer(t::es256), Allowed),
    order("EdDSA", Bearer(t::eddsa), Allowed),
    order("expired", Bearer(t::expired), TokenExpired),
    order("nbf later", Bearer(t::not_yet), TokenNotYetValid),
    order("iat later", Bearer(t::issued_later), TokenNotYetValid),
    order("no exp", Bearer(t::no_exp), TokenMalformed),
    order("exp is text", Bearer(t::exp_text), TokenMalformed),
    order("exp is a fraction", Bearer(t::exp_fraction), Allowed),
    order("exp is 0", Bearer(t::exp_zero), TokenExpired),
    order("other audience", Bearer(t::wrong_audience), AudienceMismatch),
    order("no audience", Bearer(t::no_audience), AudienceMismatch),
    order("audience in a list", Bearer(t::audience_list), Allowed),
    order("list of other audiences", Bearer(t::other_audiences), AudienceMismatch),
    order("other issuer", Bearer(t::wrong_issuer), IssuerUnknown),
    order("no issuer", Bearer(t::no_issuer), IssuerUnknown),
    order("issuer with a slash more", Bearer(t::issuer_slash), IssuerUnknown),
    order("unknown kid", Bearer(t::unknown_kid), KeyUnknown),
    order("no kid", Bearer(t::no_kid), Allowed),
    order("kid of a key for another algorithm", Bearer(t::other_kid), AlgorithmNotAllowed),
    order("kid is a number", Bearer(t::number_kid), TokenMalformed),
    order("bad RS256 signature", Bearer(t::bad_rs256), SignatureInvalid),
    order("bad ES256 signature", Bearer(t::bad_es256), SignatureInvalid),
    order("bad EdDSA signature", Bearer(t::bad_eddsa), SignatureInvalid),
    order("alg none", Bearer(t::alg_none), AlgorithmNotAllowed),
    order("HS256 with the public key", Bearer(t::hs256), AlgorithmNotAllowed),
    order("RS384, not in the policy", Bearer(t::rs384), AlgorithmNotAllowed),
    order("PS256, not in the policy", Bearer(t::ps256), AlgorithmNotAllowed),
    order("key for encryption", Bearer(t::encryption_key), KeyUnknown),
    order("crit", Bearer(t::crit), TokenMalformed),
    order("jku", Bearer(t::jku), Allowed),
    order("embedded key", Bearer(t::embedded_key), Allowed),
    order("typ at+jwt", Bearer(t::access_type), Allowed),
    order("typ logout+jwt", Bearer(t::logout_type), TokenTypeMismatch),
    order("refresh token", Bearer(t::refresh_jwt), TokenTypeMismatch),
    order("ID token", Bearer(t::id_token), TokenTypeMismatch),
    order("garbage in three parts", Bearer(t::garbage), TokenMalformed),
    order("two parts", Bearer(t::two_parts), TokenMalformed),
    order("four parts", Bearer(t::four_parts), TokenMalformed),
    order("one character more", Bearer(t::trailing_character), SignatureInvalid),
    order("padding", Bearer(t::padded), TokenMalformed),
    order("JWE", Bearer(t::jwe), TokenMalformed),
    order("17 KiB", Bearer(t::too_long), TokenMalformed),
    order("opaque where JWT is asked for", Bearer(t::active), TokenMalformed),
    // Credentials.
    order("no credential", No, TokenMissing),
    order("scheme in lower case", Around("bearer ", t::good, ""), Allowed),
    order("two spaces", Around("Bearer  ", t::good, ""), Allowed),
    order("scheme alone", Raw(b"Bearer"), TokenMalformed),
    order("no scheme", Around("", t::good, ""), TokenMalformed),
    order("Basic", Raw(b"Basic dTpw"), TokenMissing),
    order("Digest with commas", Raw(b"Digest a=b, c=d"), TokenMissing),
    order("empty", Raw(b""), TokenMalformed),
    order("not UTF-8", Raw(b"Bearer \xff\xfe"), TokenMalformed),
    order("word after the token", Around("Bearer ", t::good, " x"), TokenMalformed),
    get("two headers", "/orders/1", Two(t::good, t::good), "", CredentialAmbiguous),
    get("joined", "/orders/1", Around("Bearer a, Bearer ", t::good, ""), "", CredentialAmbiguous),
    get("comma at the end", "/orders/1", Around("Bearer ", t::good, ","), "", CredentialAmbiguous),
    get(
        "Basic joined",
        "/orders/1",
        Around("Basic eA==,Bearer ", t::good, ""),
        "",
        CredentialAmbiguous,
    ),
    // Scopes.
    order("scope missing", Bearer(t::no_scope), ScopeMissing),
    order("scope is a prefix", Bearer(t::scope_prefix), ScopeMissing),
    order("scope in another case", Bearer(t::scope_case), ScopeMissing),
    order("scp as a list", Bearer(t::scope_list), Allowed),
    order("scope is a number", Bearer(t::scope_number), ScopeMissing),
    get("one of the scopes", "/orders/latest", Bearer(t::latest), "latest-order", Allowed),
    get("none of the scopes", "/orders/latest", Bearer(t::good), "latest-order", ScopeMissing),
    get("no refused scope", "/scoped/exclusive", Bearer(t::good), "exclusive", Allowed),
    get("no scope at all", "/scoped/exclusive", Bearer(t::no_scope), "exclusive", Allowed),
    get(
        "refused scope",
        "/scoped/exclusive",
        Bearer(t::scope_refused),
        "exclusive",
        ScopeForbidden,
    ),
    get("scope above", "/scoped/hierarchic", Bearer(t::good), "hierarchic", Allowed),
    get("scope below", "/scoped/hierarchic", Bearer(t::scope_child), "hierarchic", ScopeMissing),
    get(
        "refused scope above",
        "/scoped/hierarchic",
        Bearer(t::scope_parent),
        "hierarchic",
        ScopeForbidden,
    ),
    get("star is literal", "/scoped/hierarchic", Bearer(t::scope_star), "hierarchic", ScopeMissing),
    get("star", "/scoped/wildcard", Bearer(t::scope_star), "wildcard", Allowed),
    get("stars in front", "/scoped/wildcard", Bearer(t::scope_stars), "wildcard", Allowed),
    get("no pattern", "/scoped/wildcard", Bearer(t::scope_parent), "wildcard", ScopeMissing),
    get("glued star", "/scoped/wildcard", Bearer(t::scope_glued_star), "wildcard", ScopeMissing),
    get(
        "star that fits too much",
        "/scoped/wildcard",
        Bearer(t::scope_anything),
        "wildcard",
        ScopeForbidden,
    ),
    // Headers of the identity.
    order("no subject", Bearer(t::no_subject), Allowed),
    order("line break in the subject", Bearer(t::newline_subject), Allowed),
    order("subject beyond ASCII", Bearer(t::unicode_subject), Allowed),
    order("underscore spelling", Bearer(t::good), Allowed)
        .with(&[("x_user", b"mallory")])
        .envoy_refuses(),
    order("identity header twice", Bearer(t::good), Allowed)
        .with(&[("x-user", b"root"), ("x-user", b"")]),
    order("bytes in an identity header", Bearer(t::good), Allowed).with(&[("x-tenant", b"\xff")]),
    order("bytes in another header", Bearer(t::good), Allowed).with(&[("x-other", b"\xff\x80")]),
    // Claims.
    get("claims fit", "/staff/a/b", Bearer(t::good), "staff", Allowed),
    get("claim is text", "/staff/a", Bearer(t::role_text), "staff", Allowed),
    get("claim in a list", "/staff/a", Bearer(t::tenant_list), "staff", Allowed),
    get("role missing", "/staff/a", Bearer(t::no_role), "staff", ClaimMismatch),
    get("claim missing", "/staff/a", Bearer(t::roles_gone), "staff", ClaimMismatch),
    get("second claim differs", "/staff/a", Bearer(t::other_tenant), "staff", ClaimMismatch),
    get("claim is the path's", "/members/acme/7", Bearer(t::member), "member", Allowed),
    get("path is another's", "/members/globex/7", Bearer(t::member), "member", ClaimMismatch),
    get("path is escaped", "/members/acm%C3%A9/7", Bearer(t::member), "member", ClaimMismatch),
    get("number reads otherwise", "/members/acme/07", Bearer(t::member), "member", ClaimMismatch),
    get("number is text", "/members/acme/7", Bearer(t::member_text), "member", ClaimMismatch),
    get("number is absent", "/members/acme/7", Bearer(t::good), "member", ClaimMismatch),
    get(
        "number at the bound",
        "/members/acme/9007199254740993",
        Bearer(t::member_large),
        "member",
        Allowed,
    ),
    get(
        "number above the bound by one",
        "/members/acme/9007199254740994",
        Bearer(t::member_too_large),
        "member",
        ClaimMismatch,
    ),
    get(
        "claim is refused",
        "/members/acme/7",
        Bearer(t::member_suspended),
        "member",
        ClaimMismatch,
    ),
    get(
        "claim that may not be",
        "/members/acme/7",
        Bearer(t::member_acting),
        "member",
        ClaimMismatch,
    ),
    get("claim reads as the request", "/caller?plan=a%20b", Bearer(t::caller), "caller", Allowed)
        .with(&[("X-Plan", b"gold")]),
    get("header missing", "/caller?plan=a%20b", Bearer(t::caller), "caller", ClaimMismatch),
    get("header twice", "/caller?plan=a%20b", Bearer(t::caller), "caller", ClaimMismatch)
        .with(&[("x-plan", b"gold"), ("x-plan", b"gold")]),
    get("header no text", "/caller?plan=a%20b", Bearer(t::caller), "caller", ClaimMismatch)
        .with(&[("x-plan", b"\xff")]),
    get("query key twice", "/caller?plan=a%20b&plan=x", Bearer(t::caller), "caller", ClaimMismatch)
        .with(&[("x-plan", b"gold")]),
    get("query with a plus", "/caller?plan=a+b", Bearer(t::caller), "caller", ClaimMismatch)
        .with(&[("x-plan", b"gold")]),
    get("query cut twice", "/caller?plan=a%20b;", Bearer(t::caller), "caller", ClaimMismatch)
        .with(&[("x-plan", b"gold")]),
    get(
        "other method than the claim's",
        "/caller?plan=a%20b",
        Bearer(t::caller),
        "caller",
        ClaimMismatch,
    )
    .with(&[("x-plan", b"gold")])
    .method("POST"),
    get(
        "other host than the claim's",
        "/caller?plan=a%20b",
        Bearer(t::caller),
        "caller",
        ClaimMismatch,
    )
    .with(&[("x-plan", b"gold")])
    .host("evil.example"),
    // Roles.
    get("role allows", "/clusters/c", Bearer(t::good), "cluster", Allowed),
    get("HEAD is get", "/clusters/c", Bearer(t::good), "cluster", Allowed).method("HEAD"),
    get("role denies", "/clusters/c", Bearer(t::good), "cluster", RoleMissing).method("DELETE"),
    get("role allows delete", "/clusters/c", Bearer(t::root), "cluster", Allowed).method("DELETE"),
    get("method without a route", "/clusters/c", Bearer(t::root), "", NoRoute).method("OPTIONS"),
    get("other namespace", "/clusters/c", Bearer(t::other_tenant), "cluster", RoleMissing),
    get("no namespace", "/clusters/c", Bearer(t::no_tenant), "cluster", RoleMissing),
    get("any namespace", "/clusters/c", Bearer(t::root_other_tenant), "cluster", Allowed),
    get("no subject", "/clusters/c", Bearer(t::no_subject), "cluster", RoleMissing),
    get("list_all denied", "/clusters", Bearer(t::good), "clusters", RoleMissing),
    get("list_all by introspection", "/clusters", Bearer(t::active_root), "clusters", Allowed),
    get(
        "namespace of the path",
        "/tenants/acme/clusters",
        Bearer(t::good),
        "namespace-of-path",
        Allowed,
    ),
    get(
        "other one of the path",
        "/tenants/globex/clusters",
        Bearer(t::good),
        "namespace-of-path",
        RoleMissing,
    ),
    // Introspection.
    get("active", "/reports/r", Bearer(t::active), "report", Allowed),
    get("JWT first", "/reports/r", Bearer(t::reports), "report", Allowed),
    get("JWT without the scope", "/reports/r", Bearer(t::good), "report", ScopeMissing),
    get("expired JWT is final", "/reports/r", Bearer(t::expired), "report", TokenExpired),
    get(
        "foreign JWT, vouched for",
        "/reports/r",
        Bearer(t::foreign_but_vouched),
        "report",
        Allowed,
    ),
    get("inactive", "/reports/r", Bearer(t::inactive), "report", TokenInactive),
    get("unknown", "/reports/r", Bearer(t::unknown_opaque), "report", TokenInactive),
    get("refresh", "/reports/r", Bearer(t::opaque_refresh), "report", TokenTypeMismatch),
    get("ID", "/reports/r", Bearer(t::opaque_id), "report", TokenTypeMismatch),
    get("active, yet expired", "/reports/r", Bearer(t::opaque_expired), "report", TokenExpired),
    get("active, not yet", "/reports/r", Bearer(t::opaque_not_yet), "report", TokenNotYetValid),
    get(
        "for another audience",
        "/reports/r",
        Bearer(t::opaque_audience),
        "report",
        AudienceMismatch,
    ),
    get("for no audience", "/reports/r", Bearer(t::opaque_no_audience), "report", AudienceMismatch),
    get("reply is junk", "/reports/r", Bearer(t::opaque_junk), "report", DependencyUnavailable),
    get(
        "opaque without the scope",
        "/reports/r",
        Bearer(t::active_no_scope),
        "report",
        ScopeMissing,
    ),
    get("nothing to ask about", "/opaque/x", No, "opaque-only", TokenMissing),
    get("opaque only", "/opaque/x", Bearer(t::active), "opaque-only", Allowed),
    get("JWT at the endpoint", "/opaque/x", Bearer(t::good), "opaque-only", Allowed),
    get("next after an expired JWT", "/either/x", Bearer(t::expired), "either", TokenInactive),
    get(
        "next after a wrong audience",
        "/either/x",
        Bearer(t::wrong_audience),
        "either",
        AudienceMismatch,
    ),
    get("next not needed", "/either/x", Bearer(t::good), "either", Allowed),
    // Shadow, credential, open.
    get("shadow, no token", "/shadowed/x", No, "shadowed", Allowed).would_deny(TokenMissing),
    get("shadow, scope missing", "/shadowed/x", Bearer(t::good), "shadowed", Allowed)
        .would_deny(ScopeMissing),
    get("credential goes on", "/keeps/x", Bearer(t::good), "keeps-credential", Allowed),
    get("open", "/healthz", Bearer(t::expired), "health", AllowedUnauthenticated),
    // Routes.
    get("no route", "/nowhere", Bearer(t::good), "", NoRoute),
    get("one segment more", "/orders/42/items", Bearer(t::good), "", NoRoute),
    get("one segment less", "/orders", Bearer(t::good), "", NoRoute),
    get("empty variable", "/orders/", Bearer(t::good), "", NoRoute),
    get("other case", "/Orders/42", Bearer(t::good), "", NoRoute),
    order("other method", Bearer(t::good), NoRoute).method("POST").rule(""),
    order("method in lower case", Bearer(t::good), NoRoute).method("get").rule("").envoy_refuses(),
    order("host with port and capitals", Bearer(t::good), Allowed).host("API.Example.com:8443"),
    order("host with a route of its own", Bearer(t::good), ScopeMissing)
        .host("admin.example.com")
        .rule("admin-order"),
    order("and its scope", Bearer(t::admin), Allowed)
        .host("admin.example.com.")
        .rule("admin-order"),
    order("host below a wildcard", Bearer(t::good), Allowed)
        .host("a.b.internal.example")
        .rule("internal"),
    order("host beside the wildcard", Bearer(t::good), Allowed).host("internal.example"),
    order("host with an empty label", Bearer(t::good), RequestMalformed)
        .host("api..example.com")
        .rule(""),
    order("host with user information", Bearer(t::good), RequestMalformed)
        .host("a@api.example.com")
        .rule(""),
    get("shut", "/shut/x", Bearer(t::good), "shut", DeniedByRule),
    get("shut to nobody in particular", "/shut/x", No, "shut", DeniedByRule),
    get("shut to garbage", "/shut/x", Bearer(t::garbage), "shut", DeniedByRule),
    get("shut in shadow", "/shut-in-shadow", No, "shut-in-shadow", Allowed)
        .would_deny(DeniedByRule),
    // Patterns.
    get("regex", "/numbered/42", Bearer(t::good), "numbered", Allowed),
    get("regex with a rest", "/numbered/42/x%20y", Bearer(t::good), "numbered", Allowed),
    get("regex, no token", "/numbered/42", No, "numbered", TokenMissing),
    get("glob", "/numbered/x42", No, "lettered", AllowedUnauthenticated),
    get("neither", "/numbered/x.42", No, "any-numbered", DeniedByRule),
    get("not the whole path", "/numbered/42x", No, "any-numbered", DeniedByRule),
    get("not its start", "/x/numbered/42", No, "", NoRoute),
    get("pattern of any method", "/numbered/42", Bearer(t::good), "any-numbered", DeniedByRule)
        .method("POST"),
    get("pattern in another case", "/Numbered/42", No, "", NoRoute),
    malformed("parameter in a pattern", "/numbered/42;x"),
    malformed("escaped slash in a pattern", "/numbered/42%2Fx"),
    // Inheritance.
    get("scope of the host", "/inherited", Bearer(t::good), "inherits", ScopeMissing)
        .host("inherits.example"),
    get("header of the host", "/inherited", Bearer(t::admin), "inherits", Allowed)
        .host("INHERITS.example.:8443"),
    get("host without settings", "/inherited", Bearer(t::good), "inherits", Allowed)
        .host("plain.example"),
    get("host without the route", "/inherited", Bearer(t::good), "", NoRoute),
    // Hosts.
    get("IPv6", "/address", No, "address", AllowedUnauthenticated).host("[::1]"),
    get("IPv6 with port", "/address", No, "address", AllowedUnauthenticated).host("[::1]:8443"),
    get("IPv6 in another spelling", "/address", No, "address", AllowedUnauthenticated)
        .host("[0:0:0:0:0:0:0:1]"),
    get("IPv6 without brackets", "/address", No, "", RequestMalformed).host("::1"),
    get("host with two dots at the end", "/orders/42", No, "", RequestMalformed)
        .host("api.example.com.."),
    get("host with two ports", "/orders/42", No, "", RequestMalformed)
        .host("api.example.com:80:80"),
    get("port that is none", "/orders/42", No, "", RequestMalformed).host("api.example.com:http"),
    get("port that is too large", "/orders/42", No, "", RequestMalformed)
        .host("api.example.com:65536"),
    get("two hosts", "/orders/42", No, "", RequestMalformed).host("api.example.com,a.example"),
    // Paths.
    get("escaped space", "/orders/a%20b", Bearer(t::good), "read-order", Allowed),
    get("escaped percent", "/orders/100%25", Bearer(t::good), "read-order", Allowed),
    get("escaped UTF-8", "/orders/%E2%82%AC", Bearer(t::good), "read-order", Allowed),
    get("escaped line break", "/orders/a%0d%0ax", Bearer(t::good), "", RequestMalformed),
    get("dots that are no segment", "/orders/..a...b", Bearer(t::good), "read-order", Allowed),
    get("query with dots", "/orders/42?x=/../admin", Bearer(t::good), "read-order", Allowed),
    malformed("dot segment", "/orders/../admin/x").envoy_reads("admin", ScopeMissing),
    malformed("one dot", "/admin/./x").envoy_reads("admin", ScopeMissing),
    malformed("escaped dots", "/orders/%2e%2E/admin/x").envoy_reads("admin", ScopeMissing),
    malformed("dots with a parameter", "/orders/..;a/admin/x").envoy_reads("admin", ScopeMissing),
    malformed("two slashes in front", "//admin/x").envoy_reads("admin", ScopeMissing),
    malformed("two slashes", "/admin//x").envoy_reads("admin", ScopeMissing),
    malformed("escaped letter", "/%61dmin/x").envoy_reads("admin", ScopeMissing),
    // A route of the policy allows escaped slashes, so Envoy lets all of them pass.
    malformed("escaped slash", "/admin%2fx"),
    malformed("escaped slash where nothing is", "/nowhere%2Fx"),
    malformed("escaped backslash", "/admin%5Cx"),
    malformed("escaped backslash where slashes may be escaped", "/files/a%5Cx"),
    malformed("slash escaped twice", "/files/a%252Fb"),
    get("escaped slash, allowed", "/files/a%2Fb", Bearer(t::good), "files", Allowed),
    get("two of them", "/files/a%2Fb%2fc/d", Bearer(t::good), "files", Allowed),
    get("escaped slash, no token", "/files/a%2Fb", No, "files", TokenMissing),
    malformed("escaped slash to another route", "/files/private%2Fx"),
    malformed("escaped slash out of the route", "/files%2Fa"),
    malformed("escaped slash and dots", "/files/a%2F..%2Fprivate/x"),
    malformed("dots and an escaped slash", "/files/..%2Fadmin/x"),
    malformed("dot and an escaped slash", "/files/.%2Fx"),
    malformed("escaped slash at the end", "/files/a%2F"),
    malformed("escaped slash at the start", "/files/%2Fa"),
    malformed("two escaped slashes", "/files/a%2F%2Fb"),
    malformed("escaped slash behind a parameter", "/files/x;y%2F..%2Fprivate/z"),
    malformed("parameter behind an escaped slash", "/files/private%2F;x/y"),
    get(
        "escaped slash in a variable",
        "/files-of/a%2Fb/c",
        Bearer(t::good),
        "tenant-files",
        Allowed,
    ),
    get("empty query", "/orders/42?", Bearer(t::good), "read-order", Allowed),
    malformed("parameter that hides a route", "/admin;x/y"),
    get("parameter that hides none", "/staff/a;x=1/b", Bearer(t::good), "staff", Allowed),
    malformed("parameter without a name", "/staff/;x/b"),
    malformed("escaped twice", "/orders/%252e%252e"),
    malformed("NUL", "/admin/%00x").envoy_refuses(),
    malformed("broken escape", "/admin/%zzx"),
    malformed("half an escape", "/admin/%2"),
    malformed("overlong escape", "/%c0%ae%c0%ae/admin"),
    malformed("backslash", "/orders\\..\\admin").envoy_reads("", NoRoute),
    malformed("fragment", "/orders/42#x").envoy_refuses().not_over_http(),
];
