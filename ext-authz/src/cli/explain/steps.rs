//! What a check noted down, in words: who was asked, what it found, where that is written, what was asked for and what
//! there was. Of claims, headers and the query only what the route reads, and a value that looks like a token never.

use std::sync::Arc;

use sallyport_jwt::{ClaimPath, looks_like_jws};
use sallyport_policy::{
    CorsRefusal, CredentialState, Door, Finding, Identity, Note, Preflight, RawRequest, Reason,
    RoleQuestion,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::way::SettingReport;
use crate::cli::check::offline::Offline;

/// One thing that was found.
#[derive(Debug, Serialize)]
pub(super) struct StepReport {
    pub(super) door: &'static str,
    pub(super) what: String,
    pub(super) found: String,
    pub(super) reason: Option<Reason>,
    /// Where the file says so.
    pub(super) place: Option<String>,
    /// It is why the request is, or would be, denied.
    pub(super) decides: bool,
    /// What was asked for, and what there was.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) inputs: Value,
}

/// What the route asks for, and of whom.
pub(super) struct Asked<'a> {
    pub(super) settings: &'a [SettingReport],
    /// As written.
    pub(super) route: Option<&'a Value>,
    /// The route's place in the file.
    pub(super) place: &'a str,
    pub(super) identity: Option<&'a Identity>,
    pub(super) raw: RawRequest<'a>,
    /// The file's `issuers`, without what the filter may not know.
    pub(super) issuers: &'a Value,
    pub(super) offline: &'a Offline,
}

/// What was told of a token, for the authenticator that is told next.
#[derive(Default)]
struct Told {
    issuer: Option<Arc<str>>,
    token: Option<Map<String, Value>>,
}

/// A step without its door.
struct Found {
    what: String,
    found: String,
    reason: Option<Reason>,
    place: Option<String>,
    inputs: Value,
}

fn found(what: impl Into<String>, found: impl Into<String>, reason: Option<Reason>) -> Found {
    Found { what: what.into(), found: found.into(), reason, place: None, inputs: Value::Null }
}

