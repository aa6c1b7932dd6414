//! Role documents to [`Roles`]: all or nothing, of files and policy together. Names become numbers and rules become sorted
//! grants, so that a question costs the same with ten bindings as with a hundred thousand.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use smol_str::SmolStr;

use crate::file::document::{typed, yaml_documents};
use crate::file::problem::{Problem, Problems};
use crate::file::role_source::{RoleDocument, RoleKind, RoleRule};
use crate::limits::{
    MAX_INLINE_GRANTS, MAX_INLINE_ROLE_DOCUMENTS, MAX_ROLE_GRANTS, MAX_ROLES_APART,
};
use crate::require::rbac::{ANY, Grant, NO_NAMESPACE, RoleFile, Roles, SetsOf};

/// Roles and bindings of the policy itself and of its files, before they are compiled.
pub(crate) struct RoleDocuments<'s> {
    /// Under `role_documents`.
    pub(crate) inline: &'s [RoleDocument],
    /// Of the role files, with their places.
    pub(crate) files: Vec<(String, RoleDocument)>,
    /// Whether the filter has all of them, and so has to hold them in memory.
    pub(crate) in_filter: bool,
    /// A request without a namespace needs no rule for all namespaces.
    pub(crate) namespace_none_grants: bool,
}

/// The documents of role files.
pub(crate) fn read_files(
    files: &[RoleFile],
    problems: &mut Problems,
) -> Vec<(String, RoleDocument)> {
    let mut out = Vec::new();
    for file in files {
        let documents = match yaml_documents(&file.text) {
            Ok(documents) => documents,
            Err(error) => {
                problems.error(&file.name, format!("not valid YAML: {error}"), "mend the syntax");
                continue;
            }
        };
        for (index, document) in documents.into_iter().enumerate() {
            let place = format!("{}[{index}]", file.name);
            match typed::<RoleDocument>(&document) {
                Ok(document) => out.push((place, document)),
                Err(Problem { path, message, fix, .. }) if path != "$" => {
                    problems.error(format!("{place}.{path}"), message, fix);
                }
                Err(Problem { message, .. }) => {
                    problems.error(place, message, "write it as a Role or RoleBinding document");
                }
            }
        }
    }
    out
}

/// Compiles them.
pub(crate) fn compile_roles(documents: &RoleDocuments<'_>, problems: &mut Problems) -> Roles {
    if documents.inline.len() > MAX_INLINE_ROLE_DOCUMENTS {
        problems.error(
            "role_documents",
            format!(
                "has {} documents, more than {MAX_INLINE_ROLE_DOCUMENTS}",
                documents.inline.len()
            ),
            "put them in files, and name those under `roles`",
        );
        return Roles::default();
    }
    let inline = documents.inline.iter().enumerate();
    let inline = inline.map(|(index, document)| (format!("role_documents[{index}]"), document));
    let files = documents.files.iter().map(|(place, document)| (place.clone(), document));
    let all: Vec<(String, &RoleDocument)> = inline.chain(files).collect();
    let mut compiler = Compiler {
        roles: Roles::default(),
        by_name: HashMap::new(),
        together: BTreeMap::new(),
        namespace_none_grants: documents.namespace_none_grants,
        left: if documents.in_filter { MAX_INLINE_GRANTS } else { MAX_ROLE_GRANTS },
    };
    let mut whole = true;
    for (place, document) in &all {
        whole &= well_formed(place, document, problems);
    }
    if whole && compiler.compile(&all, problems).is_none() {
        let (place, fix) = if documents.in_filter {
            ("role_documents", "put them in files, and name those under `roles`")
        } else {
            ("roles", "name fewer resources and namespaces in one rule, or bind fewer roles")
        };
        problems.error(place, "grants more than can be held in memory", fix);
    }
    compiler.roles
}

/// What belongs to the one kind has no effect in the other.
fn well_formed(place: &str, document: &RoleDocument, problems: &mut Problems) -> bool {
    let name = &document.metadata.name;
    let nobody = document.users.is_empty() && document.groups.is_empty();
    let (field, message, fix) = match document.kind {
        RoleKind::Role if document.rules.is_none() => {
            ("rules", "has no rules", "write what it allows, or `rules: []`")
        }
        RoleKind::Role if !nobody => ("users", "is a Role, which binds nobody", BIND),
        RoleKind::Role if document.roles.is_some() => ("roles", "is a Role, which has none", BIND),
        RoleKind::RoleBinding if document.roles.is_none() => {
            ("roles", "has no roles", "name the roles that it binds")
        }
        RoleKind::RoleBinding if document.rules.is_some() => {
            ("rules", "is a RoleBinding, which has none", "write them in a Role document")
        }
        RoleKind::RoleBinding if nobody => {
            problems.warning(
                place,
                format!("`{name}` binds nobody"),
                "name `users` or `groups`, or remove it",
            );
            return true;
        }
        RoleKind::Role | RoleKind::RoleBinding => return true,
    };
    problems.error(format!("{place}.{field}"), format!("`{name}` {message}"), fix);
    false
}

