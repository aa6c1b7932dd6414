//! A small Envoy for the suite of keys: one listener with the filter, four workers, an upstream and the development
//! identity provider. There is no sidecar, which would fetch keys of its own: every request to the provider is the
//! filter's.

use std::time::{Duration, Instant};

use sallyport_policy::{Document, Format, PluginConfig};
use sallyport_tests::cases::HOST;
use sallyport_tests::echo::Echo;
use sallyport_tests::envoy::{Binary, CURRENT, Envoy, Options};
use sallyport_tests::failures::told;
use sallyport_tests::http1::{Connection, Request};
use sallyport_tests::idp::{Endpoint, Idp};
use sallyport_tests::parts::Parts;
use sallyport_tests::{Result, limits, wait};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

/// Threads of Envoy that run the filter.
pub(crate) const WORKERS: u32 = 4;
/// How long what is bound to come may take on a busy machine.
pub(crate) const SECONDS: Duration = Duration::from_secs(10);

/// Envoy and what is around it.
pub(crate) struct Rig {
    /// With the filter.
    pub(crate) envoy: Envoy,
    /// The provider.
    pub(crate) idp: Idp,
    /// The upstream.
    pub(crate) echo: Echo,
    port: u16,
}

/// An issuer of the policy: tokens of the development provider, keys as told. Its route is `/NAME/{id}`.
pub(crate) fn issuer(name: &str, jwks: Value) -> (String, Value) {
    (name.to_owned(), jwks)
}

impl Rig {
    /// Starts everything with the issuers that `issuers` makes for the provider.
    ///
    /// # Errors
    /// When a part is missing or does not start.
    pub(crate) async fn open(issuers: impl FnOnce(&Idp) -> Vec<(String, Value)>) -> Result<Self> {
        let (parts, binary) = (Parts::find()?, Binary::locate(CURRENT).await?);
        let (idp, echo) = (Idp::start(0).await?, Echo::start(0).await?);
        let filter = filter(&policy(idp.issuer(), issuers(&idp)))?;
        let bootstrap = bootstrap(&parts, filter, &idp, &echo);
        let options = Options { concurrency: WORKERS, ..Options::default() };
        let envoy = Envoy::start(&binary, &bootstrap.to_string(), options).await?;
        let port = envoy.listener_ports().await?.get("gate").copied().ok_or("no listener")?;
        Ok(Self { envoy, idp, echo, port })
    }

    /// A kept connection. Envoy deals new ones out evenly, so [`WORKERS`] in a row are one for each worker.
    ///
    /// # Errors
    /// When the connect fails.
    pub(crate) async fn connect(&self) -> Result<Client> {
        Ok(Client(Connection::open(([127, 0, 0, 1], self.port).into()).await?))
    }

    /// Answers of three connections to each worker, sent at once.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn everywhere(&self, path: &str, token: &str) -> Result<Vec<(u16, String)>> {
        let mut sends = JoinSet::new();
        for _ in 0..WORKERS.saturating_mul(3) {
            let (mut client, path, token) =
                (self.connect().await?, path.to_owned(), token.to_owned());
            sends.spawn(async move { client.get(&path, &token).await });
        }
        sends.join_all().await.into_iter().collect()
    }

    /// Waits until every worker answers with this status and reason.
    ///
    /// # Errors
    /// When one still does not at the deadline.
    pub(crate) async fn until_everywhere(
        &self,
        path: &str,
        token: &str,
        want: (u16, &str),
    ) -> Result<()> {
        let all = || async {
            let answers = self.everywhere(path, token).await.unwrap_or_default();
            !answers.is_empty()
                && answers.iter().all(|(status, reason)| (*status, reason.as_str()) == want)
        };
        wait::until(SECONDS, all).await.map_err(|error| format!("{path} {want:?}: {error}").into())
    }

    /// When requests for the key set with this query came.
    pub(crate) fn fetches(&self, query: Option<&str>) -> Vec<Instant> {
        self.idp.arrivals(Endpoint::Jwks, query)
    }

    /// Waits until so many requests for the key set with this query came.
    ///
    /// # Errors
    /// When there are fewer at the deadline.
    pub(crate) async fn wait_fetches(
        &self,
        query: Option<&str>,
        count: usize,
    ) -> Result<Vec<Instant>> {
        let look = || async { Some(self.fetches(query)).filter(|all| all.len() >= count) };
        let found = wait::value(SECONDS, look).await;
        found.map_err(|_| {
            format!("{} fetches of {query:?}, not {count}", self.fetches(query).len()).into()
        })
    }

    /// A counter or gauge of the filter.
    ///
    /// # Errors
    /// When the admin port does not answer.
    pub(crate) async fn stat(&self, name: &str) -> Result<u64> {
        self.envoy.stat(&format!("wasmcustom.sallyport.{name}")).await
    }

    /// Waits until a counter or gauge of the filter is that high.
    ///
    /// # Errors
    /// When it is lower at the deadline.
    pub(crate) async fn wait_stat(&self, name: &str, least: u64) -> Result<u64> {
        let name = format!("wasmcustom.sallyport.{name}");
        self.envoy.wait_stat(&name, least, limits::COUNTED).await
    }

    /// Ends everything; no VM may have died.
    ///
    /// # Errors
    /// When one has, or a part did not end as it should.
    pub(crate) async fn close(mut self) -> Result<()> {
        let reloads = self.envoy.stats("wasm.").await?;
        let log = self.envoy.log()?;
        self.envoy.stop().await?;
        self.idp.stop().await?;
        self.echo.stop().await?;
        let reloaded = reloads.iter().any(|(name, value)| name.contains("vm_reload") && *value > 0);
        let bad = |line: &&str| line.contains("[critical]") || line.contains("Function: proxy_");
        match log.lines().find(bad) {
            Some(line) => Err(format!("Envoy's log: {line}").into()),
            None if reloaded => Err("a VM died and was loaded again".into()),
            None => Ok(()),
        }
    }
}

