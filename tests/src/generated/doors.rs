//! The doors of one stage, and what each says to a request: status, reason, rule, the whole answer
//! of a denial, and on an allow everything the upstream gets. None of them decides anything here.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use super::case::{Asked, json_to_bytes};
use super::reference::Upstream;
use crate::http1::Response;
use crate::idp::Idp;
use crate::parts::Parts;
use crate::stage::{Client, Stage, Way, run_program};
use crate::wire::{self, Sent};
use crate::{Result, limits};

/// Names to remove, in answers of HTTP ext_authz.
const REMOVE: &str = "x-envoy-auth-headers-to-remove";
/// What servers add to their answers.
const OF_SERVERS: &[&str] =
    &["date", "server", "content-length", "connection", "transfer-encoding"];
/// What Envoy adds to requests.
const OF_ENVOY: &[&str] =
    &["x-forwarded-proto", "x-forwarded-for", "x-request-id", "content-length"];

/// What pages of other origins are told.
const CORS: &[&str] = &[
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
    "vary",
];
/// The door that the documents tell apart.
pub(crate) const HTTP: &str = "HTTP";

/// What a door said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// Of an allow only where the door tells it.
    pub(crate) reason: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) would_deny: Option<String>,
    /// A denial's headers, names in lower case, sorted.
    pub(crate) headers: Vec<(String, String)>,
    /// A denial's body, without the decision's id.
    pub(crate) body: Option<Value>,
    /// What the upstream gets on an allow.
    pub(crate) upstream: Option<Upstream>,
    /// What the client is told besides the upstream's response.
    pub(crate) response: Vec<(String, String)>,
}

/// The doors that answer one request after the other.
pub(crate) struct Doors {
    grpc: AuthorizationClient<Channel>,
    text: AuthorizationClient<Channel>,
    http: Client,
    envoy: Client,
}

/// Which doors a request can reach: HTTP/1.1 cannot carry everything that a program can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// gRPC with headers as a map of text: that loses which bytes were no text, and where a header
    /// ended that is written anew (docs/credentials.md, on `encode_raw_headers`).
    pub(crate) text: bool,
    pub(crate) http: bool,
    pub(crate) envoy: bool,
}

impl Reach {
    /// By the grammar of HTTP/1.1, by what HTTP libraries refuse themselves (docs/status-codes.md,
    /// "Exceptions"), and by the methods that Envoy's parser knows.
    pub(crate) fn of(asked: &Asked) -> Self {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"#<>".contains(&byte);
        let path = asked.path.starts_with('/') && asked.path.bytes().all(plain);
        let host = asked
            .host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
            && !asked.host.is_empty();
        let line = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
        let headers = asked.headers.iter().all(|(_, value)| value.iter().all(line));
        const KNOWN: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let token = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
        // CONNECT names an authority, and no path.
        let token = asked.method.bytes().all(token) && asked.method != "CONNECT";
        let method = !asked.method.is_empty() && token;
        // A NUL is refused by Envoy's own path check.
        let escapes = !asked.path.contains("%00");
        let is_read = |name: &str| name != "x-other";
        let is_text = |value: &[u8]| std::str::from_utf8(value).is_ok();
        let count = |wanted: &str| {
            asked.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).count()
        };
        let text = asked.headers.iter().all(|(name, value)| is_text(value) || !is_read(name));
        // The listener of the generated cases has no TLS.
        let plain = asked.certificate.is_none();
        let known = KNOWN.contains(&asked.method.as_str());
        Self {
            text: text && ["cookie", "x-trace", "x-hops"].iter().all(|name| count(name) < 2),
            http: path && host && headers && method,
            envoy: path && host && headers && escapes && known && plain,
        }
    }
}

