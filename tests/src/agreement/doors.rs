//! The doors: how each is asked, and how its answer is read. None of them decides anything here.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::config::core::v3::HeaderValueOption;
use envoy_types::pb::envoy::service::auth::v3::CheckResponse;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::google::protobuf::value::Kind;
use sallyport_policy::Reason;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use super::{Ask, CORS, Differs, OWNED, PATH, Row, SHAPING, Said, Shape};
use crate::http1::Response;
use crate::stage::{Client, Stage, Way};
use crate::{Result, limits, wait, wire};

/// Names to remove, in answers of HTTP ext_authz.
const REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// The doors of a stage.
pub(super) struct Doors<'s> {
    stage: &'s Stage,
    grpc: AuthorizationClient<Channel>,
    envoy: Client,
}

impl<'s> Doors<'s> {
    pub(super) async fn open(stage: &'s Stage) -> Result<Self> {
        let address = format!("unix:{}", stage.socket().display());
        let channel = Endpoint::from_shared(address)?.timeout(limits::ANSWER).connect().await?;
        let grpc = AuthorizationClient::new(channel);
        Ok(Self { stage, grpc, envoy: stage.client(Way::Ask)? })
    }

    /// `sallyport check`, all requests in one call, with the provider's keys and replies as files.
    pub(super) async fn offline(&mut self, asks: &[Ask]) -> Result<Vec<Said>> {
        self.stage.write("jwks.json", &self.stage.idp.jwks().to_string())?;
        self.stage.write("replies.json", &self.stage.idp.introspections().to_string())?;
        let mut input = String::new();
        for ask in asks {
            input.push_str(&ask.sent().line(ask.row.name).to_string());
            input.push('\n');
        }
        let arguments = [
            "check",
            "--policy",
            "policy.yaml",
            "--jwks",
            "main=jwks.json",
            "--introspection",
            "opaque=replies.json",
            "--json",
        ];
        let output = self.stage.sallyport(&arguments, &input).await?;
        let text = String::from_utf8(output.stdout)?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        if !output.status.success() || lines.len() != asks.len() {
            let (lines, asks) = (lines.len(), asks.len());
            return Err(format!("check: {lines} lines for {asks} requests: {complaint}").into());
        }
        Ok(lines.iter().zip(asks).map(|(line, ask)| from_check(line, ask)).collect())
    }

    /// A Check call, the headers as bytes one by one, or as Envoy's map of text.
    pub(super) async fn grpc(&mut self, ask: &Ask, raw: bool) -> Result<Said> {
        let response = self.grpc.check(ask.sent().check_request(raw)).await?.into_inner();
        from_grpc(response, ask)
    }

    /// The sidecar's HTTP door.
    pub(super) async fn http(&mut self, ask: &Ask) -> Result<Said> {
        let request = ask.sent().http_request(&format!("/check{}", ask.path));
        let port = self.stage.sidecar_http_port()?;
        let response = request.send_to_port(port, limits::ANSWER).await?;
        let mut said = from_answer(&response);
        if response.status == 200 {
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            let own = response.headers.iter().filter(|(name, _)| OWNED.contains(&name.as_str()));
            let set: Vec<_> = own.map(|(name, value)| (name.clone(), text(value))).collect();
            let removed = response.header(REMOVE).unwrap_or_default();
            let removed: Vec<&str> = removed.split(',').collect();
            said.upstream = Some(effective(ask, &set, &removed));
        }
        Ok(said)
    }

    /// The filter in Envoy, and what the upstream behind it saw.
    pub(super) async fn envoy(&mut self, ask: &Ask) -> Result<Said> {
        self.stage.echo.forget();
        let response = self.envoy.send(&ask.sent().http_request(&ask.path)).await?;
        let mut said = from_answer(&response);
        if let Some(seen) = self.stage.echo.last() {
            let values = |name: &&'static str| (*name, seen.values(name));
            let path = (PATH, vec![seen.path.clone()]);
            said.upstream = Some(OWNED.iter().map(values).chain([path]).collect());
        }
        Ok(said)
    }
}

