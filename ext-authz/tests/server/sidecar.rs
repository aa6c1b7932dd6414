//! A running sidecar with its files in a directory of its own, and clients for its doors.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use sallyport_ext_authz::config::{Address as Listener, Config};
use sallyport_ext_authz::serve::{ServeOptions, Server};
use tonic::transport::{Channel, Endpoint};

use super::provider::{Provider, SECRET};

pub(crate) const POLICY: &str = r#"
version: 1
service: orders
issuers:
  main: { issuer: "PROVIDER", jwks: { discovery: true }, audiences: [orders], algorithms: [EdDSA] }
  opaque: { audiences: [orders], introspection: { url: "PROVIDER/introspect", client_id: gate, client_secret: { file: secret } } }
  moved: { introspection: { url: "PROVIDER/moved", client_id: gate, client_secret: { file: secret } } }
  other: { issuer: "PROVIDER/other", jwks: { discovery: true }, audiences: [orders], algorithms: [EdDSA] }
roles: [roles.yaml]
timeout: 5s
routes:
  - name: read
    match: { path: "/orders/{id}", methods: [GET] }
    authenticate: [ { jwt: main } ]
    scopes: { all_of: [orders.read] }
    forward: { headers: { x-user: "{subject}", x-tenant-id: "{claims.tenant}" } }
  - name: opaque
    match: { path: "/opaque/{id}" }
    authenticate: [ { introspection: opaque } ]
    scopes: { all_of: [orders.read] }
    forward: { headers: { x-user: "{subject}" } }
  - name: open-failing
    match: { path: "/lenient/{id}" }
    authenticate: [ { introspection: opaque } ]
    failure_mode: open
  - name: moved
    match: { path: "/moved/{id}" }
    authenticate: [ { introspection: moved } ]
  - name: other
    match: { path: "/other/{id}" }
    authenticate: [ { jwt: other } ]
  - name: watched
    match: { path: "/watched/{id}" }
    authenticate: [ { jwt: main } ]
    scopes: { all_of: [orders.write] }
    shadow: true
  - name: delete
    match: { path: "/orders/{id}", methods: [DELETE] }
    authenticate: [ { jwt: main } ]
    rbac: { api: orders, resource: order }
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
"#;

const ROLES: &str = "
api: core
kind: Role
metadata: { name: admin }
rules: [ { api: orders, resources: [order], namespaces: [], verbs: [delete] } ]
---
api: core
kind: RoleBinding
metadata: { name: admin }
users: [root]
roles: [admin]
";