/// A kept connection, which stays with one worker.
pub(crate) struct Client(Connection);

impl Client {
    /// Status, and the reason of a denial.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> Result<(u16, String)> {
        let request = Request::get(HOST, path).bearer(token);
        Ok(told(&self.0.send(&request, limits::ANSWER).await?))
    }
}

fn policy(iss: &str, issuers: Vec<(String, Value)>) -> Value {
    let route = |name: &String| {
        json!({
            "name": name,
            "match": { "path": format!("/{name}/{{id}}") },
            "authenticate": [{ "jwt": name }],
        })
    };
    let routes: Vec<Value> = issuers.iter().map(|(name, _)| route(name)).collect();
    let entry =
        |(name, jwks)| (name, json!({ "issuer": iss, "audiences": ["orders"], "jwks": jwks }));
    let issuers: Map<String, Value> = issuers.into_iter().map(entry).collect();
    json!({ "version": 1, "service": "keys", "issuers": issuers, "routes": routes })
}

fn filter(policy: &Value) -> Result<Value> {
    let policy = Document::parse(policy.to_string().as_bytes(), Format::Json)
        .map_err(|problems| format!("policy: {problems:?}"))?;
    let config = PluginConfig { shared_data: true, ..PluginConfig::new(policy) };
    Ok(config.to_value())
}

fn bootstrap(parts: &Parts, filter: Value, idp: &Idp, echo: &Echo) -> Value {
    let port =
        |port: u16| json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let cluster = |name: &str, to: u16| {
        let endpoint = json!({ "endpoint": { "address": port(to) } });
        json!({
            "name": name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [endpoint] }] },
        })
    };
    let typed = |name: &str, config: Value| json!({ "name": name, "typed_config": config });
    let wasm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "sallyport",
            "failure_policy": "FAIL_RELOAD",
            "configuration": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": filter.to_string(),
            },
            "vm_config": {
                "vm_id": "sallyport",
                "runtime": "envoy.wasm.runtime.v8",
                "code": { "local": { "filename": parts.wasm } },
            },
        },
    });
    let router = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    });
    let routes = json!([{ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }]);
    let hcm = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gate",
        "stream_idle_timeout": "30s",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": routes }] },
        "http_filters": [typed("sallyport", wasm), typed("envoy.filters.http.router", router)],
    });
    json!({
        "admin": { "address": port(0) },
        "static_resources": {
            "listeners": [{
                "name": "gate",
                "address": port(0),
                "connection_balance_config": { "exact_balance": {} },
                "filter_chains": [{
                    "filters": [typed("envoy.filters.network.http_connection_manager", hcm)],
                }],
            }],
            "clusters": [cluster("upstream", echo.port()), cluster("idp", idp.port())],
        },
    })
}
