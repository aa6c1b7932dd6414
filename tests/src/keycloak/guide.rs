//! The policy of `docs/providers/keycloak.md` on a stage: what operators read is what the suite runs. The bootstrap is
//! what `sallyport render envoy` makes of it. Nothing is changed but the address of Keycloak and the ports.

use tokio::process::Command;

use super::Keycloak;
use crate::envoy::{Binary, CURRENT};
use crate::folder::Folder;
use crate::parts::{self, Parts};
use crate::stage::{Setup, Stage};
use crate::{Result, limits};

/// Where the operator's Keycloak is, in the document.
const ADDRESS: &str = "https://keycloak.example";
/// The file that the document's policy reads the introspecting client's secret from, and what the fixtures have.
const SECRET: (&str, &str) = ("secrets/keycloak-gate", "gate-secret");

/// The document's policy as it is written.
///
/// # Errors
/// When the document has no block of YAML that is a policy.
pub(super) fn policy() -> Result<String> {
    let text = std::fs::read_to_string(parts::root().join("docs/providers/keycloak.md"))?;
    let mut blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let policy = blocks.find(|block| block.starts_with("version: 1"));
    Ok(policy.ok_or("docs/providers/keycloak.md has no policy")?.to_owned())
}

/// A stage that judges by the document's policy, with this Keycloak as its provider.
///
/// # Errors
/// When a part is missing or does not start.
pub async fn stage(keycloak: &Keycloak) -> Result<Stage> {
    let parts = Parts::find()?;
    let folder = Folder::create("keycloak")?;
    std::fs::create_dir(folder.path().join("secrets"))?;
    folder.write(SECRET.0, SECRET.1)?;
    let policy = folder.write("policy.yaml", &policy()?.replace(ADDRESS, &keycloak.url()))?;
    let mut command = Command::new(std::path::absolute(&parts.sidecar)?);
    command.args(["render", "envoy", "--policy"]).arg(&policy).kill_on_drop(true);
    let rendered = tokio::time::timeout(limits::COMMAND, command.output()).await??;
    if !rendered.status.success() {
        let text = String::from_utf8_lossy(&rendered.stderr).into_owned();
        return Err(format!("render: {text}").into());
    }
    folder.write("bootstrap.yaml", &String::from_utf8(rendered.stdout)?)?;
    let mut setup = Setup::quickstart(parts, Binary::locate(CURRENT).await?);
    setup.policy = Some(folder.path().to_owned());
    Stage::open(setup).await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::home::realms;
    use super::*;

    #[test]
    fn the_documents_policy_is_well_formed_and_names_the_fixtures_realms() {
        let policy = policy().unwrap();
        let format = sallyport_policy::Format::Yaml;
        sallyport_policy::Document::parse(policy.as_bytes(), format).unwrap();
        for (name, text) in realms().unwrap() {
            let realm: Value = serde_json::from_str(&text).unwrap();
            let realm = realm["realm"].as_str().unwrap();
            assert_eq!(name, format!("{realm}-realm.json"));
            assert!(policy.contains(&format!("{ADDRESS}/realms/{realm}")), "{realm}");
        }
        assert!(policy.contains(SECRET.0));
    }
}
