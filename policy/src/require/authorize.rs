//! Authorization: may this identity do this? Scopes, then claims, then roles; the first that fails decides.

use crate::answer::decision::Denial;
use crate::answer::reason::Reason;
use crate::check::Side;
use crate::identity::Identity;
use crate::require::claim::groups_elsewhere;
use crate::require::rbac::{AccessRequest, Roles, Verb};
use crate::require::scopes::Scopes;
use crate::require::template::{Template, View};
use crate::route::{Demands, Rbac};
use crate::trace::{Note, RoleQuestion, Trace};

/// True: everything holds. False: all but the roles, which are the sidecar's.
#[inline]
pub(crate) fn authorize(
    demands: &Demands,
    roles: &Roles,
    side: Side,
    view: &View<'_>,
    trace: &Trace,
) -> Result<bool, Denial> {
    let Some(identity) = view.identity() else { return Err(Denial::new(Reason::TokenMissing)) };
    let scopes = demands.scopes.check(identity);
    trace.note(|| Note::Scopes(scopes.err()));
    scopes.map_err(|reason| lacking(reason, &demands.scopes))?;
    for (index, rule) in demands.claims.iter().enumerate() {
        let claim = rule.check(identity, view);
        trace.note(|| {
            let equals = rule.template().and_then(|template| template.render(view));
            Note::Claim { index, equals, refused: claim.err() }
        });
        claim.map_err(Denial::new)?;
    }
    if demands.denied {
        trace.note(|| Note::AlwaysDenied);
        return Err(Denial::new(Reason::DeniedByRule));
    }
    let Some(rbac) = &demands.rbac else { return Ok(true) };
    if !rbac.in_filter && side != Side::Sidecar {
        trace.note(|| Note::Roles(None));
        return Ok(false);
    }
    trace.note(|| Note::RoleQuestion(Box::new(question(rbac, roles, identity, view))));
    let allowed = ask_roles(rbac, roles, identity, view);
    trace.note(|| Note::Roles(Some(allowed)));
    allowed.map(|()| true).map_err(Denial::new)
}

/// What [`ask_roles`] asks.
#[inline]
fn question(rbac: &Rbac, roles: &Roles, identity: &Identity, view: &View<'_>) -> RoleQuestion {
    let value = |template: &Template| template.render(view);
    let verb = rbac.verb.or_else(|| Verb::of_method(view.request().method()));
    let user = value(&rbac.user);
    let groups = rbac.groups.as_ref().map(|groups| {
        let claim = identity.claims().at(&groups.path);
        let named = claim.into_iter().flat_map(sallyport_jwt::strings);
        named.map(|group| (group.to_owned(), roles.groups.contains_key(group))).collect()
    });
    RoleQuestion {
        user_bound: user.as_deref().is_some_and(|user| roles.users.contains_key(user)),
        user,
        groups,
        api: value(&rbac.api),
        resource: value(&rbac.resource),
        namespace: rbac.namespace.as_ref().map(value),
        verb: verb.map(Verb::word),
    }
}

/// A challenge names what would help; of a scope that must not be there nobody is told.
#[inline]
fn lacking(reason: Reason, scopes: &Scopes) -> Denial {
    let scope = if reason == Reason::ScopeMissing { scopes.challenge.clone() } else { None };
    Denial { scope, ..Denial::new(reason) }
}

/// A template without a value asks about nothing, and nobody may do nothing-in-particular.
#[inline]
fn ask_roles(
    rbac: &Rbac,
    roles: &Roles,
    identity: &Identity,
    view: &View<'_>,
) -> Result<(), Reason> {
    const NO_VALUE: Reason = Reason::RoleMissing;
    let user = rbac.user.value(view).ok_or(NO_VALUE)?;
    let api = rbac.api.value(view).ok_or(NO_VALUE)?;
    let resource = rbac.resource.value(view).ok_or(NO_VALUE)?;
    let namespace = match &rbac.namespace {
        None => None,
        Some(template) => Some(template.value(view).ok_or(NO_VALUE)?),
    };
    let verb = rbac.verb.or_else(|| Verb::of_method(view.request().method())).ok_or(NO_VALUE)?;
    let asked =
        AccessRequest { api: &api, resource: &resource, namespace: namespace.as_deref(), verb };
    if roles.allow_user(&user, asked) {
        return Ok(());
    }
    let Some(groups) = &rbac.groups else { return Err(Reason::RoleMissing) };
    // Groups only add to what the user may. Who is in which is unknown here, and no reason to say that none allows it.
    if groups.left_out && groups_elsewhere(identity.claims()) {
        return Err(Reason::GroupsOverage);
    }
    let claim = identity.claims().at(&groups.path);
    let mut named = claim.into_iter().flat_map(sallyport_jwt::strings);
    if named.any(|group| roles.allow_group(group, asked)) {
        Ok(())
    } else {
        Err(Reason::RoleMissing)
    }
}