impl Doors {
    pub(crate) async fn open(stage: &Stage) -> Result<Self> {
        let address = format!("unix:{}", stage.socket().display());
        let endpoint = Endpoint::from_shared(address)?.timeout(limits::ANSWER);
        let (one, two) = (endpoint.connect().await?, endpoint.connect().await?);
        Ok(Self {
            grpc: AuthorizationClient::new(one),
            text: AuthorizationClient::new(two),
            http: Client::to_port(stage.sidecar_http_port()?),
            envoy: stage.client(Way::Ask)?,
        })
    }

    /// Asks every door that the request can reach; the name of each stands with its answer.
    pub(crate) async fn ask(&mut self, asked: &Asked) -> Result<Vec<(&'static str, Said)>> {
        let sent = sent(asked);
        let reach = Reach::of(asked);
        let shown = |mut request: CheckRequest| {
            let source = request.attributes.as_mut().and_then(|it| it.source.as_mut());
            if let (Some(source), Some(certificate)) = (source, asked.certificate()) {
                source.certificate = certificate.pem.to_owned();
            }
            request
        };
        let (raw, text) = (shown(sent.check_request(true)), shown(sent.check_request(false)));
        let to_sidecar = sent.http_request(&format!("/check{}", asked.path));
        let to_envoy = sent.http_request(&asked.path);
        let (raw, text, http, envoy) = tokio::join!(
            self.grpc.check(raw),
            async {
                match reach.text {
                    true => Some(self.text.check(text).await),
                    false => None,
                }
            },
            async {
                match reach.http {
                    true => Some(self.http.send(&to_sidecar).await),
                    false => None,
                }
            },
            async {
                match reach.envoy {
                    true => Some(self.envoy.send(&to_envoy).await),
                    false => None,
                }
            },
        );
        let mut said = vec![("gRPC with header_map", from_grpc(raw?.into_inner(), asked)?)];
        if let Some(text) = text {
            said.push(("gRPC with headers", from_grpc(text?.into_inner(), asked)?));
        }
        if let Some(response) = http {
            let response = response.map_err(|error| format!("HTTP: {error}"))?;
            said.push((HTTP, from_http(&response, asked)));
        }
        if let Some(response) = envoy {
            let response = response.map_err(|error| format!("Envoy: {error}"))?;
            said.push(("the filter", from_envoy(&response)));
        }
        Ok(said)
    }
}

fn sent(asked: &Asked) -> Sent<'_> {
    Sent { method: &asked.method, host: &asked.host, path: &asked.path, headers: &asked.headers }
}

/// `sallyport check`, all requests in one call, with the provider's keys and replies as files.
pub(crate) async fn offline(
    folder: &Path,
    idp: &Idp,
    asked: &[Asked],
    policy: &Value,
) -> Result<Vec<Said>> {
    std::fs::write(folder.join("jwks.json"), idp.jwks().to_string())?;
    std::fs::write(folder.join("replies.json"), idp.introspections().to_string())?;
    let mut words: Vec<String> =
        ["check", "--policy", "policy.yaml", "--json"].map(str::to_owned).to_vec();
    for (name, issuer) in policy.get("issuers").and_then(Value::as_object).into_iter().flatten() {
        if issuer.get("introspection").is_some() {
            words.extend(["--introspection".to_owned(), format!("{name}=replies.json")]);
        } else if issuer.get("jwks").is_some() && name != super::UNREACHABLE {
            words.extend(["--jwks".to_owned(), format!("{name}=jwks.json")]);
        }
    }
    let mut input = String::new();
    for (at, asked) in asked.iter().enumerate() {
        let mut line = sent(asked).line(&at.to_string());
        if let (Some(line), Some(certificate)) = (line.as_object_mut(), asked.certificate()) {
            line.insert("peer_certificate".to_owned(), Value::from(certificate.pem));
        }
        input.push_str(&line.to_string());
        input.push('\n');
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = run_program(&Parts::find()?.sidecar, &words, &input, folder).await?;
    let text = String::from_utf8(output.stdout)?;
    let lines: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    if !output.status.success() || lines.len() != asked.len() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let (lines, asked) = (lines.len(), asked.len());
        return Err(format!("check: {lines} lines for {asked} requests: {complaint}").into());
    }
    Ok(lines.iter().zip(asked).map(|(line, asked)| from_check(line, asked)).collect())
}

