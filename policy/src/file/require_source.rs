//! What a route asks of its callers, as it is written: scopes, claims and roles. Wire structs, nothing more;
//! `compile/` compiles them.

use schemars::JsonSchema;
use serde_json::{Number, Value};

use crate::file::wire_types::{wire_enum, wire_struct};
use crate::require::rbac::Verb;

wire_struct! {
    /// Scopes the token needs. Read from `scope`, `scp` and `scopes`.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct ScopesSource {
        /// Every one of these.
        #[serde(default)]
        pub(crate) all_of: Vec<String>,
        /// At least one of these.
        #[serde(default)]
        pub(crate) any_of: Vec<String>,
        /// None of these: whoever has one is refused.
        #[serde(default)]
        pub(crate) none_of: Vec<String>,
        /// When a granted scope satisfies a needed one.
        #[serde(default)]
        pub(crate) strategy: ScopeStrategy,
    }
}

wire_enum! {
    /// When a granted scope satisfies a needed one.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub(crate) enum ScopeStrategy {
        /// When both are the same.
        #[default]
        Exact = "exact",
        /// Also when the needed one is below it: `orders` satisfies `orders.read`.
        Hierarchic = "hierarchic",
        /// Also when it is a pattern that fits: `orders.*` satisfies `orders.read` (Ory's wildcards).
        Wildcard = "wildcard",
    }
}

wire_struct! {
    /// One claim's requirement. Everything that is written must hold.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct ClaimSource {
        /// Path of the claim: `realm_access.roles`, `resource_access."my.client".roles`.
        pub(crate) claim: String,
        /// The claim, or one element of it, equals one of these.
        #[serde(default)]
        pub(crate) any_of: Vec<Value>,
        /// Each of these equals the claim or an element of it.
        #[serde(default)]
        pub(crate) all_of: Vec<Value>,
        /// None of these equals the claim or an element of it. Holds where there is no claim.
        #[serde(default)]
        pub(crate) none_of: Vec<Value>,
        /// `true`: the claim is there, and not null. `false`: it is not there, or null.
        pub(crate) present: Option<bool>,
        /// The claim, or one element of it, reads as this template does.
        pub(crate) equals: Option<String>,
        /// The claim is a number, and not below this one.
        pub(crate) at_least: Option<Number>,
        /// The claim is a number, and not above this one.
        pub(crate) at_most: Option<Number>,
    }
}

wire_enum! {
    /// Whether roles are asked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum Authorization {
        /// Where the route has `rbac`.
        Rbac = "rbac",
        /// They are not asked: whoever has the scopes and claims passes.
        AlwaysAllow = "always_allow",
        /// Nobody passes.
        AlwaysDeny = "always_deny",
    }
}

wire_enum! {
    /// What a request without a namespace needs of a role.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
    pub(crate) enum NamespaceNone {
        /// A rule for all namespaces, or for none.
        #[default]
        Deny = "deny",
        /// Any rule: its namespaces are not looked at. Krake's way.
        Grant = "grant",
    }
}

wire_struct! {
    /// What is asked of the roles. A template without a value is a denial.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct RbacSource {
        /// API of the resource, a template.
        pub(crate) api: String,
        /// The resource, a template.
        pub(crate) resource: String,
        /// Its namespace, a template; none: cluster-scoped.
        pub(crate) namespace: Option<String>,
        /// The verb. Default: GET and HEAD get, POST create, PUT and PATCH update, DELETE delete.
        pub(crate) verb: Option<Verb>,
        /// The user that bindings name, a template. Default `{subject}`.
        pub(crate) user: Option<String>,
        /// Path of the claim with the user's groups, which bindings may name too: text or an array of texts.
        pub(crate) groups: Option<String>,
    }
}
