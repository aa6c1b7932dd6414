//! The provider's endpoints: which path is which, and the right answer of each.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response};
use serde_json::{Value, json};

use super::introspection::{Form, client};
use super::{Alg, BASE, Endpoint, State, now};
use crate::server::{self, Body};
use crate::{limits, locked};

const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const JWKS: &str = "/protocol/openid-connect/certs";
pub(super) const INTROSPECTION: &str = "/protocol/openid-connect/token/introspect";

pub(super) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Response<Body> {
    let endpoint = match request.uri().path().strip_prefix(BASE) {
        Some(DISCOVERY) => Endpoint::Discovery,
        Some(JWKS) => Endpoint::Jwks,
        Some(INTROSPECTION) => Endpoint::Introspection,
        _ => Endpoint::Other,
    };
    let query = request.uri().query().map(str::to_owned);
    state.arrived(endpoint, query.as_deref());
    let right = match endpoint {
        Endpoint::Discovery => get(&request, || discovery(&state)),
        Endpoint::Jwks => get(&request, || locked(&state.keys).jwks()),
        Endpoint::Introspection => introspect(&state, request).await,
        Endpoint::Other => server::json(404, &json!({ "error": "not_found" })),
    };
    match state.fault(endpoint, query.as_deref()) {
        Some(fault) => fault.apply(right).await,
        None => right,
    }
}

fn get(request: &Request<Incoming>, document: impl FnOnce() -> Value) -> Response<Body> {
    if request.method() == Method::GET { server::json(200, &document()) } else { wrong_method() }
}

fn wrong_method() -> Response<Body> {
    server::json(405, &json!({ "error": "method_not_allowed" }))
}

/// OpenID Connect Discovery 1.0 with the members of RFC 8414 that a resource server reads.
fn discovery(state: &State) -> Value {
    let issuer = &state.issuer;
    let algorithms: Vec<&str> = Alg::ALL.iter().map(|alg| alg.name()).collect();
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}{JWKS}"),
        "authorization_endpoint": format!("{issuer}/protocol/openid-connect/auth"),
        "token_endpoint": format!("{issuer}/protocol/openid-connect/token"),
        "introspection_endpoint": format!("{issuer}{INTROSPECTION}"),
        "introspection_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    })
}

async fn introspect(state: &State, request: Request<Incoming>) -> Response<Body> {
    if request.method() != Method::POST {
        return wrong_method();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, limits::REQUEST_BYTES).collect().await else {
        return server::json(413, &json!({ "error": "invalid_request" }));
    };
    let form = Form::parse(&body.to_bytes());
    let authorization = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or(""));
    if client(authorization, &form).as_ref() != Some(&*locked(&state.client)) {
        let mut refusal = server::json(401, &json!({ "error": "invalid_client" }));
        let challenge = HeaderValue::from_static("Basic realm=\"main\"");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return refusal;
    }
    match form.field("token") {
        Some(token) => server::json(200, &locked(&state.tokens).reply(&token, now())),
        None => server::json(400, &json!({ "error": "invalid_request" })),
    }
}
