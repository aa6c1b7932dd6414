//! Policies come and go; the last good one stays.

use sallyport_ext_authz::config::Config;
use sallyport_ext_authz::serve::{ServeError, ServeOptions, Server};
use serde_json::json;

use super::sidecar::{Asked, POLICY, Sidecar, until};

const OK: &str = "sallyport_policy_loads_total{result=\"ok\"}";
const FAILED: &str = "sallyport_policy_loads_total{result=\"failed\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_policy_keeps_the_last_good_one() {
    let sidecar = Sidecar::start().await;
    let token = sidecar.provider.token(json!({}));
    let before = sidecar.check(Asked::get("/orders/1", &token)).await;
    assert_eq!(before.status, 200);

    sidecar.write_policy("version: 1\nroutes: [");
    until("the refusal", || sidecar.metric(FAILED) >= 1).await;
    let kept = sidecar.check(Asked::get("/orders/1", &token)).await;
    assert_eq!((kept.status, kept.text("policy_digest")), (200, before.text("policy_digest")));

    sidecar.write_policy(&POLICY.replace("/orders/{id}", "/moved-orders/{id}"));
    until("the new policy", || sidecar.metric(OK) == 2).await;
    assert_eq!(sidecar.check(Asked::get("/orders/1", &token)).await.text("reason"), "no_route");
    let after = sidecar.check(Asked::get("/moved-orders/1", &token)).await;
    assert_eq!(after.status, 200);
    assert!(after.number("generation") > before.number("generation"));
    let info = format!("sallyport_policy_info{{digest=\"{}\"}}", after.text("policy_digest"));
    assert_eq!(sidecar.metric(&info), 1);
    let fetched = "sallyport_jwks_fetches_total{issuer=\"main\",result=\"ok\"}";
    assert_eq!(sidecar.metric(fetched), 1, "keys outlive a policy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_and_secrets_are_watched_too() {
    let sidecar = Sidecar::start().await;
    let token = sidecar.provider.token(json!({}));
    let deletes = Asked { method: "DELETE", ..Asked::get("/orders/1", &token) };
    assert_eq!(sidecar.check(deletes.clone()).await.text("reason"), "role_missing");
    let roles = sidecar.directory.join("roles.yaml");
    let text = std::fs::read_to_string(&roles).unwrap().replace("[root]", "[alice]");
    std::fs::write(&roles, text).unwrap();
    until("the new roles", || sidecar.metric(OK) == 2).await;
    assert_eq!(sidecar.check(deletes).await.status, 200);

    assert_eq!(sidecar.check(Asked::get("/opaque/1", "active.1")).await.status, 200);
    std::fs::write(sidecar.directory.join("secret"), "wrong").unwrap();
    until("the new secret", || sidecar.metric(OK) == 3).await;
    let refused = sidecar.check(Asked::get("/opaque/1", "active.2")).await;
    assert_eq!(refused.text("reason"), "dependency_unavailable");
}

/// A change, a new file and one that is gone, each without a change of the policy file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn included_files_are_watched_too() {
    let directory = std::env::temp_dir().join(format!("sallyport-include-{}", std::process::id()));
    std::fs::create_dir_all(directory.join("parts")).unwrap();
    let part = |name: &str, path: &str| {
        let text = format!(
            "routes: [{{ name: {name}, match: {{ path: {path} }}, allow: unauthenticated }}]"
        );
        std::fs::write(directory.join("parts").join(format!("{name}.yaml")), text).unwrap();
    };
    std::fs::write(directory.join("policy.yaml"), "version: 1\ninclude: ['parts/*.yaml']").unwrap();
    part("a", "/one");
    let config = Config::parse("listen: { grpc: [], http: [], admin: [] }").unwrap();
    let options = ServeOptions { policy: directory.join("policy.yaml"), config };
    let server = Server::start(options).await.unwrap();
    let loads = |count: u32| server.metrics().text().contains(&format!("{OK} {count}\n"));
    part("a", "/two");
    until("the change", || loads(2)).await;
    part("b", "/three");
    until("the new file", || loads(3)).await;
    std::fs::remove_file(directory.join("parts").join("a.yaml")).unwrap();
    until("the file that is gone", || loads(4)).await;
    part("b", "four");
    let failed = format!("{FAILED} ");
    until("the refusal", || !server.metrics().text().contains(&format!("{failed}0\n"))).await;
    assert!(loads(4));
    server.stop().await;
    std::fs::remove_dir_all(&directory).unwrap();
}

/// As Kubernetes mounts them: the file is a link through `..data`, which is swapped as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn config_maps_are_swapped_by_a_link() {
    use std::os::unix::fs::symlink;
    let directory = std::env::temp_dir().join(format!("sallyport-map-{}", std::process::id()));
    let version = |name: &str, path: &str| {
        let policy = format!(
            "version: 1\nroutes: [{{ name: r, match: {{ path: {path} }}, allow: unauthenticated }}]"
        );
        std::fs::create_dir_all(directory.join(name)).unwrap();
        std::fs::write(directory.join(name).join("policy.yaml"), policy).unwrap();
    };
    version("v1", "/one");
    version("v2", "/two");
    symlink("v1", directory.join("..data")).unwrap();
    symlink("..data/policy.yaml", directory.join("policy.yaml")).unwrap();
    let config = Config::parse("listen: { grpc: [], http: [], admin: [] }").unwrap();
    let options = ServeOptions { policy: directory.join("policy.yaml"), config };
    let server = Server::start(options).await.unwrap();
    symlink("v2", directory.join("..data_tmp")).unwrap();
    std::fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
    until("the swap", || server.metrics().text().contains(&format!("{OK} 2"))).await;
    server.stop().await;
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test]
async fn without_a_policy_it_does_not_start() {
    let policy = std::env::temp_dir().join("sallyport-no-such-policy.yaml");
    let options = ServeOptions { policy, config: Config::default() };
    let error = Server::start(options).await.err().unwrap();
    assert!(matches!(&error, ServeError::Policy(problems) if problems.len() == 1), "{error}");
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("cannot be read"), "{error}");
}
