//! The real Envoy, current and oldest, with a configuration that answers by itself.

use super::*;

const CONFIG: &str = r#"
admin:
  address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
static_resources:
  listeners:
  - name: plain
    address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: plain
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: / }
                direct_response: { status: 418, body: { inline_string: teapot } }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#;

const SECONDS: Duration = Duration::from_secs(5);

async fn runs(version: &str) {
    let binary = Binary::locate(version).await.unwrap();
    let mut envoy = Envoy::start(&binary, CONFIG, Options::default()).await.unwrap();
    let port = envoy.listener_ports().await.unwrap()["plain"];
    let response = Request::get("h", "/").send_to_port(port, SECONDS).await.unwrap();
    assert_eq!((response.status, response.text().as_str()), (418, "teapot"));
    let counter = "http.plain.downstream_rq_4xx";
    assert_eq!(envoy.wait_stat(counter, 1, SECONDS).await.unwrap(), 1);
    assert_eq!(envoy.stats("http.plain.").await.unwrap()[counter], 1);
    assert_eq!(envoy.stat("http.plain.no_such").await.unwrap(), 0);
    assert!(envoy.cpu_ticks().unwrap() > 0);
    assert!(envoy.resident_kib().unwrap() > 1_000);
    assert!(envoy.log().unwrap().contains("all dependencies initialized"));
    envoy.admin_post("/logging?level=debug").await.unwrap();
    let metrics = crate::prom::fetch(envoy.admin(), "/stats/prometheus").await.unwrap();
    assert_eq!(metrics.sum("envoy_server_concurrency", &[]), 2.0);
    assert!(envoy.stop().await.unwrap().success());
}

#[tokio::test]
async fn the_current_version_runs() {
    runs(CURRENT).await;
}

#[tokio::test]
async fn the_oldest_version_runs() {
    let binary = Binary::locate(OLDEST).await.unwrap();
    assert_eq!(binary.version(), OLDEST);
    runs(OLDEST).await;
}

#[tokio::test]
async fn validation_says_what_is_wrong() {
    let binary = Binary::locate(CURRENT).await.unwrap();
    Envoy::validate(&binary, CONFIG).await.unwrap();
    let bad = CONFIG.replace("stat_prefix", "stat_prefixx");
    let error = Envoy::validate(&binary, &bad).await.unwrap_err();
    assert!(error.contains("stat_prefixx"), "{error}");
}

#[tokio::test]
async fn an_early_exit_is_reported_at_once_with_the_log() {
    let binary = Binary::locate(CURRENT).await.unwrap();
    let bad = CONFIG.replace("domains", "domainz");
    let error = Envoy::start(&binary, &bad, Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("ended with") && error.contains("domainz"), "{error}");
}

#[tokio::test]
async fn dropping_it_frees_its_ports_and_its_folder() {
    let binary = Binary::locate(CURRENT).await.unwrap();
    let port = crate::ports::free_port().unwrap();
    let fixed = CONFIG.replacen("port_value: 0", &format!("port_value: {port}"), 1);
    let folder;
    {
        let envoy = Envoy::start(&binary, &fixed, Options::default()).await.unwrap();
        assert_eq!(envoy.admin_port(), port);
        folder = envoy.log_path().parent().unwrap().to_owned();
        assert!(folder.is_dir());
    }
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert!(!folder.exists());
}
