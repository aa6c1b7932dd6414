//! A policy of several files: [`PolicyPart`] is one of them, read and with its variables filled in, [`join`] makes one
//! value of all, and [`Places`] leads from a place of the whole back to the file it came from. Reads no files: whoever
//! calls brings their bytes, in the order that `include` gives them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::file::document::syntax_tree;
use crate::file::problem::{Problem, Problems};
use crate::file::source::Format;
use crate::file::variables::{check_secrets, fill_in};

/// Lists that an included file may hold; they follow those of the files before it.
const LISTS: &[&str] = &["routes", "roles", "role_documents"];
/// Mappings that an included file may hold; a name stands in one file alone.
const MAPPINGS: &[&str] = &["issuers", "hosts"];

/// All that an included file may hold.
pub(crate) const MAY_BE_INCLUDED: &[&str] =
    &["issuers", "hosts", "routes", "roles", "role_documents"];

/// One file of a policy.
#[derive(Debug, Clone)]
pub struct PolicyPart {
    name: String,
    value: Map<String, Value>,
    /// Variables that its texts name.
    variables: BTreeSet<String>,
}

/// Which file each part of the whole came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// By list: the first index of each included file, ascending.
    lists: BTreeMap<&'static str, Vec<(usize, String)>>,
    /// By mapping and name.
    names: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl PolicyPart {
    /// Reads a file. `name` is how problems call it; `environment` gives the values of `${NAME}`.
    ///
    /// # Errors
    /// Syntax errors, duplicate members, variables that are not set.
    pub fn parse(
        name: &str,
        bytes: &[u8],
        format: Format,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let mut value = syntax_tree(bytes, format)?;
        let variables = fill_in(&mut value, environment)?;
        Ok(Self { name: name.to_owned(), value, variables })
    }

    /// How problems call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of included files as written, each a path with at most one `*` segment at its end.
    /// What is no text is left out here, and told when the parts are joined.
    pub fn includes(&self) -> impl Iterator<Item = (usize, &str)> {
        let list = self.value.get("include").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .enumerate()
            .filter_map(|(index, name)| name.as_str().map(|name| (index, name)))
    }

    /// The same problems, with the file's name before their places.
    #[must_use]
    pub fn named(name: &str, problems: Vec<Problem>) -> Vec<Problem> {
        let named = |problem: Problem| Problem { path: inside(name, &problem.path), ..problem };
        problems.into_iter().map(named).collect()
    }
}

/// One value of all parts. `include` is gone from it.
///
/// # Errors
/// What an included file may not hold, and names that stand in two files.
pub(crate) fn join(
    main: PolicyPart,
    included: Vec<PolicyPart>,
) -> Result<(Value, Places), Vec<Problem>> {
    let mut problems = Problems::default();
    let mut places = Places::default();
    let mut whole = main.value;
    let mut variables = main.variables;
    for mut part in included {
        variables.append(&mut part.variables);
        let name = part.name;
        for (member, value) in part.value {
            if value.is_null() && MAY_BE_INCLUDED.contains(&member.as_str()) {
                continue;
            }
            if let Some(list) = LISTS.iter().find(|list| **list == member) {
                extend(&mut whole, &mut places, list, (&name, value), &mut problems);
            } else if let Some(mapping) = MAPPINGS.iter().find(|mapping| **mapping == member) {
                merge(&mut whole, &mut places, mapping, (&name, value), &mut problems);
            } else {
                problems.error(
                    inside(&name, &member),
                    format!("`{member}` has no place in an included file"),
                    format!(
                        "move it to the policy file; here may stand `{}`",
                        MAY_BE_INCLUDED.join("`, `")
                    ),
                );
            }
        }
    }
    for (member, value) in &whole {
        check_secrets(value, member, &variables, &mut problems);
    }
    if !problems.0.is_empty() {
        return Err(places.of_all(problems.0));
    }
    // Not `remove`, which changes the order where maps have one.
    let includes = whole.get("include").is_some_and(|include| {
        include.as_array().is_some_and(|all| all.iter().all(Value::is_string))
    });
    whole.retain(|member, _| member != "include" || !includes);
    Ok((Value::Object(whole), places))
}

fn extend(
    whole: &mut Map<String, Value>,
    places: &mut Places,
    list: &'static str,
    (file, value): (&str, Value),
    problems: &mut Problems,
) {
    let Value::Array(items) = value else {
        return not_a(file, list, "list", problems);
    };
    let before = whole.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    // Null is absent. What is no list is told with the other mistakes of the main file.
    if before.is_null() {
        *before = Value::Array(Vec::new());
    }
    if let Some(before) = before.as_array_mut() {
        places.lists.entry(list).or_default().push((before.len(), file.to_owned()));
        before.extend(items);
    }
}

fn merge(
    whole: &mut Map<String, Value>,
    places: &mut Places,
    mapping: &'static str,
    (file, value): (&str, Value),
    problems: &mut Problems,
) {
    let Value::Object(members) = value else {
        return not_a(file, mapping, "mapping", problems);
    };
    let before = whole.entry(mapping).or_insert_with(|| Value::Object(Map::new()));
    if before.is_null() {
        *before = Value::Object(Map::new());
    }
    let Some(before) = before.as_object_mut() else { return };
    let names = places.names.entry(mapping).or_default();
    for (name, member) in members {
        if before.contains_key(&name) {
            let other = names.get(&name).map_or("the policy file", String::as_str);
            problems.error(
                inside(file, &format!("{mapping}.{name}")),
                format!("`{name}` stands in `{other}` too"),
                "keep one of them, or give them different names",
            );
            continue;
        }
        names.insert(name.clone(), file.to_owned());
        before.insert(name, member);
    }
}

fn not_a(file: &str, member: &str, kind: &str, problems: &mut Problems) {
    problems.error(
        inside(file, member),
        format!("`{member}` is no {kind}"),
        format!("write a {kind}, or remove `{member}`"),
    );
}

fn inside(file: &str, place: &str) -> String {
    format!("{file}: {place}")
}

impl Places {
    /// A place of the whole as one of its file; of the main file: as it is.
    pub(crate) fn of(&self, path: &str) -> String {
        self.element(path).or_else(|| self.member(path)).unwrap_or_else(|| path.to_owned())
    }

    /// The same problems, at the places of their files.
    pub(crate) fn of_all(&self, problems: Vec<Problem>) -> Vec<Problem> {
        let located = |problem: Problem| Problem { path: self.of(&problem.path), ..problem };
        problems.into_iter().map(located).collect()
    }

    fn element(&self, path: &str) -> Option<String> {
        let (list, rest) = path.split_once('[')?;
        let (index, rest) = rest.split_once(']')?;
        let index: usize = index.parse().ok()?;
        let (first, file) =
            self.lists.get(list)?.iter().rev().find(|(first, _)| *first <= index)?;
        Some(inside(file, &format!("{list}[{}]{rest}", index.saturating_sub(*first))))
    }

    fn member(&self, path: &str) -> Option<String> {
        let (mapping, rest) = path.split_once('.')?;
        // Names may hold dots: the longest that fits is the one that is meant.
        let fits = |name: &String| {
            let after = rest.strip_prefix(name.as_str());
            after.is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
        };
        let names = self.names.get(mapping)?;
        let (_, file) =
            names.iter().filter(|(name, _)| fits(name)).max_by_key(|(name, _)| name.len())?;
        Some(inside(file, path))
    }
}
