//! Which routes fit a request, and which part of each does not: every part of a match is a policy of its own, and the
//! core says whether it has a route for the request. So there is no second matching that could differ from the first.

use sallyport_jwt::{Pure, UnixTime};
use sallyport_policy::{
    Check, Context, Document, IssuerId, KeySource, KeyState, Policy, Remembered, Request, Side,
    Step, TokenMemory,
};
use serde::Serialize;
use serde_json::{Value, json};

/// All routes of a policy, in the order of its files.
pub(super) struct Routes(Vec<Probe>);

struct Probe {
    index: usize,
    name: String,
    place: String,
    written: Value,
    whole: Option<Policy>,
    /// The hosts that it names, each alone; empty: every host fits.
    hosts: Vec<(String, Option<Policy>)>,
    methods: Option<Policy>,
    path: Option<Policy>,
}

/// What a request is to a route.
#[derive(Debug, Serialize)]
pub(super) struct RouteReport {
    /// Index in the whole policy.
    #[serde(skip)]
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) place: String,
    #[serde(rename = "match")]
    pub(super) written: Value,
    /// Which of its hosts the request's fits; none where it names none, too.
    #[serde(rename = "host_pattern")]
    pub(super) host_name: Option<String>,
    pub(super) host: bool,
    pub(super) method: bool,
    pub(super) path: bool,
    /// All of it fits.
    pub(super) fits: bool,
    /// It judges.
    pub(super) chosen: bool,
}

impl Routes {
    pub(super) fn of(document: &Document) -> Self {
        let copy = document.filter_copy();
        let routes = copy.get("routes").and_then(Value::as_array).cloned().unwrap_or_default();
        Self(
            routes
                .into_iter()
                .enumerate()
                .map(|(at, route)| Probe::of(document, at, &route))
                .collect(),
        )
    }

    /// The routes that fit, or whose path does: what else there is has nothing to do with the request.
    pub(super) fn considered(
        &self,
        request: &Request<'_>,
        chosen: Option<&str>,
    ) -> Vec<RouteReport> {
        let reports = self.0.iter().map(|probe| probe.report(request, chosen));
        reports.filter(|report| report.fits || report.path).collect()
    }
}

impl Probe {
    fn of(document: &Document, index: usize, route: &Value) -> Self {
        let written = route.get("match").cloned().unwrap_or_default();
        let only = |members: &[&str]| {
            let mut part = written.clone();
            if let Some(part) = part.as_object_mut() {
                part.retain(|name, value| members.contains(&name.as_str()) && !value.is_null());
            }
            part
        };
        let names = written.get("hosts").and_then(Value::as_array).cloned().unwrap_or_default();
        let host = |name: &Value| {
            let policy = everywhere(&json!({ "hosts": [name] }));
            (name.as_str().unwrap_or_default().to_owned(), policy)
        };
        let name = route.get("name").and_then(Value::as_str).unwrap_or_default();
        Self {
            index,
            name: name.to_owned(),
            place: document.place(&format!("routes[{index}]")),
            whole: policy(std::slice::from_ref(&written)),
            hosts: names.iter().map(host).collect(),
            methods: everywhere(&only(&["methods"])),
            path: policy(&[only(&["path", "regex", "glob", "encoded_slashes"])]),
            written,
        }
    }

    fn report(&self, request: &Request<'_>, chosen: Option<&str>) -> RouteReport {
        let fits = hit(self.whole.as_ref(), request);
        let host = self.hosts.iter().find(|(_, policy)| hit(policy.as_ref(), request));
        RouteReport {
            index: self.index,
            name: self.name.clone(),
            place: self.place.clone(),
            written: self.written.clone(),
            host_name: host.map(|(name, _)| name.clone()),
            host: self.hosts.is_empty() || host.is_some(),
            method: hit(self.methods.as_ref(), request),
            path: hit(self.path.as_ref(), request),
            fits,
            chosen: fits && chosen == Some(self.name.as_str()),
        }
    }
}

/// A match on every path: two routes, because `/{**}` is what is below `/`.
fn everywhere(part: &Value) -> Option<Policy> {
    let on = |path: &str| {
        let mut part = part.clone();
        if let Some(part) = part.as_object_mut() {
            part.insert("path".to_owned(), json!(path));
        }
        part
    };
    policy(&[on("/{**}"), on("/")]).or_else(|| policy(&[on("/{**}")]))
}

fn policy(matches: &[Value]) -> Option<Policy> {
    let route = |(index, part): (usize, &Value)| json!({ "name": format!("r{index}"), "match": part, "allow": "unauthenticated" });
    let routes: Vec<Value> = matches.iter().enumerate().map(route).collect();
    let document = Document::from_value(json!({ "version": 1, "routes": routes })).ok()?;
    Policy::compile(&document, &[]).ok().map(|(policy, _)| policy)
}

/// Whether the core has a route for the request.
fn hit(policy: Option<&Policy>, request: &Request<'_>) -> bool {
    let Some(policy) = policy else { return false };
    let context = Context {
        policy,
        keys: &Nothing,
        tokens: &Nothing,
        backend: &Pure,
        now: UnixTime(0),
        side: Side::FilterAsking,
    };
    match Check::start(&context, request) {
        (_, Step::Decided(decision)) => decision.rule.is_some(),
        (_, Step::Ask(_)) => false,
    }
}

/// Open routes ask for nothing.
struct Nothing;

impl KeySource for Nothing {
    fn keys(&self, _issuer: IssuerId) -> KeyState {
        KeyState::Unavailable
    }
}

impl TokenMemory for Nothing {
    fn recall(&self, _token: &[u8], _now: UnixTime) -> Option<Remembered> {
        None
    }

    fn remember(&self, _token: &[u8], _identity: &std::sync::Arc<sallyport_policy::Identity>) {}

    fn remember_refusal(&self, _token: &[u8], _issuer: IssuerId, _now: UnixTime) {}
}
