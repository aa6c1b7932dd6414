//! Offline check, filter in Envoy, gRPC and HTTP give the same answers to the same requests.

use sallyport_tests::agreement::{self, role_rows, rows};
use sallyport_tests::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn all_doors_agree() {
    let stage = Stage::with_policy("agreement").await.unwrap();
    let wrong = agreement::disagreements(&stage, rows()).await.unwrap();
    stage.close().await.unwrap();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The filter decides about roles by itself, as the others do.
#[tokio::test(flavor = "multi_thread")]
async fn all_doors_agree_on_roles_in_the_policy() {
    let stage = Stage::with_policy("agreement-roles").await.unwrap();
    let wrong = agreement::disagreements(&stage, role_rows().iter()).await.unwrap();
    stage.close().await.unwrap();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_large_and_its_rows_have_names() {
    let mut names: Vec<_> = rows().map(|row| (row.name, row.rule)).collect();
    let all = names.len();
    assert!(all >= 60, "{all}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
