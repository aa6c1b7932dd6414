//! Rows about where credentials stand, and which of several decides.

use sallyport_policy::Reason::{self, *};

use super::Credential::{self, Around, At, Bearer, No, Raw, Two};
use super::Place::{self, Header, Query};
use super::table::{Row, get};
use super::{Mint, tokens as t};

const fn auth(before: &'static str, mint: Mint) -> Place {
    Header("authorization", before, mint, "")
}

const fn bearer(mint: Mint) -> Place {
    auth("Bearer ", mint)
}

const fn token(mint: Mint) -> Place {
    Header("x-token", "", mint, "")
}

const fn session(mint: Mint) -> Place {
    Header("cookie", "session=", mint, "")
}

const fn access(mint: Mint) -> Place {
    Query("access_token=", mint, "")
}

const fn raw(name: &'static str, credential: Credential, reason: Reason) -> Row {
    get(name, "/raw/1", credential, "raw", reason)
}

const fn bare(name: &'static str, credential: Credential, reason: Reason) -> Row {
    get(name, "/bare/1", credential, "bare", reason)
}

const fn header(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/header/1", At(places), "header", reason)
}

const fn prefix(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/prefix/1", At(places), "prefix", reason)
}

const fn query(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/query/1", At(places), "query", reason)
}

const fn ticket(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/opaque-query/1", At(places), "opaque-query", reason)
}

const fn cookie(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/cookie/1", At(places), "cookie", reason)
}

const fn opaque(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/opaque-cookie/1", At(places), "opaque-cookie", reason)
}

const fn many(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/many/1", At(places), "many", reason)
}

const fn guest(name: &'static str, places: &'static [Place], reason: Reason) -> Row {
    get(name, "/guest/1", At(places), "guest", reason)
}

const fn member(name: &'static str, credential: Credential, reason: Reason) -> Row {
    get(name, "/guest-scope/1", credential, "guest-scope", reason)
}

