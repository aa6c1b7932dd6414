//! The answer of a Check call. Envoy reads `status.code` first: a denial beside code 0 would be an allow. So a
//! [`Verdict`] is one or the other, a denial's code is one of two words that are not OK, and this file alone makes a
//! `CheckResponse`. `error_response` is not used at all: the sidecar answers a dead dependency itself.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;
use sallyport_policy::{Answer, Header, Mutations, Outcome, RawRequest, Reason};
use tonic::Code;

use crate::gate::Judged;
use crate::upstream;

/// What every verdict of ours rests on: the filter reuses one only for a request that is the same in all of these, and in
/// what the route reads besides.
const INPUTS: [&str; 6] = ["scheme", "authority", "method", "path", "authorization", "peer"];

/// Allow or deny, ready for the wire.
pub(crate) enum Verdict {
    Allow(OkHttpResponse),
    Deny(Refusal, DeniedHttpResponse),
}

/// A code of a denial.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    PermissionDenied,
    Unauthenticated,
}

impl Verdict {
    pub(crate) fn new(judged: &Judged, raw: &RawRequest<'_>) -> Self {
        match &judged.decision.outcome {
            Outcome::Allow(permit) => Self::Allow(OkHttpResponse {
                response_headers_to_add: response_headers(&judged.decision.response),
                ..allow(permit.mutations(), raw.headers)
            }),
            Outcome::Deny(denial) => Self::deny(denial.reason, judged.answer(denial, raw)),
        }
    }

    fn deny(reason: Reason, answer: Answer) -> Self {
        let Answer { status, headers, body } = answer;
        let refusal = match reason.status() {
            401 => Refusal::Unauthenticated,
            _ => Refusal::PermissionDenied,
        };
        let headers = headers.into_iter().map(|(name, value)| overwrite(name, value)).collect();
        // A status that Envoy does not accept would fall back to 403.
        let status = Some(HttpStatus { code: i32::from(status) });
        Self::Deny(refusal, DeniedHttpResponse { status, headers, body })
    }

    pub(crate) fn into_response(self, metadata: Struct) -> CheckResponse {
        let (code, response) = match self {
            Self::Allow(ok) => (Code::Ok, HttpResponse::OkResponse(ok)),
            Self::Deny(Refusal::PermissionDenied, denied) => {
                (Code::PermissionDenied, HttpResponse::DeniedResponse(denied))
            }
            Self::Deny(Refusal::Unauthenticated, denied) => {
                (Code::Unauthenticated, HttpResponse::DeniedResponse(denied))
            }
        };
        CheckResponse {
            status: Some(Status { code: i32::from(code), ..Status::default() }),
            dynamic_metadata: Some(metadata),
            http_response: Some(response),
        }
    }
}

/// Envoy takes `:path` like any other header to be set; our filter reads it as the new path.
fn allow(mutations: &Mutations, headers: &[Header<'_>]) -> OkHttpResponse {
    let path = mutations.path.iter().map(|path| overwrite(":path".to_owned(), path.clone()));
    let set = mutations.set.iter();
    OkHttpResponse {
        headers: set
            .map(|(name, value)| overwrite(name.to_string(), value.clone()))
            .chain(path)
            .collect(),
        headers_to_remove: upstream::removed(mutations, headers).into_iter().collect(),
        ..OkHttpResponse::default()
    }
}

/// `vary` lists what a cache compares, so that it is added to; others replace the upstream's.
fn response_headers(headers: &[(&'static str, String)]) -> Vec<HeaderValueOption> {
    let option = |(name, value): &(&'static str, String)| {
        let mut option = overwrite((*name).to_owned(), value.clone());
        if *name == "vary" {
            option.append_action = i32::from(HeaderAppendAction::AppendIfExistsOrAdd);
        }
        option
    };
    headers.iter().map(option).collect()
}

/// `append` stays unset: where it is known it must be false, and false is what unset means to ext_authz.
fn overwrite(key: String, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key, value, raw_value: Vec::new() }),
        append_action: i32::from(HeaderAppendAction::OverwriteIfExistsOrAdd),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    }
}

/// What the filter and access logs learn of a decision.
pub(crate) fn metadata(judged: &Judged, filters_digest: Option<&str>) -> Struct {
    let decision = &judged.decision;
    let mut fields = std::collections::HashMap::new();
    let mut put = |name: &str, kind: Kind| {
        fields.insert(name.to_owned(), Value { kind: Some(kind) });
    };
    let text = |text: &str| Kind::StringValue(text.to_owned());
    if let Some(rule) = &decision.rule {
        put("rule", text(rule));
    }
    put("reason", text(decision.reason.word()));
    if let Some(reason) = decision.would_deny {
        put("would_deny", text(Reason::word(reason)));
    }
    put("decision", text(&judged.id));
    put("ttl", Kind::NumberValue(f64::from(judged.ttl(filters_digest))));
    put("generation", Kind::NumberValue(number(judged.generation)));
    put("policy_digest", text(judged.loaded.policy.digest()));
    let more = decision.inputs.iter().flat_map(|inputs| inputs.words());
    let inputs = INPUTS.iter().map(|name| (*name).to_owned()).chain(more);
    let inputs = inputs.map(|name| Value { kind: Some(Kind::StringValue(name)) }).collect();
    put("inputs", Kind::ListValue(ListValue { values: inputs }));
    Struct { fields }
}

/// Exact up to 2^53: milliseconds reach that in the year 287396.
fn number(integer: u64) -> f64 {
    let low = u32::try_from(integer & 0xffff_ffff).unwrap_or(0);
    let high = u32::try_from(integer >> 32).unwrap_or(0);
    f64::from(high).mul_add(4_294_967_296.0, f64::from(low))
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{Answer, Denial, Reason};

    use super::{Struct, Verdict, number};
    use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;

    /// Whatever the reason: a denial's code is not OK, and what it carries is a denied response.
    #[test]
    fn a_denial_is_never_beside_code_zero() {
        for reason in Reason::ALL {
            let answer = Answer::new(&Denial::new(*reason), "s", None, "d");
            let response = Verdict::deny(*reason, answer).into_response(Struct::default());
            let expected = if reason.status() == 401 { 16 } else { 7 };
            assert_eq!(response.status.unwrap().code, expected, "{reason}");
            let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else {
                panic!("{reason}")
            };
            assert_eq!(denied.status.unwrap().code, i32::from(reason.status()), "{reason}");
        }
    }

    #[test]
    fn generations_are_exact() {
        for (integer, expected) in [(0, 0.0), (1, 1.0), (1_790_000_000_123, 1_790_000_000_123.0)] {
            assert!((number(integer) - expected).abs() < 0.1);
        }
    }
}