impl Asked<'_> {
    pub(super) fn steps(&self, door: Door, notes: Vec<Note>) -> Vec<StepReport> {
        let mut told = Told::default();
        let mut steps = Vec::new();
        for note in notes {
            let Some(step) = self.step(note, &mut told) else { continue };
            let Found { what, found, reason, place, inputs } = step;
            let (door, decides, inputs) = (door.word(), false, masked(inputs));
            steps.push(StepReport { door, what, found, reason, place, decides, inputs });
        }
        steps
    }

    fn step(&self, note: Note, told: &mut Told) -> Option<Found> {
        Some(match note {
            Note::Issuer(name) => {
                told.issuer = Some(name);
                return None;
            }
            Note::Token(token) => {
                told.token = Some(*token);
                return None;
            }
            Note::Authenticator { kind, finding } => {
                let Told { issuer, token } = std::mem::take(told);
                self.authenticator(kind, issuer.as_deref(), finding, token)
            }
            Note::NoRoute(reason) => found("route", self.without_route(reason), Some(reason)),
            Note::Preflight(preflight) => self.preflight(&preflight),
            Note::Cors(refused) => return self.cors(refused),
            Note::Open => self.allow("unauthenticated", "no credential is read", None),
            Note::Shut => self.allow("nobody", "nobody passes", Some(Reason::DeniedByRule)),
            Note::Credential { place, state, next } => {
                let (state, reason) = credential(state, next);
                found(format!("credential, {place}"), state, reason)
            }
            Note::Anonymous => Found {
                inputs: self.caller(),
                ..found("anonymous", "accepted: nobody else vouched for the caller", None)
            },
            Note::NotAnonymous => found(
                "anonymous",
                "not for whoever shows a credential that none of the others knows",
                None,
            ),
            Note::Scopes(refused) => {
                let setting = self.setting("scopes")?;
                let granted = self.identity.map(Identity::scopes);
                let inputs = json!({ "asked": setting.value, "granted": granted });
                placed(found("scopes", holds(refused), refused), setting, inputs)
            }
            Note::Claim { index, equals, refused } => self.claim(index, equals, refused)?,
            Note::AlwaysDenied => {
                let reason = Some(Reason::DeniedByRule);
                let step = found("authorization", "always_deny: nobody passes", reason);
                match self.setting("authorization") {
                    Some(setting) => placed(step, setting, Value::Null),
                    None => step,
                }
            }
            Note::RoleQuestion(question) => Found {
                place: Some(format!("{}.rbac", self.place)),
                inputs: self.question(&question),
                ..found("rbac", "asks the roles", None)
            },
            Note::Roles(None) => found("rbac", "left to the sidecar", None),
            Note::Roles(Some(answer)) => found("rbac", holds(answer.err()), answer.err()),
            Note::Unavailable { open } => self.unavailable(open),
            Note::Reshape(reason) => {
                let told = "makes a path that could not be judged";
                let step = found("forward.path", told, Some(reason));
                match self.setting("forward") {
                    Some(setting) => placed(step, setting, Value::Null),
                    None => step,
                }
            }
        })
    }

    fn setting(&self, name: &str) -> Option<&SettingReport> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    fn authenticator(
        &self,
        kind: &str,
        issuer: Option<&str>,
        finding: Finding,
        token: Option<Map<String, Value>>,
    ) -> Found {
        let (told, reason) = finding_words(finding);
        let name = issuer.map_or(String::new(), |name| format!(" {name}"));
        let step = found(format!("{kind}{name}"), told, reason);
        if let (Finding::Unavailable, Some(name)) = (finding, issuer)
            && let Some(option) = self.offline.missing(name)
        {
            return Found {
                inputs: json!({ "not_given": format!("{option} {name}=FILE") }),
                ..step
            };
        }
        match (finding, reason, token) {
            (Finding::Accepted, ..) => Found { inputs: self.caller(), ..step },
            (_, Some(reason), Some(token)) => self.refused_token(step, issuer, reason, &token),
            _ => step,
        }
    }

    /// What the refused token says of itself, and what the issuer's rule asks for.
    fn refused_token(
        &self,
        step: Found,
        issuer: Option<&str>,
        reason: Reason,
        token: &Map<String, Value>,
    ) -> Found {
        let (members, rule) = about(reason);
        let mut inputs = Map::new();
        let written = |name: &str| self.issuers.get(name)?.get(rule).cloned();
        match issuer {
            Some(name) => inputs.extend(written(name).map(|asked| ("asked".to_owned(), asked))),
            // It names none of the place's issuers.
            None => {
                let setting = self.setting("authenticate").and_then(|it| it.value.as_array());
                let names = setting.into_iter().flatten().filter_map(|it| it.get("jwt")?.as_str());
                let asked: Vec<Value> = names.filter_map(written).collect();
                inputs.insert("asked".to_owned(), Value::Array(asked));
            }
        }
        for name in members {
            inputs.extend(token.get(*name).map(|value| ((*name).to_owned(), value.clone())));
        }
        if matches!(reason, Reason::TokenExpired | Reason::TokenNotYetValid) {
            inputs.insert("now".to_owned(), json!(self.offline.now().0));
        }
        let place = issuer.filter(|_| !rule.is_empty()).map(|name| format!("issuers.{name}"));
        let place = place.or(step.place.clone());
        let inputs = if inputs.is_empty() { Value::Null } else { Value::Object(inputs) };
        Found { place, inputs, ..step }
    }

    fn allow(&self, word: &str, told: &str, reason: Option<Reason>) -> Found {
        let place = Some(format!("{}.allow", self.place));
        Found { place, ..found(format!("allow: {word}"), told, reason) }
    }

    fn without_route(&self, reason: Reason) -> &'static str {
        let path = self.raw.path.split(|byte| *byte == b'?').next().unwrap_or_default();
        if reason == Reason::RuleAmbiguous {
            "several fit, and none is more specific"
        } else if reason != Reason::RequestMalformed {
            "none fits"
        } else if path.contains(&b';') {
            "may not judge: an upstream that cuts `;` and what follows off reads another route's path"
        } else {
            "may not judge: `%2F` needs a route with `encoded_slashes: allow`, also for the path with a slash there"
        }
    }

    fn preflight(&self, preflight: &Preflight) -> Found {
        let Preflight { method, route, refused } = preflight;
        let what = format!("preflight for {method}");
        match route {
            None => found(what, "no route judges that request, so this is one like others", None),
            Some((name, false)) => {
                let told = format!(
                    "the route `{name}` judges that request and has no `cors`, so this is one like others"
                );
                found(what, told, None)
            }
            Some((_, true)) => self.judged_origin(what, *refused),
        }
    }

    fn cors(&self, refused: Option<CorsRefusal>) -> Option<Found> {
        self.header("origin")?;
        Some(self.judged_origin("cors".to_owned(), refused))
    }

    fn judged_origin(&self, what: String, refused: Option<CorsRefusal>) -> Found {
        let told = match refused {
            None => "holds",
            Some(CorsRefusal::Origin) => "fails, the origin is not listed",
            Some(CorsRefusal::Method) => "fails, the method is not listed",
            Some(CorsRefusal::Header) => "fails, a header is not listed",
        };
        let step = found(what, told, refused.map(|_| Reason::CorsRefused));
        let Some(setting) = self.setting("cors") else { return step };
        let mut inputs = Map::new();
        inputs.insert("asked".to_owned(), setting.value.clone());
        let told = ["origin", "access-control-request-method", "access-control-request-headers"];
        for name in told {
            let Some(text) = self.header(name) else { continue };
            inputs.insert(name.to_owned(), json!(text));
        }
        let inputs = Value::Object(inputs);
        placed(step, setting, inputs)
    }

    /// A header of the CORS protocol, which holds no secret; several joined.
    fn header(&self, name: &str) -> Option<String> {
        let of_name = |(own, _): &&(&[u8], &[u8])| own.eq_ignore_ascii_case(name.as_bytes());
        let values = self.raw.headers.iter().filter(of_name);
        let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value)).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn claim(
        &self,
        index: usize,
        equals: Option<String>,
        refused: Option<Reason>,
    ) -> Option<Found> {
        let setting = self.setting("claims")?;
        let asked = setting.value.get(index)?;
        let name = asked.get("claim")?.as_str()?;
        let mut inputs = Map::new();
        inputs.insert("asked".to_owned(), asked.clone());
        if asked.get("equals").is_some_and(|equals| !equals.is_null()) {
            inputs.insert("equals".to_owned(), json!(equals));
        }
        inputs.insert("value".to_owned(), self.claim_value(name).unwrap_or_default());
        let step = found(format!("claim {name}"), holds(refused), refused);
        let place = Some(format!("{}[{index}]", setting.place));
        Some(Found { place, inputs: Value::Object(inputs), ..step })
    }

    fn claim_value(&self, path: &str) -> Option<Value> {
        let path: ClaimPath = path.parse().ok()?;
        self.identity?.claims().at(&path).cloned()
    }

    fn question(&self, question: &RoleQuestion) -> Value {
        let mut inputs = Map::new();
        let mut put = |name: &str, value: Value| inputs.insert(name.to_owned(), value);
        put("asked", self.route.and_then(|route| route.get("rbac")).cloned().unwrap_or_default());
        put("user", json!(question.user));
        put("user_bound", json!(question.user_bound));
        if let Some(groups) = &question.groups {
            put("groups", groups.iter().map(|(group, _)| json!(group)).collect());
            let bound = groups.iter().filter(|(_, bound)| *bound);
            put("groups_bound", bound.map(|(group, _)| json!(group)).collect());
        }
        put("api", json!(question.api));
        put("resource", json!(question.resource));
        if let Some(namespace) = &question.namespace {
            put("namespace", json!(namespace));
        }
        put("verb", json!(question.verb));
        Value::Object(inputs)
    }

    fn unavailable(&self, open: bool) -> Found {
        let (told, reason) = if open {
            ("a dependency did not answer, and `open` lets the request pass", None)
        } else {
            (
                "a dependency did not answer, and `closed` denies",
                Some(Reason::DependencyUnavailable),
            )
        };
        let place = self.setting("failure_mode").map(|setting| setting.place.clone());
        Found { place, ..found("failure_mode", told, reason) }
    }

    fn caller(&self) -> Value {
        let told = |identity: &Identity| json!({ "subject": identity.subject(), "client": identity.client() });
        self.identity.map(told).unwrap_or_default()
    }
}

