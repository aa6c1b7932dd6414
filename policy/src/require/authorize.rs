//! Authorization: may this identity do this? Scopes, then claims, then roles; the first that fails decides.

use crate::answer::decision::Denial;
use crate::answer::reason::Reason;
use crate::identity::Identity;
use crate::require::rbac::{AccessRequest, Roles, Verb};
use crate::require::scopes::Scopes;
use crate::require::template::View;
use crate::route::{Rbac, Requirements};
use crate::trace::{Note, Trace};

/// True: everything holds. False: all but the roles, which are not here (`roles` is none).
pub(crate) fn authorize(
    requirements: &Requirements,
    roles: Option<&Roles>,
    identity: &Identity,
    view: &View<'_>,
    trace: &Trace,
) -> Result<bool, Denial> {
    let scopes = requirements.scopes.check(identity);
    trace.note(|| Note::Scopes(scopes.err()));
    scopes.map_err(|reason| lacking(reason, &requirements.scopes))?;
    for (index, rule) in requirements.claims.iter().enumerate() {
        let claim = rule.check(identity, view);
        trace.note(|| Note::Claim(index, claim.err()));
        claim.map_err(Denial::new)?;
    }
    let Some(rbac) = &requirements.rbac else { return Ok(true) };
    let Some(roles) = roles else {
        trace.note(|| Note::Roles(None));
        return Ok(false);
    };
    let allowed = if role_allows(rbac, roles, view) { Ok(()) } else { Err(Reason::RoleMissing) };
    trace.note(|| Note::Roles(Some(allowed)));
    allowed.map(|()| true).map_err(Denial::new)
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
