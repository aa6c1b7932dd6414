//! Envoy clusters: the protected service, the sidecar's two doors, and the issuers' hosts.

use serde_json::{Value, json};

use super::address::{HostPort, SidecarAddress};
use super::issuer_host::IssuerHost;

/// Requests and connections that may wait for a dependency. Envoy's default is 1024, which a burst of cold requests
/// reaches; beyond the bound a request is answered 503 at once.
const MAX_WAITING: u32 = 16_384;

/// A plain HTTP/1.1 cluster.
pub(super) fn http(name: &str, address: &HostPort) -> Value {
    cluster(name, address.is_ip(), &address.envoy())
}

/// The sidecar's gRPC door: HTTP/2.
pub(super) fn sidecar(name: &str, address: &SidecarAddress) -> Value {
    let mut cluster = match address {
        SidecarAddress::Unix(path) => cluster(name, true, &json!({ "pipe": { "path": path } })),
        SidecarAddress::Tcp(address) => cluster(name, address.is_ip(), &address.envoy()),
    };
    set(
        &mut cluster,
        "typed_extension_protocol_options",
        json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        }),
    );
    cluster
}

/// An issuer's host. Its certificate must be of a known authority (`ca`, a file of the proxy) and name the host.
pub(super) fn issuer(name: &str, host: &IssuerHost, ca: &str) -> Value {
    let mut cluster = http(name, &host.address);
    if host.tls {
        set(&mut cluster, "transport_socket", tls(&host.address, ca));
    }
    cluster
}

fn tls(address: &HostPort, ca: &str) -> Value {
    let kind = if address.is_ip() { "IP_ADDRESS" } else { "DNS" };
    let mut context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
            "validation_context": {
                "trusted_ca": { "filename": ca },
                "match_typed_subject_alt_names": [
                    { "san_type": kind, "matcher": { "exact": address.host } },
                ],
            },
        },
    });
    // RFC 6066 section 3: no IP addresses in server_name.
    if !address.is_ip() {
        set(&mut context, "sni", json!(address.host));
    }
    json!({ "name": "envoy.transport_sockets.tls", "typed_config": context })
}

fn cluster(name: &str, fixed: bool, address: &Value) -> Value {
    json!({
        "name": name,
        "type": if fixed { "STATIC" } else { "STRICT_DNS" },
        "connect_timeout": "1s",
        "circuit_breakers": { "thresholds": [{
            "max_connections": MAX_WAITING,
            "max_pending_requests": MAX_WAITING,
            "max_requests": MAX_WAITING,
        }] },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
    })
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