fn from_check(line: &Value, ask: &Ask) -> Said {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let status = line.get("status").and_then(Value::as_u64).and_then(|it| u16::try_from(it).ok());
    let pairs = |path: &str| -> Vec<(String, String)> {
        let pairs = line.pointer(path).cloned().unwrap_or_default();
        serde_json::from_value(pairs).unwrap_or_default()
    };
    let mut set = pairs("/upstream/set");
    let path = line.pointer("/upstream/path").and_then(Value::as_str);
    set.extend(path.map(|path| (PATH.to_owned(), path.to_owned())));
    let removed = line.pointer("/upstream/remove").and_then(Value::as_array);
    let removed: Vec<&str> = removed.into_iter().flatten().filter_map(Value::as_str).collect();
    let denied = text("decision").as_deref() == Some("deny");
    let body = line.pointer("/response/body").and_then(Value::as_str).unwrap_or_default();
    let shown =
        if denied { Shown::read(&pairs("/response/headers"), body) } else { Shown::default() };
    let allowed = || shape_of_allow(&pairs("/response/headers"));
    Said {
        status: status.unwrap_or(0),
        reason: text("reason"),
        rule: text("rule"),
        would_deny: text("would_deny"),
        challenge: shown.challenge,
        shape: shown.shape.or_else(allowed),
        upstream: (text("decision").as_deref() == Some("allow"))
            .then(|| effective(ask, &set, &removed)),
        door: text("door"),
    }
}

fn from_grpc(response: CheckResponse, ask: &Ask) -> Result<Said> {
    let code = response.status.map(|status| status.code);
    let metadata = response.dynamic_metadata.unwrap_or_default().fields;
    let text = |name: &str| match metadata.get(name).and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    let pair = |option: &HeaderValueOption| {
        let (name, value) = wire::pair(option);
        (name, String::from_utf8_lossy(&value).into_owned())
    };
    let mut said = Said {
        reason: text("reason"),
        rule: text("rule"),
        would_deny: text("would_deny"),
        ..Said::default()
    };
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) if code == Some(0) => {
            let set: Vec<_> = ok.headers.iter().map(pair).collect();
            let removed: Vec<&str> = ok.headers_to_remove.iter().map(String::as_str).collect();
            said.status = 200;
            let more: Vec<_> = ok.response_headers_to_add.iter().map(pair).collect();
            said.shape = shape_of_allow(&more);
            said.upstream = Some(effective(ask, &set, &removed));
        }
        Some(HttpResponse::DeniedResponse(denied)) if code != Some(0) => {
            let status = denied.status.map(|status| status.code).unwrap_or_default();
            said.status = u16::try_from(status)?;
            let headers: Vec<_> = denied.headers.iter().map(pair).collect();
            let shown = Shown::read(&headers, &denied.body);
            if shown.reason != said.reason {
                let body = denied.body;
                return Err(format!("the body's reason is {body}, not {:?}", said.reason).into());
            }
            (said.challenge, said.shape) = (shown.challenge, shown.shape);
        }
        other => return Err(format!("code {code:?} with {other:?}").into()),
    }
    Ok(said)
}

/// What an answer tells of a denial; an allow tells nothing.
fn from_answer(response: &Response) -> Said {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let headers: Vec<_> =
        response.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let message = response.header("grpc-message");
    // gRPC's denials have HTTP status 200 behind Envoy, and their own.
    let status = match response.header("grpc-status").filter(|_| response.status == 200) {
        Some("3") => 400,
        Some("7") => 403,
        Some("14") => 503,
        Some("16") => 401,
        Some(_) | None => response.status,
    };
    if status == 200 {
        return Said { status, shape: shape_of_allow(&headers), ..Said::default() };
    }
    let shown = Shown::read(&headers, message.unwrap_or(&response.text()));
    Said {
        status,
        reason: shown.reason,
        rule: shown.rule,
        challenge: shown.challenge,
        shape: shown.shape,
        ..Said::default()
    }
}

/// What a denial shows.
#[derive(Default)]
struct Shown {
    reason: Option<String>,
    rule: Option<String>,
    challenge: Option<String>,
    shape: Option<Shape>,
}

impl Shown {
    fn read(headers: &[(String, String)], body: &str) -> Self {
        let header = |name: &str| {
            let mut found = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.clone())
        };
        let json: Option<Value> = serde_json::from_str(body).ok();
        let member = |name: &str| {
            json.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str).map(str::to_owned)
        };
        let text = json.is_none().then(|| body.split(" (decision ").next().unwrap_or(body));
        let text = text.map(|text| text.trim_end().to_owned());
        let names = SHAPING.iter().chain(CORS);
        let own = names.filter_map(|name| Some((*name, header(name)?)));
        let shape = Shape { headers: own.collect(), text };
        Self {
            reason: member("reason").or_else(|| shape.text.as_deref().and_then(reason_of)),
            rule: member("rule"),
            challenge: header("www-authenticate"),
            shape: Some(shape),
        }
    }
}

/// None where nothing is told.
fn shape_of_allow(headers: &[(String, String)]) -> Option<Shape> {
    let value = |name: &str| {
        let mut found = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.clone())
    };
    let told = CORS.iter().filter_map(|name| Some((*name, value(name)?)));
    let headers: BTreeMap<_, _> = told.collect();
    if headers.is_empty() { None } else { Some(Shape { headers, text: None }) }
}

