//! Authorization: may this identity do this? Scopes, then claims, then roles; the first that fails decides.

use crate::answer::decision::Denial;
use crate::answer::reason::Reason;
use crate::identity::Identity;
use crate::require::rbac::{AccessRequest, Roles, Verb};
use crate::require::scopes::Scopes;
use crate::require::template::View;
use crate::route::{Rbac, Requirements};

/// True: everything holds. False: all but the roles, which are not here (`roles` is none).
pub(crate) fn authorize(
    requirements: &Requirements,
    roles: Option<&Roles>,
    identity: &Identity,
    view: &View<'_>,
) -> Result<bool, Denial> {
    requirements.scopes.check(identity).map_err(|reason| lacking(reason, &requirements.scopes))?;
    for rule in &requirements.claims {
        rule.check(identity, view).map_err(Denial::new)?;
    }
    let Some(rbac) = &requirements.rbac else { return Ok(true) };
    let Some(roles) = roles else { return Ok(false) };
    if role_allows(rbac, roles, view) { Ok(true) } else { Err(Denial::new(Reason::RoleMissing)) }
}

/// A challenge names what would help; of a scope that must not be there nobody is told.
fn lacking(reason: Reason, scopes: &Scopes) -> Denial {
    let scope = if reason == Reason::ScopeMissing { scopes.challenge.clone() } else { None };
    Denial { scope, ..Denial::new(reason) }
}

/// A template without a value asks about nothing, and nobody may do nothing-in-particular.
fn role_allows(rbac: &Rbac, roles: &Roles, view: &View<'_>) -> bool {
    let Some(user) = rbac.user.render(view) else { return false };
    let namespace = match &rbac.namespace {
        None => None,
        Some(template) => match template.render(view) {
            Some(namespace) => Some(namespace),
            None => return false,
        },
    };
    let Some(verb) = rbac.verb.or_else(|| Verb::of_method(view.request().method())) else {
        return false;
    };
    roles.allow(AccessRequest {
        user: &user,
        api: &rbac.api,
        resource: &rbac.resource,
        namespace: namespace.as_deref(),
        verb: verb.word(),
    })
}
