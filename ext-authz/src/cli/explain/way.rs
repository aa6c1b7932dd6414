//! The way of one decision, put together: request as read, routes, settings, what each half of the gate found, the
//! decision and what to do next. Never a credential, and of the claims only those that the route reads.

use sallyport_jwt::ClaimPath;
use sallyport_policy::{
    CanonicalPath, Decision, Document, Door, Finding, Identity, Note, Reason, Request,
    canonical_host,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::remedy;
use super::routes::{RouteReport, Routes};
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
}

/// A setting that holds for the route here.
#[derive(Debug, Serialize)]
pub(super) struct SettingReport {
    pub(super) name: &'static str,
    pub(super) place: String,
    pub(super) value: Value,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
pub(super) struct StepReport {
    pub(super) door: &'static str,
    pub(super) what: String,
    pub(super) found: String,
    pub(super) reason: Option<Reason>,
    /// What was asked for, and what there was.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) inputs: Value,
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
        let request = Request::parse(input.raw(&headers)).ok();
        let rule = decision.rule.as_deref();
        let considered = request.as_ref().map_or(Vec::new(), |it| routes.considered(it, rule));
        let chosen = considered.iter().find(|route| route.chosen);
        let copy = document.filter_copy();
        let settings = chosen.map_or(Vec::new(), |route| settings(document, &copy, route));
        let rbac = chosen.and_then(|route| copy.get("routes")?.get(route.index)?.get("rbac"));
        let asked = Asked { settings: &settings, rbac, identity: decision.identity.as_deref() };
        let steps = notes.into_iter().flat_map(|(door, notes)| asked.steps(door, notes)).collect();
        let reason = decision.would_deny.unwrap_or(decision.reason);
        let (meaning, remedy) = remedy::of(reason);
        Self {
            id: input.id.clone(),
            request: RequestReport::of(input, decision),
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
        }
    }
}

fn settings(document: &Document, copy: &Value, route: &RouteReport) -> Vec<SettingReport> {
    let written = document.settings_of(route.index, route.host_name.as_deref());
    let report = |(name, place): (&'static str, String)| {
        let value = if place.starts_with("routes[") {
            copy.get("routes").and_then(|routes| routes.get(route.index)?.get(name))
        } else if place.starts_with("hosts.") {
            let host = route.host_name.as_deref().unwrap_or_default();
            copy.get("hosts").and_then(|hosts| hosts.get(host)?.get(name))
        } else {
            copy.get(name)
        };
        SettingReport {
            name,
            place: document.place(&place),
            value: value.cloned().unwrap_or_default(),
        }
    };
    written.into_iter().map(report).collect()
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

/// What the route asks for, and of whom.
struct Asked<'a> {
    settings: &'a [SettingReport],
    rbac: Option<&'a Value>,
    identity: Option<&'a Identity>,
}

impl Asked<'_> {
    fn steps(&self, door: Door, notes: Vec<Note>) -> Vec<StepReport> {
        let mut issuer = None;
        let mut steps = Vec::new();
        for note in notes {
            let step = match note {
                Note::Issuer(name) => {
                    issuer = Some(name);
                    continue;
                }
                Note::Credential { place, state } => {
                    step(door, format!("credential, {place}"), state.to_owned(), None, Value::Null)
                }
                Note::Authenticator { kind, finding } => {
                    let name = issuer.take().map_or(String::new(), |name| format!(" {name}"));
                    let (found, reason) = found(finding);
                    step(door, format!("{kind}{name}"), found, reason, self.caller(finding))
                }
                Note::Anonymous => {
                    step(door, "anonymous".to_owned(), "accepted".to_owned(), None, Value::Null)
                }
                Note::Scopes(reason) => {
                    let Some(scopes) = self.setting("scopes") else { continue };
                    let granted = self.identity.map(Identity::scopes);
                    let inputs = json!({ "asked": scopes, "granted": granted });
                    step(door, "scopes".to_owned(), holds(reason), reason, inputs)
                }
                Note::Claim(index, reason) => {
                    let asked = self.setting("claims").and_then(|claims| claims.get(index));
                    let name = asked.and_then(|asked| asked.get("claim")?.as_str());
                    let inputs =
                        json!({ "asked": asked, "value": name.and_then(|it| self.claim(it)) });
                    let what = format!("claim {}", name.unwrap_or_default());
                    step(door, what, holds(reason), reason, inputs)
                }
                Note::AlwaysDenied => step(
                    door,
                    "authorization".to_owned(),
                    "always_deny".to_owned(),
                    Some(Reason::DeniedByRule),
                    Value::Null,
                ),
                Note::Roles(found) => {
                    let (found, reason) = match found {
                        None => ("left to the sidecar".to_owned(), None),
                        Some(found) => (holds(found.err()), found.err()),
                    };
                    step(door, "rbac".to_owned(), found, reason, json!({ "asked": self.rbac }))
                }
            };
            steps.push(step);
        }
        steps
    }

    fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.iter().find(|setting| setting.name == name).map(|setting| &setting.value)
    }

    fn claim(&self, path: &str) -> Option<Value> {
        let path: ClaimPath = path.parse().ok()?;
        self.identity?.claims().at(&path).cloned()
    }

    fn caller(&self, finding: Finding) -> Value {
        match (finding, self.identity) {
            (Finding::Accepted, Some(identity)) => {
                json!({ "subject": identity.subject(), "client": identity.client() })
            }
            _ => Value::Null,
        }
    }
}

fn step(
    door: Door,
    what: String,
    found: String,
    reason: Option<Reason>,
    inputs: Value,
) -> StepReport {
    StepReport { door: door.word(), what, found, reason, inputs }
}

fn holds(reason: Option<Reason>) -> String {
    if reason.is_none() { "holds" } else { "fails" }.to_owned()
}

fn found(finding: Finding) -> (String, Option<Reason>) {
    let (found, reason) = match finding {
        Finding::Accepted => ("accepted", None),
        Finding::NotMine(reason) => ("not this one's", Some(reason)),
        Finding::Refused(reason) => ("refused, finally", Some(reason)),
        Finding::RefusedNext(reason) => ("refused, the next may try", Some(reason)),
        Finding::LeftToSidecar => ("left to the sidecar", None),
        Finding::Asked => ("a dependency was to be asked", None),
        Finding::Unavailable => {
            ("no answer from its provider", Some(Reason::DependencyUnavailable))
        }
    };
    (found.to_owned(), reason)
}
