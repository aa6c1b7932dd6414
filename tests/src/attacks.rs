//! Attacks on token verifiers, as published: each row of the table in `docs/threats.md` has a case here with the same id,
//! which forges its tokens against keys of its own and says why they are refused. Called by the suite `attacks`, which
//! sends them through `sallyport check` and through the filter in Envoy. Nothing here verifies anything.

use sallyport_policy::Reason;

use crate::Result;

mod claims;
mod cube_root;
mod forge;
mod headers;
pub mod hmac;
mod keys;
mod shapes;
mod signatures;

pub use forge::Forge;

/// One kind of attack.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// Its id, also in the table.
    pub id: &'static str,
    /// Its tokens, one or more; all good but for the attack.
    pub forge: fn(&Forge) -> Result<Vec<String>>,
    /// Why they are refused.
    pub reason: Reason,
}

const fn attack(
    id: &'static str,
    forge: fn(&Forge) -> Result<Vec<String>>,
    reason: Reason,
) -> Attack {
    Attack { id, forge, reason }
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Attack> {
    let parts =
        [headers::CASES, hmac::CASES, signatures::CASES, keys::CASES, claims::CASES, shapes::CASES];
    parts.concat()
}