const BIND: &str = "write them in a RoleBinding document";

struct Compiler<'d> {
    roles: Roles,
    /// Sets of the roles.
    by_name: HashMap<&'d str, u32>,
    /// Sets of those who have many roles, by these.
    together: BTreeMap<Vec<u32>, u32>,
    namespace_none_grants: bool,
    /// Grants that may still be made.
    left: usize,
}

impl<'d> Compiler<'d> {
    /// None: too many grants.
    fn compile(
        &mut self,
        documents: &[(String, &'d RoleDocument)],
        problems: &mut Problems,
    ) -> Option<()> {
        for (place, document) in documents {
            let Some(rules) = &document.rules else { continue };
            let set = self.role(rules)?;
            let name = document.metadata.name.as_str();
            if self.by_name.insert(name, set).is_some() {
                problems.error(
                    place.as_str(),
                    format!("the role `{name}` is defined twice"),
                    "remove one of the two",
                );
            }
        }
        let mut users: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut groups: HashMap<&str, Vec<u32>> = HashMap::new();
        for (place, binding) in documents {
            for name in binding.roles.iter().flatten() {
                let Some(set) = self.by_name.get(name.as_str()).copied() else {
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
                for (names, bound) in [(&binding.users, &mut users), (&binding.groups, &mut groups)]
                {
                    for name in names {
                        self.left = self.left.checked_sub(1)?;
                        bound.entry(name).or_default().push(set);
                    }
                }
            }
        }
        self.roles.users = self.subjects(users)?;
        self.roles.groups = self.subjects(groups)?;
        Some(())
    }

    fn role(&mut self, rules: &[RoleRule]) -> Option<u32> {
        let mut grants = Vec::new();
        for rule in rules {
            let verbs = rule.verbs.iter().fold(0, |verbs, verb| verbs | verb.bit());
            let api = self.number(&rule.api)?;
            let mut namespaces = Vec::new();
            for namespace in &rule.namespaces {
                namespaces.push(self.number(namespace)?);
            }
            // Otherwise a role for one namespace would list all of them.
            if self.namespace_none_grants || namespaces.is_empty() || namespaces.contains(&ANY) {
                namespaces.push(NO_NAMESPACE);
            }
            self.left =
                self.left.checked_sub(rule.resources.len().checked_mul(namespaces.len())?)?;
            for resource in &rule.resources {
                let resource = self.number(resource)?;
                let key = |namespace: &u32| [api, resource, *namespace];
                grants.extend(namespaces.iter().map(|at| Grant { key: key(at), verbs }));
            }
        }
        self.set(grants)
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        if name.is_empty() {
            return Some(ANY);
        }
        if let Some(number) = self.roles.names.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.roles.names.len()).ok()?.checked_add(1)?;
        self.roles.names.insert(name.into(), number);
        Some(number)
    }

    /// Sorted, each key once with all its verbs.
    fn set(&mut self, mut grants: Vec<Grant>) -> Option<u32> {
        grants.sort_unstable_by_key(|grant| grant.key);
        let mut set: Vec<Grant> = Vec::new();
        for grant in grants {
            match set.last_mut().filter(|last: &&mut Grant| last.key == grant.key) {
                Some(last) => last.verbs |= grant.verbs,
                None => set.push(grant),
            }
        }
        self.roles.sets.push(set.into_boxed_slice());
        u32::try_from(self.roles.sets.len()).ok()?.checked_sub(1)
    }

    fn subjects(&mut self, bound: HashMap<&str, Vec<u32>>) -> Option<HashMap<SmolStr, SetsOf>> {
        let mut out = HashMap::with_capacity(bound.len());
        for (name, mut sets) in bound {
            sets.sort_unstable();
            sets.dedup();
            if sets.len() > MAX_ROLES_APART {
                sets = vec![self.together(sets)?];
            }
            let sets = match *sets {
                [one] => SetsOf::One(one),
                _ => SetsOf::Several(sets.into()),
            };
            out.insert(name.into(), sets);
        }
        Some(out)
    }

    /// One set of many, made once for all who have the same.
    fn together(&mut self, sets: Vec<u32>) -> Option<u32> {
        if let Some(set) = self.together.get(&sets) {
            return Some(*set);
        }
        let mut grants: Vec<Grant> = Vec::new();
        for set in &sets {
            let set = self.roles.sets.get(usize::try_from(*set).ok()?)?;
            self.left = self.left.checked_sub(set.len())?;
            grants.extend(set.iter());
        }
        let set = self.set(grants)?;
        self.together.insert(sets, set);
        Some(set)
    }
}
