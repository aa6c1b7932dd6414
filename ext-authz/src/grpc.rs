//! The gRPC door: `envoy.service.auth.v3.Authorization/Check`, asked by our filter (topology A) or by Envoy's own
//! ext_authz (B, C). Everything is judged anew from the original request: no header is believed, and no context extension
//! but the digest of the filter's policy and the names that it read in the client's certificate.

use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::address::Address;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use sallyport_policy::{Header, RawRequest};
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status, async_trait};

use crate::certificate::ClientCertificate;
use crate::gate::{Entrance, Gate};
use crate::swap::Channel;
use crate::verdict::{Verdict, metadata};

/// Where the filter writes the digest of its policy.
const DIGEST: &str = "sallyport.policy_digest";

/// The service.
pub(crate) struct AuthorizationDoor(pub(crate) Arc<Gate>);

#[async_trait]
impl Authorization for AuthorizationDoor {
    /// Denials, of unreadable requests too, are answers; an RPC error would be left to `failure_mode_allow`.
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        // Of which kind the listener was; tonic's own note, nothing that a client could send.
        let private = request.extensions().get::<UdsConnectInfo>().is_some();
        let channel = if private { Channel::Private } else { Channel::Public };
        let attributes = request.into_inner().attributes.unwrap_or_default();
        let http = attributes.request.and_then(|request| request.http).unwrap_or_default();
        let headers = headers(&http);
        let raw = RawRequest {
            method: http.method.as_bytes(),
            scheme: http.scheme.as_bytes(),
            authority: http.host.as_bytes(),
            path: http.path.as_bytes(),
            headers: &headers,
            peer: attributes.source.as_ref().map_or(&[], peer),
        };
        let pem = attributes.source.as_ref().map_or("", |source| &source.certificate);
        let certificate = ClientCertificate::told(pem, &attributes.context_extensions);
        let judged = self.0.judge(raw, certificate, (Entrance::Grpc, channel)).await;
        let digest = attributes.context_extensions.get(DIGEST).map(String::as_str);
        let verdict = Verdict::new(&judged, &raw);
        Ok(Response::new(verdict.into_response(metadata(&judged, digest))))
    }
}

/// From both places: Envoy fills one of them, and were it two, a credential in both is two credentials.
fn headers(http: &HttpRequest) -> Vec<Header<'_>> {
    let map = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
        let value = if header.raw_value.is_empty() {
            header.value.as_bytes()
        } else {
            header.raw_value.as_slice()
        };
        (header.key.as_bytes(), value)
    });
    let plain = http.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    map.chain(plain).filter(|(name, _)| !name.starts_with(b":")).collect()
}

fn peer(source: &Peer) -> &[u8] {
    match source.address.as_ref().and_then(|address| address.address.as_ref()) {
        Some(Address::SocketAddress(socket)) => socket.address.as_bytes(),
        Some(Address::Pipe(_) | Address::EnvoyInternalAddress(_)) | None => &[],
    }
}