/// All rows.
pub(super) const ROWS: &[Row] = &[
    // Authorization without a scheme.
    raw("raw", Around("", t::good, ""), Allowed),
    raw("raw, expired", Around("", t::expired, ""), TokenExpired),
    raw("raw, a bearer token", Bearer(t::good), TokenMissing),
    raw("raw, Basic", Raw(b"Basic dTpw"), TokenMissing),
    raw("raw, nothing", No, TokenMissing),
    raw("raw, empty", Raw(b""), TokenMalformed),
    raw("raw, Bearer alone", Raw(b"Bearer"), TokenMalformed),
    raw("raw, not UTF-8", Raw(b"\xff\xfe"), TokenMalformed),
    raw("raw, joined", Around("a,", t::good, ""), CredentialAmbiguous).rule(""),
    raw("raw, joined with a space", Around("a, ", t::good, ""), CredentialAmbiguous).rule(""),
    raw("raw, comma at the end", Around("", t::good, ","), CredentialAmbiguous).rule(""),
    raw("raw, Digest with commas", Raw(b"Digest a=b, c=d"), CredentialAmbiguous),
    raw("raw, joined with bearer", Around("a,Bearer ", t::good, ""), CredentialAmbiguous).rule(""),
    raw("raw, two headers", Two(t::good, t::good), CredentialAmbiguous).rule(""),
    bare("bearer or raw, bearer", Bearer(t::good), Allowed),
    bare("bearer or raw, raw", Around("", t::good, ""), Allowed),
    bare("bearer or raw, raw expired", Around("", t::expired, ""), TokenExpired),
    bare("bearer or raw, Bearer alone", Raw(b"Bearer"), TokenMalformed),
    bare("bearer or raw, Basic", Raw(b"Basic dTpw"), TokenMissing),
    // Headers.
    header("header", &[token(t::good)], Allowed),
    header("header, other case", &[Header("X-TOKEN", "", t::good, "")], Allowed),
    header("header, spaces around", &[Header("x-token", "  ", t::good, " ")], Allowed),
    header("header, scheme in it", &[Header("x-token", "Bearer ", t::good, "")], TokenMalformed),
    header("header, empty", &[token(t::nothing)], TokenMalformed),
    header("header, bad signature", &[token(t::bad_rs256)], SignatureInvalid),
    header("header, bytes", &[], TokenMalformed).with(&[("x-token", b"\xff")]),
    header("header twice", &[token(t::good), token(t::good)], CredentialAmbiguous),
    header("header, comma", &[Header("x-token", "a,", t::good, "")], CredentialAmbiguous),
    header("header, comma behind", &[Header("x-token", "", t::good, ",")], CredentialAmbiguous),
    header("header missing", &[], TokenMissing),
    header("bearer where a header is read", &[bearer(t::good)], TokenMissing),
    header("two bearers beside", &[bearer(t::good), auth("x", t::nothing)], CredentialAmbiguous)
        .rule(""),
    get(
        "header where bearer is read",
        "/orders/1",
        At(&[token(t::good)]),
        "read-order",
        TokenMissing,
    ),
    prefix("prefix", &[Header("x-token", "Token ", t::good, "")], Allowed),
    prefix("prefix, other case", &[Header("x-token", "tOKEN   ", t::good, "")], Allowed),
    prefix("prefix missing", &[token(t::good)], TokenMissing),
    prefix("prefix without a space", &[Header("x-token", "Token", t::good, "")], TokenMissing),
    prefix("prefix alone", &[Header("x-token", "Token ", t::nothing, "")], TokenMalformed),
    prefix("other prefix", &[Header("x-token", "Bearer ", t::good, "")], TokenMissing),
    prefix(
        "two prefixes",
        &[Header("x-token", "Other a", t::nothing, ""), Header("x-token", "Token ", t::good, "")],
        CredentialAmbiguous,
    ),
    // The query. An answer over HTTP cannot take it out of the path.
    query("query", &[access(t::good)], Allowed).not_over_http_ext_authz(),
    query("query among others", &[Query("a=%2F&access_token=", t::good, "&&b")], Allowed)
        .not_over_http_ext_authz(),
    query("query, escaped key", &[Query("access%5Ftoken=", t::good, "")], Allowed)
        .not_over_http_ext_authz(),
    query("query, escaped letters", &[Query("%61cc%65ss_token=", t::good, "")], Allowed)
        .not_over_http_ext_authz(),
    query("query, expired", &[access(t::expired)], TokenExpired),
    query("query, escaped twice", &[Query("access%255Ftoken=", t::good, "")], TokenMissing),
    query("query, other case", &[Query("Access_Token=", t::good, "")], TokenMissing),
    query("query, empty", &[access(t::nothing)], TokenMalformed),
    query("query, no value", &[Query("access_token", t::nothing, "")], TokenMalformed),
    query("query, plus behind", &[Query("access_token=", t::good, "+")], TokenMalformed),
    query("query, broken escape", &[Query("access_token=", t::good, "%zz")], TokenMalformed),
    query("query twice", &[access(t::good), access(t::nothing)], CredentialAmbiguous),
    query(
        "query twice, once escaped",
        &[access(t::good), Query("acces%73_token=", t::good, "")],
        CredentialAmbiguous,
    ),
    query("query, semicolon", &[Query("a=b;access_token=", t::good, "")], CredentialAmbiguous),
    query("query, semicolon behind", &[Query("access_token=", t::good, ";a=b")], TokenMalformed),
    query("query, question mark", &[Query("a?access_token=", t::good, "")], CredentialAmbiguous),
    query("query, none", &[], TokenMissing),
    get(
        "query where none is read",
        "/orders/1",
        At(&[access(t::good)]),
        "read-order",
        TokenMissing,
    ),
    get("query without a route", "/nowhere", At(&[access(t::good)]), "", NoRoute),
    ticket("opaque in the query", &[Query("ticket=", t::active, "&a=b")], Allowed)
        .not_over_http_ext_authz(),
    ticket("inactive in the query", &[Query("ticket=", t::inactive, "")], TokenInactive),
    // Cookies.
    cookie("cookie", &[session(t::good)], Allowed),
    cookie("cookie among others", &[Header("cookie", "a=1; session=", t::good, "; b=2")], Allowed),
    cookie("cookie in quotes", &[Header("cookie", "session=\"", t::good, "\"")], Allowed),
    cookie("cookie, expired", &[session(t::expired)], TokenExpired),
    cookie("cookie, empty", &[session(t::nothing)], TokenMalformed),
    cookie("cookie, other case", &[Header("cookie", "Session=", t::good, "")], TokenMissing),
    cookie("cookie, longer name", &[Header("cookie", "xsession=", t::good, "")], TokenMissing),
    cookie("cookie, escaped", &[Header("cookie", "sessio%6e=", t::good, "")], TokenMissing),
    cookie(
        "cookie twice",
        &[Header("cookie", "session=a; session=", t::good, "")],
        CredentialAmbiguous,
    ),
    cookie("cookie in two headers", &[session(t::good), session(t::good)], CredentialAmbiguous),
    cookie("cookie, joined", &[Header("cookie", "a=1,session=", t::good, "")], CredentialAmbiguous),
    opaque("opaque cookie", &[session(t::active)], Allowed),
    opaque("inactive cookie", &[session(t::inactive)], TokenInactive),
    opaque("opaque cookie beside bearer", &[bearer(t::inactive), session(t::active)], Allowed),
    // Several places.
    many("first of many", &[bearer(t::good), token(t::expired)], Allowed),
    many("first refused and final", &[bearer(t::expired), token(t::good)], TokenExpired),
    many("first is another's", &[bearer(t::wrong_issuer), token(t::good)], Allowed),
    many("first has another scheme", &[auth("Basic dTpw", t::nothing), token(t::good)], Allowed),
    many("second refused", &[token(t::expired), session(t::active)], Allowed),
    many("second malformed", &[Header("x-token", "a b", t::good, ""), session(t::active)], Allowed),
    many("second empty", &[token(t::nothing), session(t::active)], Allowed),
    many("second opaque", &[token(t::active), session(t::inactive)], Allowed),
    many("all inactive", &[token(t::inactive), session(t::inactive)], TokenInactive),
    many("last by query", &[session(t::inactive), access(t::good)], Allowed)
        .not_over_http_ext_authz(),
    many("spare one in the query", &[bearer(t::good), access(t::expired)], Allowed)
        .not_over_http_ext_authz(),
    many("last refused", &[token(t::expired), access(t::bad_rs256)], SignatureInvalid),
    many(
        "two in a place that is not needed",
        &[bearer(t::good), Header("cookie", "session=a; session=", t::good, "")],
        CredentialAmbiguous,
    ),
    many("none of many", &[], TokenMissing),
    get("cookie stays", "/keeps-all/1", At(&[session(t::good)]), "keeps-all", Allowed),
    get(
        "all stay but in the query",
        "/keeps-all/1",
        At(&[token(t::good), session(t::good), Query("a&access_token=", t::good, "&b")]),
        "keeps-all",
        Allowed,
    )
    .not_over_http_ext_authz(),
    // Certificates: nobody shows one here, and headers are not believed.
    get("no certificate", "/certificate/1", No, "certificate", TokenMissing),
    get("forwarded certificate", "/certificate/1", No, "certificate", TokenMissing).with(&[(
        "x-forwarded-client-cert",
        b"By=spiffe://example.org/x;Hash=ab;Subject=\"CN=root\";URI=spiffe://example.org/ops",
    )]),
    get(
        "no certificate, but a token",
        "/certificate/1",
        Bearer(t::good),
        "certificate",
        TokenMissing,
    ),
    get(
        "certificate or token",
        "/certificate-role/1",
        Bearer(t::root),
        "certificate-role",
        Allowed,
    ),
    get("neither", "/certificate-role/1", No, "certificate-role", TokenMissing),
    // Nobody.
    guest("guest", &[], Allowed),
    guest("guest with another scheme", &[auth("Basic dTpw", t::nothing)], Allowed),
    guest("guest with an expired token", &[bearer(t::expired)], Allowed),
    guest("guest with garbage", &[bearer(t::garbage)], Allowed),
    guest("guest with half a token", &[auth("Bearer", t::nothing)], Allowed),
    guest("no guest", &[bearer(t::good)], Allowed),
    guest("no guest by cookie", &[bearer(t::expired), session(t::active)], Allowed),
    guest("guest with an inactive cookie", &[session(t::inactive)], TokenInactive),
    guest("guest with an empty cookie", &[session(t::nothing)], TokenMalformed),
    guest("guest with two tokens", &[bearer(t::good), bearer(t::good)], CredentialAmbiguous)
        .rule(""),
    member("guest without scope", No, TokenMissing),
    member("guest without scope, expired", Bearer(t::expired), TokenMissing),
    member("token without scope beside guests", Bearer(t::no_scope), ScopeMissing),
    member("token beside guests", Bearer(t::good), Allowed),
    get("guest without role", "/guest-role/1", No, "guest-role", TokenMissing),
    get("role beside guests", "/guest-role/1", Bearer(t::good), "guest-role", Allowed),
];
