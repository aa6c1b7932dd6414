//! Rows about roles that the policy holds itself (`tests/fixtures/agreement-roles/`): the filter decides alone.

use sallyport_policy::Reason::{self, *};

use super::Credential::{self, Bearer, No};
use super::table::{Row, get};
use super::tokens as t;

const fn item(name: &'static str, credential: Credential, reason: Reason) -> Row {
    get(name, "/infra/namespaces/acme/clusters/c1", credential, "item", reason)
}

/// All rows.
pub(super) const ROWS: &[Row] = &[
    item("role allows", Bearer(t::good), Allowed),
    item("no credential", No, TokenMissing),
    item("bad signature", Bearer(t::bad_rs256), SignatureInvalid),
    item("role of a group", Bearer(t::in_support), Allowed),
    item("one group as text", Bearer(t::in_support_text), Allowed),
    item("another group", Bearer(t::in_operators), RoleMissing),
    item("group in another case", Bearer(t::in_support_case), RoleMissing),
    item("groups with a comma between", Bearer(t::in_support_comma), RoleMissing),
    item("no groups", Bearer(t::root), RoleMissing),
    item("groups are left out", Bearer(t::groups_left_out), GroupsOverage),
    item("verb that no rule has", Bearer(t::good), RoleMissing).method("DELETE"),
    item("method without a verb", Bearer(t::good), RoleMissing).method("OPTIONS"),
    get(
        "other namespace",
        "/infra/namespaces/globex/clusters/c1",
        Bearer(t::good),
        "item",
        RoleMissing,
    ),
    get("other resource", "/infra/namespaces/acme/nodes/c1", Bearer(t::good), "item", RoleMissing),
    get("other API", "/apps/namespaces/acme/clusters/c1", Bearer(t::good), "item", RoleMissing),
    get(
        "escaped name",
        "/infra/namespaces/acm%C3%A9/clusters/c1",
        Bearer(t::good),
        "item",
        RoleMissing,
    ),
    get(
        "namespace in another case",
        "/infra/namespaces/Acme/clusters/c1",
        Bearer(t::good),
        "item",
        RoleMissing,
    ),
    get(
        "part of it",
        "/infra/namespaces/acme/clusters/c1/status",
        Bearer(t::in_operators),
        "part",
        Allowed,
    )
    .method("PUT"),
    get(
        "part for who has the whole",
        "/infra/namespaces/acme/clusters/c1/status",
        Bearer(t::good),
        "part",
        RoleMissing,
    ),
    get("all namespaces", "/infra/all/clusters", Bearer(t::good), "all", RoleMissing),
    get("anybody's page", "/docs/start", No, "docs", Allowed),
    get("anybody's page, changed", "/docs/start", No, "docs", TokenMissing).method("PUT"),
    get("page for somebody known", "/docs/start", Bearer(t::good), "docs", RoleMissing),
    get("page by introspection", "/docs/start", Bearer(t::active), "docs", RoleMissing),
    get("shut", "/shut", Bearer(t::good), "shut", DeniedByRule),
    get("shut, no credential", "/shut", No, "shut", TokenMissing),
];
