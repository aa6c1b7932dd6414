//! Roles and bindings (Krake's documents): who may do which verb on which resource of which API in which namespace.
//! Allow-only: no binding, no access. A question costs a few binary searches, however many bindings there are.
//! Evaluated in the sidecar, and in the filter where the policy holds all documents itself.

use hashbrown::HashMap;
use schemars::JsonSchema;
use smol_str::SmolStr;

use crate::file::wire_types::wire_enum;

/// A role file: its name, for messages, and its text (YAML stream or JSON).
#[derive(Debug, Clone)]
pub struct RoleFile {
    /// As the policy names it.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessRequest<'a> {
    pub(crate) api: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) verb: Verb,
}

wire_enum! {
    /// The verbs that roles know. There is no wildcard among them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
    pub(crate) enum Verb {
        /// Make one.
        Create = "create",
        /// See those of a namespace.
        List = "list",
        /// See those of all namespaces.
        ListAll = "list_all",
        /// See one.
        Get = "get",
        /// Change one.
        Update = "update",
        /// Remove one.
        Delete = "delete",
    }
}

impl Verb {
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

    /// As documents spell it.
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

    /// Its place in the verbs of a grant.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::List => 2,
            Self::ListAll => 4,
            Self::Get => 8,
            Self::Update => 16,
            Self::Delete => 32,
        }
    }
}

/// API, resource and namespace, as numbers of their names. Ordered, so that grants can be searched.
pub(crate) type Key = [u32; 3];
/// All APIs, resources or namespaces: the empty string in documents.
pub(crate) const ANY: u32 = 0;
/// Requests without a namespace.
pub(crate) const NO_NAMESPACE: u32 = u32::MAX;

/// Verbs that are allowed on what the key names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) key: Key,
    pub(crate) verbs: u8,
}

/// All roles and bindings, compiled by `compile/roles.rs`.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    /// Numbers of the names of APIs, resources and namespaces, from 1.
    pub(crate) names: HashMap<Box<str>, u32>,
    /// What a role allows, or what the roles of somebody who has many allow together: sorted, each key once.
    pub(crate) sets: Vec<Box<[Grant]>>,
    /// Which sets a user has.
    pub(crate) users: HashMap<SmolStr, SetsOf>,
    /// Which sets a group has.
    pub(crate) groups: HashMap<SmolStr, SetsOf>,
}

/// The sets of somebody. Most have one, which needs no memory of its own.
#[derive(Debug)]
pub(crate) enum SetsOf {
    One(u32),
    Several(Box<[u32]>),
}

impl SetsOf {
    pub(crate) fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(set) => std::slice::from_ref(set),
            Self::Several(sets) => sets,
        }
    }
}

impl Roles {
    /// Whether nobody is allowed anything.
    pub(crate) fn allow_nothing(&self) -> bool {
        let bound = !self.users.is_empty() || !self.groups.is_empty();
        !bound || self.sets.iter().all(|set| set.is_empty())
    }

    /// Whether some role of the user allows this.
    pub(crate) fn allow_user(&self, user: &str, asked: AccessRequest<'_>) -> bool {
        self.users.get(user).is_some_and(|sets| self.allow(sets.as_slice(), asked))
    }

    /// Whether some role of the group allows this.
    pub(crate) fn allow_group(&self, group: &str, asked: AccessRequest<'_>) -> bool {
        self.groups.get(group).is_some_and(|sets| self.allow(sets.as_slice(), asked))
    }

    fn allow(&self, sets: &[u32], asked: AccessRequest<'_>) -> bool {
        let known = |name: &str| self.names.get(name).copied();
        // A name that no document holds is allowed by wildcards alone.
        let apis = [known(asked.api), Some(ANY)];
        let resources = [known(asked.resource), Some(ANY)];
        let namespaces = match asked.namespace {
            Some(namespace) => [known(namespace), Some(ANY)],
            None => [Some(NO_NAMESPACE), None],
        };
        let sets = || {
            let sets = sets.iter().filter_map(|set| self.sets.get(usize::try_from(*set).ok()?));
            sets.map(|set| &**set)
        };
        let keys = apis.into_iter().flatten().flat_map(|api| {
            let resources = resources.into_iter().flatten();
            resources.flat_map(move |resource| {
                namespaces.into_iter().flatten().map(move |namespace| [api, resource, namespace])
            })
        });
        keys.into_iter().any(|key| sets().any(|set| verbs_of(set, key) & asked.verb.bit() != 0))
    }
}

fn verbs_of(set: &[Grant], key: Key) -> u8 {
    let found = set.binary_search_by(|grant| grant.key.cmp(&key)).ok();
    found.and_then(|at| set.get(at)).map_or(0, |grant| grant.verbs)
}
