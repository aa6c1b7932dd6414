//! A case as data: a policy, the files beside it, what the tokens are, and a request. It can be
//! printed, cut down, and replayed, since tokens are minted from their plans anew each time.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::certificate::{self, Certificate};
use super::token::Plan;
use crate::Result;

/// A policy with the role files it names.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// The policy file.
    pub policy: Value,
    /// The documents of `roles.yaml`.
    pub roles: Vec<Value>,
}

/// One request, as every door gets it. `@T0@` in a value stands for the first token.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The authority.
    pub host: String,
    /// The path with its query.
    pub path: String,
    /// All headers but Host, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What its tokens are.
    pub tokens: Vec<Plan>,
    /// The name of the certificate that the client shows.
    pub certificate: Option<String>,
}

/// A request and what judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What judges.
    pub world: World,
    /// What is judged.
    pub asked: Asked,
}

impl World {
    /// The role documents as a file.
    #[must_use]
    pub fn roles_text(&self) -> String {
        let documents: Vec<String> = self.roles.iter().map(Value::to_string).collect();
        documents.join("\n---\n")
    }
}

impl Asked {
    /// The request with its tokens in it.
    #[must_use]
    pub fn with_tokens(&self, tokens: &[String]) -> Self {
        let mut filled = self.clone();
        for (at, token) in tokens.iter().enumerate() {
            let mark = format!("@T{at}@");
            filled.path = filled.path.replace(&mark, token);
            for (_, value) in &mut filled.headers {
                if let Ok(text) = std::str::from_utf8(value) {
                    *value = text.replace(&mark, token).into_bytes();
                }
            }
        }
        filled
    }

    /// The certificate that the client shows.
    pub(crate) fn certificate(&self) -> Option<&'static Certificate> {
        certificate::named(self.certificate.as_deref()?)
    }

    fn to_json(&self) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!([name, bytes_to_json(value)])).collect();
        let tokens: Vec<Value> = self.tokens.iter().map(|plan| plan.0.clone()).collect();
        json!({
            "method": self.method, "host": self.host, "path": self.path,
            "headers": headers, "tokens": tokens, "certificate": self.certificate,
        })
    }

    fn from_json(value: &Value) -> Result<Self> {
        let text = |name: &str| {
            let own = value.get(name).and_then(Value::as_str).map(str::to_owned);
            own.ok_or_else(|| format!("the request has no `{name}`"))
        };
        let list = |name: &str| value.get(name).and_then(Value::as_array).cloned();
        let certificate = value.get("certificate").and_then(Value::as_str).map(str::to_owned);
        let mut headers = Vec::new();
        for pair in list("headers").unwrap_or_default() {
            let name = pair.get(0).and_then(Value::as_str).ok_or("a header without a name")?;
            let bytes = pair.get(1).and_then(json_to_bytes).ok_or("a header without a value")?;
            headers.push((name.to_owned(), bytes));
        }
        let tokens = list("tokens").unwrap_or_default().into_iter().map(Plan).collect();
        Ok(Self {
            method: text("method")?,
            host: text("host")?,
            path: text("path")?,
            headers,
            tokens,
            certificate,
        })
    }
}

impl Case {
    /// As a file to replay.
    #[must_use]
    pub fn to_text(&self) -> String {
        let value = json!({
            "policy": self.world.policy, "roles": self.world.roles, "request": self.asked.to_json(),
        });
        serde_json::to_string_pretty(&value).unwrap_or_default()
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let value: Value = serde_json::from_str(&text)?;
        let roles = value.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
        let policy = value.get("policy").cloned().unwrap_or(Value::Object(Map::new()));
        let request = value.get("request").ok_or("the case has no request")?;
        Ok(Self { world: World { policy, roles }, asked: Asked::from_json(request)? })
    }
}

/// Text, or `{"base64": ...}` where it is none.
#[must_use]
pub fn bytes_to_json(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
    }
}

/// The inverse of [`bytes_to_json`].
#[must_use]
pub fn json_to_bytes(value: &Value) -> Option<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Some(text.as_bytes().to_vec());
    }
    STANDARD.decode(value.get("base64")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_the_same_after_its_file() {
        let asked = Asked {
            method: "GET".to_owned(),
            host: "h".to_owned(),
            path: "/a?t=@T0@".to_owned(),
            headers: vec![("x".to_owned(), b"\xff@T0@".to_vec()), ("y".to_owned(), b"@T0@".into())],
            tokens: vec![Plan(json!({ "kind": "text", "text": "t" }))],
            certificate: Some("alice".to_owned()),
        };
        let world =
            World { policy: json!({ "version": 1 }), roles: vec![json!({ "kind": "Role" })] };
        let case = Case { world, asked };
        let folder = crate::folder::Folder::create("case").unwrap();
        let path = folder.write("case.json", &case.to_text()).unwrap();
        assert_eq!(Case::read(&path).unwrap(), case);
        let filled = case.asked.with_tokens(&["abc".to_owned()]);
        assert_eq!(filled.path, "/a?t=abc");
        assert_eq!(filled.headers[1].1, b"abc");
    }
}