/// With the place of the setting that asks.
fn placed(step: Found, setting: &SettingReport, inputs: Value) -> Found {
    Found { place: Some(setting.place.clone()), inputs, ..step }
}

/// Whatever was read of a request, a token or a provider's answer: nobody should read a token there; should one, it is
/// not told.
fn masked(value: Value) -> Value {
    match value {
        Value::String(text) if holds_token(&text) => json!("(a token)"),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(members) => {
            let told =
                |name: String| if holds_token(&name) { "(a token)".to_owned() } else { name };
            members.into_iter().map(|(name, value)| (told(name), masked(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Whether a part of a text is shaped like one, whatever stands around it. `=` may be padding, or before the token.
fn holds_token(text: &str) -> bool {
    ["-_.=", "-_."].iter().any(|others| {
        let between = |char: char| !char.is_ascii_alphanumeric() && !others.contains(char);
        text.split(between).any(|word| looks_like_jws(word.trim_matches('.').as_bytes()))
    })
}

/// Members of a token that a refusal is about, and the rule of the issuer.
fn about(reason: Reason) -> (&'static [&'static str], &'static str) {
    const ABOUT: &[(Reason, &[&str], &str)] = &[
        (Reason::IssuerUnknown, &["iss", "tid"], "issuer"),
        (Reason::AudienceMismatch, &["aud"], "audiences"),
        (Reason::ClientMismatch, &["azp", "client_id", "appid", "cid"], "clients"),
        (Reason::TokenExpired, &["exp"], ""),
        (Reason::TokenNotYetValid, &["nbf", "iat"], ""),
        (Reason::TokenLifetimeExceeded, &["iat", "exp"], "max_lifetime"),
        (Reason::AlgorithmNotAllowed, &["alg"], "algorithms"),
        (Reason::KeyUnknown, &["alg", "kid"], ""),
        (Reason::SignatureInvalid, &["alg", "kid"], ""),
    ];
    let found = ABOUT.iter().find(|(known, ..)| *known == reason);
    found.map_or((&[], ""), |(_, members, rule)| (members, rule))
}

fn credential(state: CredentialState, next: bool) -> (&'static str, Option<Reason>) {
    match (state, next) {
        (CredentialState::Absent, _) => ("absent", None),
        (CredentialState::Present, _) => ("present", None),
        (CredentialState::Malformed, true) => {
            ("malformed, the next may try", Some(Reason::TokenMalformed))
        }
        (CredentialState::Malformed, false) => {
            ("malformed, and that is final", Some(Reason::TokenMalformed))
        }
        (CredentialState::Ambiguous, _) => {
            ("more than one, and that is final", Some(Reason::CredentialAmbiguous))
        }
    }
}

fn holds(reason: Option<Reason>) -> &'static str {
    if reason.is_none() { "holds" } else { "fails" }
}

fn finding_words(finding: Finding) -> (&'static str, Option<Reason>) {
    match finding {
        Finding::Accepted => ("accepted", None),
        Finding::NotMine(reason) => ("not this one's", Some(reason)),
        Finding::Refused(reason) => ("refused, and that is final", Some(reason)),
        Finding::RefusedNext(reason) => ("refused, the next may try", Some(reason)),
        Finding::LeftToSidecar => ("left to the sidecar", None),
        Finding::Asked => ("a dependency was to be asked", None),
        Finding::Unavailable => {
            ("no answer from its provider", Some(Reason::DependencyUnavailable))
        }
    }
}
