//! Roles and bindings (Krake's documents): who may do which verb on which resource of which API in which namespace.
//! Allow-only: no binding, no access. Evaluated where the documents are, in the sidecar.

use std::sync::Arc;

use hashbrown::HashMap;
use serde::Deserialize;

use crate::file::document::{typed, yaml_documents};
use crate::file::problem::Problems;

/// A role file: its name, for messages, and its text (YAML stream or JSON).
#[derive(Debug, Clone)]
pub struct RoleFile {
    /// As the policy names it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// All roles and bindings, compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roles {
    by_user: HashMap<Box<str>, Vec<Arc<Role>>>,
}

#[derive(Debug)]
struct Role {
    rules: Vec<RoleRule>,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessRequest<'a> {
    pub(crate) user: &'a str,
    pub(crate) api: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) verb: &'a str,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRule {
    api: String,
    resources: Vec<String>,
    namespaces: Vec<String>,
    verbs: Vec<Verb>,
}

/// The verbs that roles know. There is no wildcard among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Create,
    List,
    ListAll,
    Get,
    Update,
    Delete,
}

impl Verb {
    pub(crate) const ALL: &'static [Self] =
        &[Self::Create, Self::List, Self::ListAll, Self::Get, Self::Update, Self::Delete];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::ListAll => "list_all",
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The verb of a method, where a route names none.
    pub(crate) fn of_method(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Create),
            "PUT" | "PATCH" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "Krake's documents carry it; it grants nothing")]
    labels: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleDocument {
    #[expect(dead_code, reason = "told apart by it before this struct is read")]
    api: Option<String>,
    #[expect(dead_code, reason = "told apart by it before this struct is read")]
    kind: String,
    metadata: Metadata,
    rules: Vec<RoleRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingDocument {
    #[expect(dead_code, reason = "told apart by it before this struct is read")]
    api: Option<String>,
    #[expect(dead_code, reason = "told apart by it before this struct is read")]
    kind: String,
    metadata: Metadata,
    users: Vec<String>,
    roles: Vec<String>,
}

impl Roles {
    /// Compiles all role files together: all or nothing.
    pub(crate) fn compile(files: &[RoleFile], problems: &mut Problems) -> Self {
        let mut roles: HashMap<String, Arc<Role>> = HashMap::new();
        let mut bindings: Vec<(String, BindingDocument)> = Vec::new();
        for file in files {
            match yaml_documents(&file.text) {
                Ok(documents) => {
                    for (index, document) in documents.into_iter().enumerate() {
                        let place = format!("{}[{index}]", file.name);
                        read_document(document, place, &mut roles, &mut bindings, problems);
                    }
                }
                Err(error) => problems.error(
                    &file.name,
                    format!("not valid YAML: {error}"),
                    "mend the syntax",
                ),
            }
        }
        let mut by_user: HashMap<Box<str>, Vec<Arc<Role>>> = HashMap::new();
        for (place, binding) in bindings {
            for name in &binding.roles {
                let Some(role) = roles.get(name) else {
                    problems.error(
                        format!("{place}.roles"),
                        format!(
                            "binding `{}` names the role `{name}`, which does not exist",
                            binding.metadata.name
                        ),
                        "define the role, or correct its name",
                    );
                    continue;
                };
                for user in &binding.users {
                    by_user.entry(user.as_str().into()).or_default().push(Arc::clone(role));
                }
            }
        }
        Self { by_user }
    }

    /// Whether some role of the user allows this.
    pub(crate) fn allow(&self, asked: AccessRequest<'_>) -> bool {
        self.by_user.get(asked.user).is_some_and(|roles| {
            roles.iter().flat_map(|role| &role.rules).any(|rule| rule.allows(asked))
        })
    }
}

impl RoleRule {
    /// The empty string is the wildcard. A request without a namespace needs a rule that is not limited to some:
    /// otherwise a role for one namespace would list all of them.
    fn allows(&self, asked: AccessRequest<'_>) -> bool {
        let api = self.api.is_empty() || self.api == asked.api;
        let resource = self.resources.iter().any(|name| name.is_empty() || name == asked.resource);
        let namespace = match asked.namespace {
            None => self.namespaces.is_empty() || self.namespaces.iter().any(String::is_empty),
            Some(wanted) => self.namespaces.iter().any(|name| name.is_empty() || name == wanted),
        };
        api && resource && namespace && self.verbs.iter().any(|verb| verb.word() == asked.verb)
    }
}

fn read_document(
    document: serde_json::Value,
    place: String,
    roles: &mut HashMap<String, Arc<Role>>,
    bindings: &mut Vec<(String, BindingDocument)>,
    problems: &mut Problems,
) {
    let kind = document.get("kind").and_then(serde_json::Value::as_str).map(str::to_owned);
    match kind.as_deref() {
        Some("Role") => match typed::<RoleDocument>(document) {
            Ok(role) => {
                let name = role.metadata.name;
                if roles.insert(name.clone(), Arc::new(Role { rules: role.rules })).is_some() {
                    problems.error(
                        place,
                        format!("the role `{name}` is defined twice"),
                        "remove one of the two",
                    );
                }
            }
            Err((path, message)) => {
                problems.error(format!("{place}.{path}"), message, "write it as a Role document")
            }
        },
        Some("RoleBinding") => match typed::<BindingDocument>(document) {
            Ok(binding) => bindings.push((place, binding)),
            Err((path, message)) => {
                problems.error(
                    format!("{place}.{path}"),
                    message,
                    "write it as a RoleBinding document",
                );
            }
        },
        other => problems.error(
            format!("{place}.kind"),
            format!("`{}` is neither Role nor RoleBinding", other.unwrap_or("nothing")),
            "write `kind: Role` or `kind: RoleBinding`",
        ),
    }
}
