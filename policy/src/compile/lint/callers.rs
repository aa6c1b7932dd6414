//! Who can pass a route: callers without a token where scopes and claims are asked for, authenticators that nothing comes
//! after, and headers that are added to where a credential stands.

use crate::compile::lint::templates;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::settings::Level;
use crate::file::source::OnInvalid;
use crate::request::place::Place;
use crate::route::{Requirements, Route};

/// Whoever comes without a token has no scope, and no claim but `sub`.
pub(super) fn without_token(
    effective: &Effective<'_>,
    requirements: &Requirements,
    route: &Route,
    problems: &mut Problems,
) {
    let chain = &requirements.chain;
    let who = match (chain.anonymous.is_some(), chain.certificate().next().is_some()) {
        (false, false) => return,
        (true, false) => "whoever is anonymous",
        (false, true) => "whoever shows a certificate",
        (true, true) => "whoever is anonymous or shows a certificate",
    };
    let settings = effective.settings;
    let scopes =
        settings.scopes.filter(|it| !(it.value.all_of.is_empty() && it.value.any_of.is_empty()));
    let scopes = scopes.map(|setting| effective.place("scopes", setting));
    let unmet = requirements.demands.claims.iter().any(|rule| !rule.may_hold_without_token());
    let claims = settings.claims.filter(|_| unmet);
    let claims = claims.map(|setting| effective.place("claims", setting));
    let alone = chain.places().next().is_none();
    if alone {
        templates::without_token(effective, requirements, route, problems);
        if let Some(setting) = settings.scopes.filter(|it| !it.value.none_of.is_empty()) {
            problems.error(
                format!("{}.none_of", effective.place("scopes", setting)),
                format!("has no effect: {who} has no scopes"),
                "remove it, or add an authenticator of tokens",
            );
        }
    }
    let idle = requirements.demands.claims.iter().any(|rule| !rule.is_about_subject());
    if let Some(setting) = settings.claims.filter(|_| alone && !unmet && idle) {
        problems.error(
            effective.place("claims", setting),
            format!("has no effect: {who} has no claim but `sub`"),
            "remove it, or add an authenticator of tokens",
        );
    }
    for place in scopes.into_iter().chain(claims) {
        if alone {
            problems.error(
                place,
                format!("nobody could ever pass: {who} has no scopes, and no claim but `sub`"),
                "remove it, or add an authenticator of tokens",
            );
        } else {
            problems.warning(
                place,
                format!(
                    "{who} can never pass: such a caller has no scopes, and no claim but `sub`"
                ),
                "remove it, or give such callers a route of their own",
            );
        }
    }
}

/// Words about what comes next, and about waiting, where nothing comes and nobody waits.
pub(super) fn idle(
    effective: &Effective<'_>,
    requirements: &Requirements,
    problems: &mut Problems,
) {
    let settings = effective.settings;
    let Some(authenticate) = settings.authenticate else { return };
    let inherits = |it: &&crate::file::source::AuthenticatorSource| {
        it.anonymous.is_none() && it.on_invalid.is_none()
    };
    if let Some(own) = settings.on_invalid.filter(|own| own.level == Level::Route)
        && !authenticate.value.iter().any(|it| inherits(&it))
    {
        problems.error(
            effective.place("on_invalid", own),
            "has no effect: every authenticator says itself what comes after it, or reads no credential",
            "remove it",
        );
    }
    if let Some((last, before)) = authenticate.value.split_last()
        && before.is_empty()
        && last.on_invalid == Some(OnInvalid::Next)
    {
        problems.warning(
            format!("{}[0].on_invalid", effective.place("authenticate", authenticate)),
            "`next` has no effect: no authenticator comes after this one",
            "remove it, or add another authenticator",
        );
    }
    if requirements.chain.places().next().is_some() || requirements.need_sidecar() {
        return;
    }
    let waits = [
        (
            "timeout",
            settings
                .timeout
                .filter(|own| own.level == Level::Route)
                .map(|own| effective.place("timeout", own)),
        ),
        (
            "failure_mode",
            settings
                .failure_mode
                .filter(|own| own.level == Level::Route)
                .map(|own| effective.place("failure_mode", own)),
        ),
    ];
    for (name, place) in waits {
        let Some(place) = place else { continue };
        problems.error(
            place,
            format!("`{name}` has no effect: nothing that this route asks waits for anybody"),
            "remove it",
        );
    }
}

/// What is added to a credential's header is taken for a part of the credential, or vanishes with it.
pub(super) fn appended(
    effective: &Effective<'_>,
    requirements: &Requirements,
    route: &Route,
    problems: &mut Problems,
) {
    let adds = |header: &str| {
        let mut reshape = route.forward.reshape.iter().flat_map(|reshape| &reshape.append);
        reshape.any(|(own, _)| **own == *header)
    };
    for place in requirements.chain.places() {
        let Place::Header { name, .. } = &place.place else { continue };
        if adds(name) {
            problems.error(
                effective.route,
                format!("`append_headers` adds to `{name}`, where this route reads a credential"),
                "add to another header",
            );
        }
    }
}