fn from_check(line: &Value, asked: &Asked) -> Said {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let status = line.get("status").and_then(Value::as_u64).and_then(|it| u16::try_from(it).ok());
    let pairs = |path: &str| -> Vec<(String, String)> {
        let pairs = line.pointer(path).cloned().unwrap_or_default();
        serde_json::from_value(pairs).unwrap_or_default()
    };
    let allowed = text("decision").as_deref() == Some("allow");
    let removed = line.pointer("/upstream/remove").and_then(Value::as_array);
    let removed: Vec<String> =
        removed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let set = pairs("/upstream/set").into_iter().map(|(name, value)| (name, value.into_bytes()));
    let path = line.pointer("/upstream/path").and_then(Value::as_str);
    let set = set.chain(path.map(|path| (":path".to_owned(), path.as_bytes().to_vec())));
    let body = line.pointer("/response/body").and_then(Value::as_str);
    Said {
        status: status.unwrap_or(0),
        reason: text("reason"),
        rule: text("rule"),
        would_deny: text("would_deny"),
        headers: if allowed { Vec::new() } else { answer(pairs("/response/headers")) },
        body: body.filter(|_| !allowed).map(body_of),
        upstream: allowed.then(|| carried_out(asked, set.collect(), &removed)),
        response: if allowed { told(pairs("/response/headers")) } else { Vec::new() },
    }
}

fn from_grpc(response: CheckResponse, asked: &Asked) -> Result<Said> {
    let code = response.status.map(|status| status.code);
    let metadata = response.dynamic_metadata.unwrap_or_default().fields;
    let text = |name: &str| match metadata.get(name).and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    let mut said = Said {
        reason: text("reason"),
        rule: text("rule"),
        would_deny: text("would_deny"),
        ..Said::default()
    };
    match response.http_response {
        Some(HttpResponse::OkResponse(ok)) if code == Some(0) => {
            let set = ok.headers.iter().map(wire::pair).collect();
            said.status = 200;
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let more = ok.response_headers_to_add.iter().map(wire::pair);
            said.response = told(more.map(|(name, value)| (name, text(value))).collect());
            said.upstream = Some(carried_out(asked, set, &ok.headers_to_remove));
        }
        Some(HttpResponse::DeniedResponse(denied)) if code != Some(0) => {
            said.status = u16::try_from(denied.status.map_or(0, |status| status.code))?;
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let headers = denied.headers.iter().map(wire::pair);
            said.headers = answer(headers.map(|(name, value)| (name, text(value))).collect());
            said.body = Some(body_of(&denied.body));
        }
        other => return Err(format!("gRPC: code {code:?} with {other:?}").into()),
    }
    Ok(said)
}

fn from_http(response: &Response, asked: &Asked) -> Said {
    if response.status != 200 {
        return denial(response);
    }
    let removed = response.header(REMOVE).unwrap_or_default();
    let removed: Vec<String> = removed.split(',').map(|name| name.trim().to_owned()).collect();
    let own = |name: &str| name != REMOVE && !OF_SERVERS.contains(&name) && !CORS.contains(&name);
    let set = response.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let set = set.filter(|(name, _)| own(name)).collect();
    let upstream = Some(carried_out(asked, set, &removed));
    Said { status: 200, upstream, response: told_in(response), ..Said::default() }
}

fn from_envoy(response: &Response) -> Said {
    if response.header("x-echo").is_none() {
        return denial(response);
    }
    // The answer to a HEAD has no body.
    let seen = match response.header("x-seen") {
        Some(seen) => STANDARD.decode(seen).unwrap_or_default(),
        None => response.body.clone(),
    };
    let seen: Value = serde_json::from_slice(&seen).unwrap_or_default();
    let path = seen.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut pairs = Vec::new();
    for pair in seen.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let name = pair.get(0).and_then(Value::as_str).unwrap_or_default();
        let own = !OF_ENVOY.contains(&name) && !name.starts_with("x-envoy-") && name != "host";
        if let (true, Some(value)) = (own, pair.get(1).and_then(json_to_bytes)) {
            pairs.push((name.to_owned(), value));
        }
    }
    let upstream = Some(Upstream { path, headers: joined(pairs) });
    let told = told_in(response);
    Said { status: response.status, upstream, response: told, ..Said::default() }
}