/// The reason of a denial in text: `401 token_missing: ..`, or the sentence alone, as gRPC has it.
fn reason_of(text: &str) -> Option<String> {
    let word =
        text.split_once(' ').and_then(|(_, rest)| rest.split_once(':')).map(|(word, _)| word);
    let mut all = Reason::ALL.iter();
    let found = all.find(|reason| Some(reason.word()) == word || reason.sentence() == text);
    found.map(|reason| reason.word().to_owned())
}

/// What the upstream gets, when a door's answer is carried out as Envoy does: set, then remove.
fn effective(
    ask: &Ask,
    set: &[(String, String)],
    removed: &[&str],
) -> BTreeMap<&'static str, Vec<String>> {
    let values = |name: &&'static str| {
        let same = |own: &str| own.eq_ignore_ascii_case(name);
        let new: Vec<String> =
            set.iter().filter(|(own, _)| same(own)).map(|(_, value)| value.clone()).collect();
        if removed.iter().any(|own| same(own)) {
            return (*name, Vec::new());
        }
        if !new.is_empty() {
            return (*name, new);
        }
        let client = ask.headers.iter().filter(|(own, _)| same(own));
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        (*name, client.map(|(_, value)| text(value)).collect())
    };
    let path = set.iter().find(|(own, _)| own == PATH).map_or(&ask.path, |(_, path)| path);
    OWNED.iter().map(values).chain([(PATH, vec![path.clone()])]).collect()
}

/// Decisions by counter: an allow through Envoy or over HTTP tells its rule and reason only there.
#[derive(Debug, Default)]
pub(super) struct Counts {
    filter: BTreeMap<String, u64>,
    http: BTreeMap<(String, String), u64>,
}

impl Counts {
    /// The request went to the HTTP door.
    pub(super) fn note_sidecar(&mut self, row: &Row) {
        let (reason, rule) = match row.http {
            Differs::No => (row.reason, row.rule),
            Differs::Reads(reason, rule) => (reason, rule),
            Differs::Refuses | Differs::NotAsked => return,
        };
        bump(self.http.entry((rule.to_owned(), reason.word().to_owned())).or_insert(0));
    }

    /// The request went through Envoy; who decides in topology A is what `check` says.
    pub(super) fn note_filter(&mut self, row: &Row, offline: &Said) {
        let door = offline.door.as_deref().unwrap_or("filter");
        let (door, reason, rule) = match row.envoy {
            Differs::No => (door, row.reason, row.rule),
            Differs::Reads(reason, rule) => ("filter", reason, rule),
            Differs::Refuses | Differs::NotAsked => return,
        };
        let rule = if rule.is_empty() { "-" } else { rule };
        bump(self.filter.entry(format!("{door}.{rule}.{reason}")).or_insert(0));
    }

    /// Waits until everything is counted that was noted, and gives what is not.
    pub(super) async fn differences(&self, stage: &Stage) -> Result<Vec<String>> {
        let prefix = "wasmcustom.sallyport.decisions.";
        let observed = || async {
            let stats = stage.envoy.stats(prefix).await?;
            let stats = stats.into_iter().filter(|(_, count)| *count > 0);
            let own = |(name, count): (String, u64)| {
                (name.strip_prefix(prefix).unwrap_or(&name).to_owned(), count)
            };
            Ok::<BTreeMap<String, u64>, crate::Error>(stats.map(own).collect())
        };
        let all = || async { (observed().await.ok()? == self.filter).then_some(()) };
        let mut wrong = Vec::new();
        if wait::value(limits::COUNTED, all).await.is_err() {
            let observed = observed().await?;
            for name in self.filter.keys().chain(observed.keys()) {
                let (expected, actual) = (self.filter.get(name), observed.get(name));
                if expected != actual {
                    wrong.push(format!("Envoy counted `{name}` {actual:?}, not {expected:?}"));
                }
            }
        }
        let metrics = stage.sidecar_metrics().await?;
        for ((rule, reason), expected) in &self.http {
            let labels = [("door", "http"), ("rule", rule.as_str()), ("reason", reason.as_str())];
            let actual = metrics.sum("sallyport_decisions_total", &labels);
            if format!("{actual:.0}") != expected.to_string() {
                wrong.push(format!("the sidecar counted {labels:?} {actual}, not {expected}"));
            }
        }
        wrong.sort();
        wrong.dedup();
        Ok(wrong)
    }
}

fn bump(count: &mut u64) {
    *count = count.saturating_add(1);
}
