//! `sallyport schema`: what it prints, and the reference that is made of it.

use serde_json::Value;

use crate::run::{root, sallyport};

fn schema(arguments: &[&str]) -> Value {
    let run = sallyport(arguments, "");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    serde_json::from_str(&run.out).unwrap()
}

#[test]
fn the_schema_is_the_policy_crates() {
    assert_eq!(schema(&["schema"]), sallyport_policy::json_schema());
    assert_eq!(schema(&["schema", "--included"]), sallyport_policy::included_json_schema());
}

#[test]
fn the_reference_is_what_the_types_say() {
    let written = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let run = sallyport(&["schema", "--markdown"], "");
    assert_eq!(run.code, 0);
    let differs = run.out.lines().zip(written.lines()).find(|(ours, theirs)| ours != theirs);
    assert!(
        run.out == written,
        "run `sallyport schema --markdown > docs/configuration.md`: {differs:?}"
    );
}
