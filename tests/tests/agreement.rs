//! Offline check, filter in Envoy, gRPC and HTTP give the same answers to the same requests.

use sallyport_tests::agreement::{self, ROWS};
use sallyport_tests::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn all_doors_agree() {
    let stage = Stage::with_policy("agreement").await.unwrap();
    let wrong = agreement::disagreements(&stage).await.unwrap();
    stage.close().await.unwrap();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_large_and_its_rows_have_names() {
    assert!(ROWS.len() >= 60, "{}", ROWS.len());
    let mut names: Vec<_> = ROWS.iter().map(|row| (row.name, row.rule)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROWS.len());
}
