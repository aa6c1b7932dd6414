//! Role and RoleBinding documents (Krake's), as they are written: in role files, or in the policy itself under
//! `role_documents`. Wire structs, nothing more; `compile/roles.rs` compiles them.

use schemars::JsonSchema;

use crate::file::wire_types::{wire_enum, wire_struct};
use crate::require::rbac::Verb;

wire_struct! {
    /// A Role or a RoleBinding.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct RoleDocument {
        /// `core` in Krake's documents; it says nothing here.
        #[expect(dead_code, reason = "Krake's documents carry it; it grants nothing")]
        pub(crate) api: Option<String>,
        /// What it is.
        pub(crate) kind: RoleKind,
        /// Its name.
        pub(crate) metadata: RoleMetadata,
        /// Of a Role: what it allows. Allow-only; there is no rule that denies.
        pub(crate) rules: Option<Vec<RoleRule>>,
        /// Of a RoleBinding: the users that have its roles.
        #[serde(default)]
        pub(crate) users: Vec<String>,
        /// Of a RoleBinding: the groups that have its roles.
        #[serde(default)]
        pub(crate) groups: Vec<String>,
        /// Of a RoleBinding: the names of its roles.
        pub(crate) roles: Option<Vec<String>>,
    }
}

wire_enum! {
    /// What a document is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum RoleKind {
        /// Rules under a name.
        Role = "Role",
        /// Who has which roles.
        RoleBinding = "RoleBinding",
    }
}

wire_struct! {
    /// Name of a document.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct RoleMetadata {
        /// Among roles, each name stands once.
        pub(crate) name: String,
        /// They grant nothing.
        #[serde(default)]
        #[expect(dead_code, reason = "Krake's documents carry them; they grant nothing")]
        pub(crate) labels: serde_json::Value,
    }
}

wire_struct! {
    /// What a role allows: every verb on every resource in every namespace of it. The empty string stands for all.
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct RoleRule {
        /// API of the resources; empty: all.
        pub(crate) api: String,
        /// The resources; an empty string among them: all.
        pub(crate) resources: Vec<String>,
        /// The namespaces; an empty string among them: all. None: requests without a namespace alone.
        pub(crate) namespaces: Vec<String>,
        /// The verbs. There is no wildcard.
        pub(crate) verbs: Vec<Verb>,
    }
}
