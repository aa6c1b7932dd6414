//! The way of one decision, put together: request as read, routes, settings, what each half of the gate found, the
//! decision and what to do next. Never a credential, and of the claims only those that the route reads.

use sallyport_policy::{
    CanonicalPath, Decision, Document, Door, Note, Policy, Preflight, RawRequest, Reason, Request,
    canonical_host,
};
use serde::Serialize;
use serde_json::Value;

use super::remedy;
use super::routes::{RouteReport, Routes};
use super::steps::{Asked, StepReport};
use crate::cli::check::input::InputRequest;
use crate::cli::check::offline::Offline;
use crate::cli::check::report;

/// Everything that is told of one decision.
#[derive(Debug, Serialize)]
pub(super) struct Way {
    pub(super) id: Value,
    pub(super) request: RequestReport,
    pub(super) routes: Vec<RouteReport>,
    pub(super) settings: Vec<SettingReport>,
    pub(super) steps: Vec<StepReport>,
    pub(super) decision: Value,
    pub(super) next: NextReport,
}

/// The request as it is read.
#[derive(Debug, Serialize)]
pub(super) struct RequestReport {
    pub(super) summary: String,
    /// Canonical; none: it is no host.
    pub(super) host: Option<String>,
    /// Canonical, without the query; none: it is no path that anybody may judge.
    pub(super) path: Option<String>,
    /// Why it cannot be judged.
    pub(super) problem: Option<String>,
    /// It is a preflight, judged by the route of a request with this method.
    pub(super) announces: Option<String>,
}

/// A setting that holds for the route here.
#[derive(Debug, Serialize)]
pub(super) struct SettingReport {
    pub(super) name: &'static str,
    pub(super) place: String,
    pub(super) value: Value,
}

/// What the reason means, and what to do.
#[derive(Debug, Serialize)]
pub(super) struct NextReport {
    pub(super) reason: Reason,
    pub(super) meaning: String,
    pub(super) remedy: String,
}