/// What pages are told, sorted.
fn told(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut own: Vec<_> = own.filter(|(name, _)| CORS.contains(&name.as_str())).collect();
    own.sort();
    own
}

fn told_in(response: &Response) -> Vec<(String, String)> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    told(response.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

fn denial(response: &Response) -> Said {
    // Behind Envoy a gRPC request's denial is HTTP 200 without a body.
    let (status, message) = match response.header("grpc-status").filter(|_| response.status == 200)
    {
        Some("3") => (400, true),
        Some("7") => (403, true),
        Some("14") => (503, true),
        Some("16") => (401, true),
        _ => (response.status, false),
    };
    let body = match message {
        true => response.header("grpc-message").map(Value::from),
        false => (!response.body.is_empty()).then(|| body_of(&response.text())),
    };
    let member = |name: &str| {
        let value = body.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let own = |name: &str| !(message && name == "grpc-message");
    let headers = response.headers.iter().filter(|(name, _)| own(name));
    let headers = headers.map(|(name, value)| (name.clone(), text(value)));
    Said {
        status,
        reason: member("reason"),
        rule: member("rule"),
        headers: answer(headers.collect()),
        body,
        ..Said::default()
    }
}

/// A denial's own headers.
fn answer(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let own = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut own: Vec<_> = own
        .filter(|(name, _)| !OF_SERVERS.contains(&name.as_str()) && !name.starts_with("x-envoy-"))
        .collect();
    for (name, value) in &mut own {
        // No two have it in common.
        if name == "x-sallyport-decision" {
            *value = "*".to_owned();
        }
    }
    own.sort();
    own
}

/// A body without the decision's id, which no two have in common.
fn body_of(text: &str) -> Value {
    let Ok(mut body) = serde_json::from_str::<Value>(text) else {
        // The plain form: its id stands at the end.
        let (sentence, _) = text.split_once(" (decision ").unwrap_or((text, ""));
        return Value::from(sentence);
    };
    if let Some(members) = body.as_object_mut() {
        members.remove("decision");
    }
    body
}

/// What the upstream gets when an answer is carried out as Envoy does: set, then remove.
fn carried_out(asked: &Asked, set: Vec<(String, Vec<u8>)>, removed: &[String]) -> Upstream {
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let (path, set): (Vec<_>, Vec<_>) = set.into_iter().partition(|(name, _)| name == ":path");
    let path = path.last().map(|(_, value)| String::from_utf8_lossy(value).into_owned());
    let mut pairs: Vec<(String, Vec<u8>)> = asked.headers.clone();
    pairs.retain(|(name, _)| !set.iter().any(|(own, _)| is(own, name)));
    pairs.extend(set);
    pairs.retain(|(name, _)| !removed.iter().any(|own| is(own, name)));
    Upstream { path: path.unwrap_or_else(|| asked.path.clone()), headers: joined(pairs) }
}

fn joined(pairs: Vec<(String, Vec<u8>)>) -> BTreeMap<String, Vec<u8>> {
    let mut headers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (name, value) in pairs {
        let name = name.to_ascii_lowercase();
        // Envoy believes no client, and takes it out.
        if name == "x-forwarded-client-cert" {
            continue;
        }
        let between: &[u8] = if name == "cookie" { b"; " } else { b"," };
        match headers.get_mut(&name) {
            Some(own) => {
                own.extend(between);
                own.extend(value);
            }
            None => drop(headers.insert(name, value)),
        }
    }
    headers
}
