//! What a route asks of the roles: `rbac`, compiled.

use crate::file::problem::Problems;
use crate::file::require_source::RbacSource;
use crate::require::claim::about_groups;
use crate::require::template::Template;
use crate::route::{GroupsClaim, Rbac};

pub(super) fn compile_rbac(
    place: &str,
    source: &RbacSource,
    variables: &[Box<str>],
    in_filter: bool,
    problems: &mut Problems,
) -> Option<Rbac> {
    let mut template = |name: &str, text: &str| match Template::compile(text, variables) {
        Ok(template) => Some(template),
        Err((message, fix)) => {
            problems.error(format!("{place}.{name}"), message, fix);
            None
        }
    };
    let api = template("api", &source.api);
    let resource = template("resource", &source.resource);
    let namespace = match &source.namespace {
        Some(text) => Some(template("namespace", text)?),
        None => None,
    };
    let user = template("user", source.user.as_deref().unwrap_or("{subject}"));
    let groups = match source.groups.as_deref().map(|text| (text, text.parse())) {
        None => None,
        Some((_, Ok(path))) => Some(GroupsClaim { left_out: about_groups(&path), path }),
        Some((text, Err(error))) => {
            problems.error(
                format!("{place}.groups"),
                format!("`{text}` is no claim path: {error}"),
                "write names with dots between, quoted where they hold dots",
            );
            return None;
        }
    };
    Some(Rbac {
        api: api?,
        resource: resource?,
        namespace,
        user: user?,
        groups,
        verb: source.verb,
        in_filter,
    })
}