impl Way {
    pub(super) fn of(
        document: &Document,
        routes: &Routes,
        offline: &Offline,
        input: &InputRequest,
        decision: &Decision,
        notes: Vec<(Door, Vec<Note>)>,
    ) -> Self {
        let headers = input.headers();
        let raw = input.raw(&headers);
        let announces = announced(&notes);
        // A preflight is judged by the route of the request that it announces.
        let method = announces.as_deref().map_or(raw.method, str::as_bytes);
        let request = Request::parse(RawRequest { method, ..raw }).ok();
        let rule = decision.rule.as_deref();
        let considered = request.as_ref().map_or(Vec::new(), |it| routes.considered(it, rule));
        let chosen = considered.iter().find(|route| route.chosen);
        let copy = document.filter_copy();
        let settings =
            chosen.map_or(Vec::new(), |route| settings(document, offline.policy(), &copy, route));
        let source = chosen.and_then(|route| copy.get("routes")?.get(route.index));
        let place = chosen.map_or("", |route| &*route.place);
        let identity = decision.identity.as_deref();
        let issuers = copy.get("issuers").unwrap_or(&Value::Null);
        let asked =
            Asked { settings: &settings, route: source, place, identity, raw, issuers, offline };
        let reason = decision.would_deny.unwrap_or(decision.reason);
        let steps = notes.into_iter().flat_map(|(door, notes)| asked.steps(door, notes)).collect();
        let steps = decided_by(steps, reason);
        let (meaning, remedy) = remedy::of(reason);
        Self {
            id: input.id.clone(),
            request: RequestReport { announces, ..RequestReport::of(input, decision) },
            routes: considered,
            steps,
            decision: decided(offline, input, decision),
            next: NextReport { reason, meaning, remedy },
            settings,
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl RequestReport {
    fn of(input: &InputRequest, decision: &Decision) -> Self {
        let headers = input.headers();
        let raw = input.raw(&headers);
        let host = canonical_host(raw.authority);
        let path = CanonicalPath::parse(raw.path);
        let problem = match (&host, &path) {
            _ if Request::parse(raw).is_ok() => None,
            (None, _) => Some("the host is no host name or address".to_owned()),
            (_, Err(error)) => Some(error.to_string()),
            (Some(_), Ok(_)) if decision.reason == Reason::CredentialAmbiguous => {
                Some("the Authorization header holds more than one credential".to_owned())
            }
            (Some(_), Ok(_)) => {
                Some("the method or the number of headers is not allowed".to_owned())
            }
        };
        Self {
            summary: input.summary(),
            host: host.map(|host| host.into_owned()),
            path: path.ok().map(|path| path.as_str().to_owned()),
            problem,
            announces: None,
        }
    }
}

/// Marks the step that decided. What fails for an anonymous caller is told as a missing credential: one might help.
fn decided_by(mut steps: Vec<StepReport>, reason: Reason) -> Vec<StepReport> {
    if reason.status() == 200 {
        return steps;
    }
    let fails = |step: &&mut StepReport| step.reason.is_some();
    let Some(last) = steps.iter_mut().rfind(fails) else {
        // Nothing was refused, and nothing was shown: after the last place nobody was left to ask.
        let place = steps.iter_mut().rfind(|step| step.what.starts_with("credential"));
        if let Some(place) = place.filter(|_| reason == Reason::TokenMissing) {
            (place.decides, place.reason) = (true, Some(reason));
        }
        return steps;
    };
    last.decides = true;
    if last.reason != Some(reason) && reason == Reason::TokenMissing {
        last.found.push_str(" for an anonymous caller, whom a credential might help");
        last.reason = Some(reason);
    }
    steps
}

/// The method that a preflight announces, where its route judges it.
fn announced(notes: &[(Door, Vec<Note>)]) -> Option<String> {
    notes.iter().flat_map(|(_, notes)| notes).find_map(|note| {
        let Note::Preflight(Preflight { method, route: Some((_, true)), .. }) = note else {
            return None;
        };
        Some(method.clone())
    })
}

/// What holds: inherited words that do not reach this kind of route are not told.
fn settings(
    document: &Document,
    policy: &Policy,
    copy: &Value,
    route: &RouteReport,
) -> Vec<SettingReport> {
    // A route is compiled once for each different set of settings that its hosts give it.
    let compiled = || policy.routes().iter().filter(|it| **it.name() == *route.name);
    let (any, all) = (compiled().any(|it| it.deferred()), compiled().all(|it| it.deferred()));
    let open =
        copy.pointer(&format!("/routes/{}/allow", route.index)).is_some_and(Value::is_string);
    let written = document.settings_of(route.index, route.host_name.as_deref());
    let report = |(name, place): (&'static str, String)| {
        let own = place.starts_with("routes[");
        let value = if own {
            copy.get("routes").and_then(|routes| routes.get(route.index)?.get(name))
        } else if place.starts_with("hosts.") {
            let host = route.host_name.as_deref().unwrap_or_default();
            copy.get("hosts").and_then(|hosts| hosts.get(host)?.get(name))
        } else {
            copy.get(name)
        };
        let mut value = value.cloned().unwrap_or_default();
        let holds = match name {
            "mode" => any || own || value == "sync",
            "failure_mode" => !all,
            _ => true,
        };
        // A credential of our own is for callers who are known, and is not inherited where nobody is.
        if name == "forward"
            && open
            && !own
            && let Some(forward) = value.as_object_mut()
        {
            forward.remove("credential");
        }
        holds.then(|| SettingReport { name, place: document.place(&place), value })
    };
    written.into_iter().filter_map(report).collect()
}

/// The answer of `sallyport check`, less what it tells of the caller and of the upstream.
fn decided(offline: &Offline, input: &InputRequest, decision: &Decision) -> Value {
    let line = report::json(offline.policy(), input, decision);
    let mut line: Value = serde_json::from_str(&line).unwrap_or_default();
    if let Some(line) = line.as_object_mut() {
        let told = ["decision", "status", "rule", "reason", "door", "would_deny"];
        line.retain(|name, _| told.contains(&name.as_str()));
    }
    line
}
