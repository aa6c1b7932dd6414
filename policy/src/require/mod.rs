//! What a route asks of a caller beyond being known: scopes, claims and roles, and the templates that compare and name
//! them. Called by `check.rs` with an identity; fetches nothing.

pub(crate) mod authorize;
pub(crate) mod claim;
#[cfg(test)]
mod grid;
pub(crate) mod rbac;
pub(crate) mod scopes;
pub(crate) mod template;
