//! Exit codes of wrong use.

use crate::run::{Folder, sallyport};

/// Arguments and a part of the message.
const WRONG: &[(&[&str], &str)] = &[
    (&[], "Usage"),
    (&["nothing"], "unrecognized subcommand"),
    (&["explain"], "--policy"),
    (&["lint"], "--policy"),
    (&["schema", "--markdown", "--included"], "cannot be used with"),
    (&["check", "--policy", "nowhere.yaml"], "cannot be read"),
    (&["check", "--policy", POLICY, "--jwks", "main"], "NAME=FILE"),
    (&["check", "--policy", POLICY, "--jwks", "opaque=x"], "no such issuer"),
    (&["check", "--policy", POLICY, "--introspection", "other=x"], "no such issuer"),
    (&["check", "--policy", POLICY, "--jwks", "main=nowhere"], "cannot be read"),
    (&["check", "--policy", POLICY, "--jwks", "main=Cargo.toml"], "cannot be read"),
    (
        &["check", "--policy", POLICY, "--jwks", JWKS, "--jwks", "main=x"],
        "`--jwks main=FILE` is given twice",
    ),
    (
        &["check", "--policy", POLICY, "--introspection", REPLIES, "--introspection", REPLIES],
        "`--introspection opaque=FILE` is given twice",
    ),
    (&["render", "helm-values", "--policy", POLICY], "no Helm chart yet"),
    (&["render", "filter", "--policy", POLICY, "--sidecar-cluster", ""], "no name of a cluster"),
    (&["render", "filter", "--policy", POLICY, "--sidecar-cluster", "idp"], "is taken"),
    (
        &["render", "istio", "--policy", POLICY, "--selector", "a=b", "--sidecar-cluster", "a\nb"],
        "no name of a cluster",
    ),
    (&["render", "envoy", "--policy", POLICY, "--sidecar", "unix:x"], "absolute path"),
    (&["render", "istio", "--policy", POLICY], "--selector"),
    (
        &["render", "istio", "--policy", POLICY, "--selector", "a=b", "--kind", "wasmplugin"],
        "--wasm-url",
    ),
    (&["render", "istio", "--policy", POLICY, "--kind", "sidecar"], "--image"),
];
const POLICY: &str = "envoy/quickstart/policy.yaml";
const JWKS: &str = "main=ext-authz/tests/cli/no_keys.json";
const REPLIES: &str = "opaque=ext-authz/tests/cli/no_keys.json";

#[test]
fn wrong_use_is_2_with_a_message_and_no_output() {
    for (arguments, message) in WRONG {
        let run = sallyport(arguments, "");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(message), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_policy_that_does_not_load_is_2_everywhere_but_in_lint() {
    let folder = Folder::new("broken");
    let path = folder.write("policy.yaml", "version: 2\nroutes: []\n");
    let commands: &[&[&str]] =
        &[&["check"], &["render", "filter"], &["render", "envoy"], &["render", "istio"]];
    for command in commands {
        let arguments = [command, ["--policy", path.as_str()].as_slice()].concat();
        let run = sallyport(&arguments, "");
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.contains("version: version `2` is not known"), "{}", run.err);
    }
}

#[test]
fn what_is_not_there_yet_says_so() {
    for arguments in [&["render", "--help"][..], &["render", "helm-values", "--help"]] {
        let run = sallyport(arguments, "");
        assert!(run.code == 0 && run.out.contains("Does not exist yet"), "{}", run.out);
    }
}