static NEXT: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct Sidecar {
    pub(crate) provider: Arc<Provider>,
    server: Option<Server>,
    pub(crate) directory: PathBuf,
    pub(crate) client: AuthorizationClient<Channel>,
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

impl Sidecar {
    pub(crate) async fn start() -> Self {
        Self::beside(Provider::start().await).await
    }

    /// Beside a provider that answers introspection requests only as it is permitted.
    pub(crate) async fn start_held() -> Self {
        Self::beside(Provider::start_held().await).await
    }

    /// With a policy of its own.
    pub(crate) async fn with_policy(policy: &str) -> Self {
        Self::with_files(policy, &[]).await
    }

    /// With files beside the policy.
    pub(crate) async fn with_files(policy: &str, files: &[(&str, &str)]) -> Self {
        Self::run(Provider::start().await, policy, files).await
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Stops the server; the files stay until then.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    async fn beside(provider: Arc<Provider>) -> Self {
        Self::run(provider, POLICY, &[("secret", SECRET), ("roles.yaml", ROLES)]).await
    }

    async fn run(provider: Arc<Provider>, text: &str, files: &[(&str, &str)]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let directory =
            std::env::temp_dir().join(format!("sallyport-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for (name, text) in files {
            std::fs::write(directory.join(name), text).unwrap();
        }
        let policy = directory.join("policy.yaml");
        std::fs::write(&policy, text.replace("PROVIDER", &provider.url)).unwrap();
        let config = Config::parse(&format!(
            "listen: {{ grpc: ['unix:{directory}/s.sock', '127.0.0.1:0'], http: ['127.0.0.1:0'], admin: ['127.0.0.1:0'] }}\n\
             export: {{ ndjson: {{ path: '{directory}/records.ndjson' }} }}",
            directory = directory.display(),
        ))
        .unwrap();
        let server = Server::start(ServeOptions { policy, config }).await.unwrap();
        let channel = channel(&server, false).await;
        let client = AuthorizationClient::new(channel);
        Self { provider, server: Some(server), directory, client }
    }

    pub(crate) async fn channel(&self, unix: bool) -> Channel {
        channel(self.server(), unix).await
    }

    pub(crate) fn write_policy(&self, text: &str) {
        let text = text.replace("PROVIDER", &self.provider.url);
        // Not in place: half a file must never be read.
        let new = self.directory.join("policy.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.directory.join("policy.yaml")).unwrap();
    }

    pub(crate) async fn check(&self, request: Asked<'_>) -> Answered {
        let response = self.client.clone().check(request.into_grpc()).await.unwrap();
        Answered::new(response.into_inner())
    }

    /// The value of a sample line that starts with this text.
    pub(crate) fn metric(&self, start: &str) -> u64 {
        let text = self.server().metrics().text();
        let line = text.lines().find(|line| line.starts_with(start));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

async fn channel(server: &Server, unix: bool) -> Channel {
    let wanted = |address: &&Listener| matches!(address, Listener::Unix(_)) == unix;
    let uri = match server.addresses().grpc.iter().find(wanted).unwrap() {
        Listener::Tcp(address) => format!("http://{address}"),
        Listener::Unix(path) => format!("unix://{}", path.display()),
    };
    Endpoint::from_shared(uri).unwrap().connect().await.unwrap()
}

/// Waits for a condition that a task behind the server's doors brings about.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

/// A request to ask about.
#[derive(Clone, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
    /// `headers` instead of `header_map`.
    pub(crate) plain: bool,
    pub(crate) digest: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub(crate) fn get(path: &'a str, token: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        Self { method: "GET", path, headers, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'a str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn into_grpc(self) -> CheckRequest {
        let mut http = HttpRequest {
            method: self.method.to_owned(),
            path: self.path.to_owned(),
            host: "api.example.com".to_owned(),
            scheme: "https".to_owned(),
            ..HttpRequest::default()
        };
        if self.plain {
            http.headers =
                self.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        } else {
            let headers = self.headers.into_iter().map(|(name, value)| HeaderValue {
                key: name.to_owned(),
                value: String::new(),
                raw_value: value.into_bytes(),
            });
            http.header_map = Some(HeaderMap { headers: headers.collect() });
        }
        let digest = self.digest.map(|digest| ("sallyport.policy_digest".into(), digest.into()));
        let socket = SocketAddress { address: "192.0.2.1".to_owned(), ..SocketAddress::default() };
        let address = Address { address: Some(address::Address::SocketAddress(socket)) };
        CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(Request { time: None, http: Some(http) }),
                source: Some(Peer { address: Some(address), ..Peer::default() }),
                context_extensions: digest.into_iter().collect(),
                ..AttributeContext::default()
            }),
        }
    }
}

/// A CheckResponse, read.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) code: i32,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) remove: Vec<String>,
    pub(crate) body: String,
    metadata: std::collections::HashMap<String, Kind>,
}

impl Answered {
    fn new(response: CheckResponse) -> Self {
        let (status, options, remove, body) = match response.http_response.unwrap() {
            HttpResponse::OkResponse(ok) => (200, ok.headers, ok.headers_to_remove, String::new()),
            HttpResponse::DeniedResponse(denied) => {
                let status = u16::try_from(denied.status.unwrap().code).unwrap();
                (status, denied.headers, Vec::new(), denied.body)
            }
            HttpResponse::ErrorResponse(_) => panic!("never an error response"),
        };
        let headers = options.into_iter().filter_map(|option| option.header);
        let fields = response.dynamic_metadata.unwrap().fields;
        Self {
            code: response.status.unwrap().code,
            status,
            headers: headers.map(|header| (header.key, header.value)).collect(),
            remove,
            body,
            metadata: fields.into_iter().map(|(name, value)| (name, value.kind.unwrap())).collect(),
        }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.metadata.get(name) {
            Some(Kind::StringValue(text)) => text,
            None => "",
            Some(other) => panic!("{name} is {other:?}"),
        }
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        match &self.metadata[name] {
            Kind::NumberValue(number) => *number,
            Kind::StringValue(_)
            | Kind::NullValue(_)
            | Kind::BoolValue(_)
            | Kind::StructValue(_)
            | Kind::ListValue(_) => panic!("{name} is no number"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
