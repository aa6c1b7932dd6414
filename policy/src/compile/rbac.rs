//! What a route asks of the roles: `rbac`, compiled.

use crate::file::problem::Problems;
use crate::file::require_source::RbacSource;
use crate::require::rbac::Verb;
use crate::require::template::Template;
use crate::route::Rbac;

pub(super) fn compile_rbac(
    place: &str,
    source: &RbacSource,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Option<Rbac> {
    for (name, value) in [("api", &source.api), ("resource", &source.resource)] {
        if value.contains(['{', '}']) {
            problems.error(
                format!("{place}.{name}"),
                format!("`{value}` looks like a template, and this is none"),
                "write the name itself; `namespace` and `user` are templates",
            );
        }
        if value.is_empty() {
            problems.error(
                format!("{place}.{name}"),
                "is empty",
                "name what is asked for; only roles have wildcards",
            );
        }
    }
    let mut template = |name: &str, text: &str| match Template::compile(text, variables) {
        Ok(template) => Some(template),
        Err((message, fix)) => {
            problems.error(format!("{place}.{name}"), message, fix);
            None
        }
    };
    let namespace = match &source.namespace {
        Some(text) => Some(template("namespace", text)?),
        None => None,
    };
    let user = template("user", source.user.as_deref().unwrap_or("{subject}"))?;
    let verb = match &source.verb {
        None => None,
        Some(word) => {
            let verb = Verb::ALL.iter().copied().find(|verb| verb.word() == word);
            if verb.is_none() {
                problems.error(
                    format!("{place}.verb"),
                    format!("`{word}` is no verb"),
                    "use create, list, list_all, get, update or delete",
                );
            }
            verb
        }
    };
    Some(Rbac {
        api: source.api.as_str().into(),
        resource: source.resource.as_str().into(),
        namespace,
        user,
        verb,
    })
}
