//! A shipped Envoy bootstrap with what every run has to replace: where the .wasm is, and for some
//! suites the policy inside the filters. Everything else stays as shipped.

use std::path::Path;

use sallyport_policy::{Document, Format, PluginConfig, Policy};
use serde_json::Value;

use crate::Result;

/// A parsed bootstrap.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap(Value);

impl Bootstrap {
    /// Parses YAML.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(yaml: &str) -> Result<Self> {
        let value = serde_saphyr::from_str(yaml).map_err(|error| format!("bootstrap: {error}"))?;
        Ok(Self(value))
    }

    /// Lets every filter load this .wasm.
    pub fn set_wasm(&mut self, wasm: &Path) {
        let path = Value::from(wasm.to_string_lossy());
        walk(&mut self.0, &mut |value| {
            if let Some(file) = value.pointer_mut("/vm_config/code/local/filename") {
                *file = path.clone();
            }
            Ok::<(), crate::Error>(())
        })
        .unwrap_or_default();
    }

    /// Lets paths and header names through as they were sent: no door rewrites them before the
    /// filter, and none refuses.
    pub fn keep_paths(&mut self) {
        walk(&mut self.0, &mut |value| {
            if let (Some(true), Some(manager)) =
                (value.get("normalize_path").map(Value::is_boolean), value.as_object_mut())
            {
                manager.insert("normalize_path".to_owned(), Value::from(false));
                manager.insert("merge_slashes".to_owned(), Value::from(false));
                let keep = Value::from("KEEP_UNCHANGED");
                manager.insert("path_with_escaped_slashes_action".to_owned(), keep);
                let allow = serde_json::json!({ "headers_with_underscores_action": "ALLOW" });
                manager.insert("common_http_protocol_options".to_owned(), allow);
            }
            Ok::<(), crate::Error>(())
        })
        .unwrap_or_default();
    }

    /// Puts another policy into every filter, and lets escaped slashes pass as `render` does for it; the rest stays.
    ///
    /// # Errors
    /// When the policy or a filter's configuration cannot be read.
    pub fn set_policy(&mut self, policy_yaml: &str) -> Result<()> {
        let document = Document::parse(policy_yaml.as_bytes(), Format::Yaml)
            .map_err(|problems| format!("policy: {problems:?}"))?;
        let (policy, _) = Policy::compile_filter_copy(&document)
            .map_err(|problems| format!("policy: {problems:?}"))?;
        let allowed = policy.allows_encoded_slashes();
        walk(&mut self.0, &mut |value| {
            if let Some(action) = value.get_mut("path_with_escaped_slashes_action") {
                *action = if allowed { "KEEP_UNCHANGED" } else { "REJECT_REQUEST" }.into();
            }
            if value.get("vm_config").is_none() {
                return Ok(());
            }
            match value.pointer_mut("/configuration/value") {
                Some(Value::String(text)) => {
                    *text = with_policy(text.as_bytes(), &document)?.to_string();
                }
                Some(object) => *object = with_policy(&serde_json::to_vec(object)?, &document)?,
                None => return Err("a filter has no configuration".into()),
            }
            Ok(())
        })
    }

    /// As Envoy takes it; JSON is YAML.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }
}

fn with_policy(config: &[u8], document: &Document) -> Result<Value> {
    let config = PluginConfig::parse(config).map_err(|problems| format!("filter: {problems:?}"))?;
    Ok(config.replace(document.clone()).0.to_value())
}

/// Visits every object, parents first.
fn walk<E>(
    value: &mut Value,
    visit: &mut impl FnMut(&mut Value) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Object(_) => {
            visit(value)?;
            value.as_object_mut().into_iter().flatten().try_for_each(|(_, own)| walk(own, visit))
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = r#"
filters:
- typed_config:
    config:
      vm_config: { vm_id: v, code: { local: { filename: "old.wasm" } } }
      configuration: { "@type": x, value: '{"policy":{"version":1},"token_cache":7}' }
- typed_config:
    config:
      vm_config: { code: { local: { filename: "old.wasm" } } }
      configuration: { "@type": y, value: { policy: { version: 1 }, shared_data: true } }
"#;

    #[test]
    fn wasm_and_policy_are_replaced_and_nothing_else() {
        let mut bootstrap = Bootstrap::parse(YAML).unwrap();
        bootstrap.set_wasm(Path::new("/new.wasm"));
        bootstrap.set_policy("version: 1\nservice: other\n").unwrap();
        let config = |at: usize, path: &str| {
            bootstrap
                .0
                .pointer(&format!("/filters/{at}/typed_config/config{path}"))
                .unwrap()
                .clone()
        };
        for at in 0..2 {
            assert_eq!(config(at, "/vm_config/code/local/filename"), "/new.wasm");
        }
        assert_eq!(config(0, "/vm_config/vm_id"), "v");
        let text = config(0, "/configuration/value");
        let first: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(
            (&first["policy"]["service"], &first["token_cache"]),
            (&"other".into(), &7.into())
        );
        assert_eq!(config(1, "/configuration/value/policy/service"), "other");
        assert_eq!(config(1, "/configuration/value/shared_data"), true);
    }
}
