//! One compiled route, and the path patterns that select it.
//! [`PathPattern`] is the rule, [`PathVariables`] what a match gives.

pub(crate) mod chain;
mod glob;
pub(crate) mod issuers;
mod leaf;
pub(crate) mod pattern;
mod pattern_table;
pub(crate) mod table;

use std::borrow::Cow;
use std::sync::Arc;

use sallyport_jwt::ClaimPath;

use crate::answer::on_deny::OnDeny;
use crate::answer::permit::Forward;
use crate::cors::Cors;
use crate::file::source::FailureMode;
use crate::request::inputs::Inputs;
use crate::request::path::{CanonicalPath, PathError, decoded};
use crate::require::claim::ClaimRule;
use crate::require::rbac::Verb;
use crate::require::scopes::Scopes;
use crate::require::template::Template;
use crate::route::chain::{Chain, Spent};
use crate::route::pattern::PathRegex;

/// One rule, compiled. Immutable.
///
/// In the order of memory: what every decision reads stands together, since of ten thousand routes few are in a
/// processor's cache.
#[derive(Debug)]
#[repr(C)]
pub struct Route {
    pub(crate) access: Access,
    /// A slash in the path may be escaped.
    pub(crate) encoded_slashes: bool,
    pub(crate) shadow: bool,
    /// The sidecar's part is judged in shadow, nobody waits for it.
    pub(crate) deferred: bool,
    pub(crate) failure_mode: FailureMode,
    pub(crate) name: Arc<str>,
    pub(crate) forward: Forward,
    /// Who may ask across origins; none: everybody, and nobody is told.
    pub(crate) cors: Option<Arc<Cors>>,
    /// How its denials look; none: by the request's Accept.
    pub(crate) on_deny: Option<Arc<OnDeny>>,
    /// Credentials beside Authorization that end here.
    pub(crate) spent: Option<Box<Spent>>,
    /// What of a request it reads besides what every verdict rests on.
    pub(crate) inputs: Option<Arc<Inputs>>,
    pub(crate) timeout_ms: u64,
    pub(crate) path: RoutePath,
}

impl Route {
    /// Its name.
    #[must_use]
    #[inline]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What an unavailable dependency means here.
    #[must_use]
    #[inline]
    pub fn failure_mode(&self) -> FailureMode {
        self.failure_mode
    }

    /// Whether the sidecar's part is judged in shadow (`mode: async`).
    #[must_use]
    #[inline]
    pub fn deferred(&self) -> bool {
        self.deferred
    }

    /// Whether the sidecar has a part in it.
    #[inline]
    pub(crate) fn needs_sidecar(&self) -> bool {
        match &self.access {
            Access::Open | Access::Shut => false,
            Access::Requirements(requirements) => requirements.need_sidecar(),
        }
    }

    /// Every template that a decision or its mutations may come from.
    #[inline]
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let requirements = match &self.access {
            Access::Open | Access::Shut => None,
            Access::Requirements(requirements) => Some(requirements),
        };
        let asked = requirements.into_iter().flat_map(|requirements| {
            let Demands { rbac, claims, .. } = &*requirements.demands;
            let roles = rbac.iter().flat_map(|rbac| {
                rbac.namespace.iter().chain([&rbac.api, &rbac.resource, &rbac.user])
            });
            claims.iter().filter_map(ClaimRule::template).chain(roles)
        });
        let reshape = self.forward.reshape.iter().flat_map(|reshape| reshape.templates());
        self.forward.set.iter().map(|(_, template)| template).chain(reshape).chain(asked)
    }

    /// Longest wait for a dependency, in milliseconds.
    #[must_use]
    #[inline]
    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }
}

/// Who may pass.
#[derive(Debug)]
pub(crate) enum Access {
    /// `allow: unauthenticated`.
    Open,
    /// `allow: nobody`.
    Shut,
    /// Whoever satisfies all of this.
    Requirements(Box<Requirements>),
}

/// What a protected route asks for.
#[derive(Debug)]
pub(crate) struct Requirements {
    /// Who may vouch for the caller.
    pub(crate) chain: Chain,
    /// Routes that ask the same have one of these: ten thousand of their own would be in no processor's cache.
    pub(crate) demands: Arc<Demands>,
    /// Whether the upstream gets a credential that only the sidecar has.
    pub(crate) swaps: bool,
}

/// What is asked of whoever is known.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Demands {
    pub(crate) scopes: Scopes,
    pub(crate) claims: Vec<ClaimRule>,
    pub(crate) rbac: Option<Rbac>,
    /// `authorization: always_deny`.
    pub(crate) denied: bool,
}

impl Requirements {
    /// Whether nothing can go on without the sidecar: it alone can judge the token, or give the upstream's credential.
    #[inline]
    pub(crate) fn cannot_defer(&self) -> bool {
        self.swaps || self.chain.needs_sidecar()
    }

    /// Whether the sidecar has a part in it.
    #[inline]
    pub(crate) fn need_sidecar(&self) -> bool {
        let roles = self.demands.rbac.as_ref().is_some_and(|rbac| !rbac.in_filter);
        roles || self.cannot_defer()
    }
}

/// What is asked of the roles.
#[derive(Debug, PartialEq)]
pub(crate) struct Rbac {
    pub(crate) api: Template,
    pub(crate) resource: Template,
    pub(crate) namespace: Option<Template>,
    pub(crate) user: Template,
    pub(crate) groups: Option<GroupsClaim>,
    pub(crate) verb: Option<Verb>,
    /// The policy holds all roles itself, so the filter decides.
    pub(crate) in_filter: bool,
}

/// Where the caller's groups stand.
#[derive(Debug, PartialEq)]
pub(crate) struct GroupsClaim {
    pub(crate) path: ClaimPath,
    /// It is what Entra leaves out of a token that would get too large.
    pub(crate) left_out: bool,
}

/// Which paths a route judges.
#[derive(Debug, Clone)]
pub(crate) enum RoutePath {
    /// `path`.
    Segments(PathPattern),
    /// `regex` or `glob`.
    Pattern(PathRegex),
}

impl RoutePath {
    /// Names of the variables, in order.
    #[inline]
    pub(crate) fn variables(&self) -> Vec<Box<str>> {
        match self {
            Self::Segments(path) => path.variables(),
            Self::Pattern(pattern) => pattern.variables(),
        }
    }
}

/// A path of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    pub(crate) segments: Vec<SegmentPattern>,
    /// Ends in `{**}`: everything below, at a segment's border.
    pub(crate) rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SegmentPattern {
    /// Decoded text.
    Literal(Box<str>),
    /// `{name}`: one segment that is not empty.
    Variable(Box<str>),
}

impl PathPattern {
    /// Compiles `/orders/{id}`, `/files/{**}`.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    #[inline]
    pub(crate) fn compile(text: &str) -> Result<Self, (String, String)> {
        if !text.starts_with('/') {
            return Err((
                format!("`{text}` does not start with a slash"),
                format!("write `/{text}`"),
            ));
        }
        let mut segments = Vec::with_capacity(text.matches('/').count());
        let mut parts = text.strip_prefix('/').unwrap_or_default().split('/').peekable();
        while let Some(part) = parts.next() {
            if part == "{**}" {
                if parts.peek().is_some() {
                    return Err((
                        format!("`{text}` goes on after `{{**}}`"),
                        "put `{**}` at the end".to_owned(),
                    ));
                }
                check_canonical(text)?;
                return Ok(Self { segments, rest: true });
            }
            segments.push(segment(text, part, &segments)?);
        }
        check_canonical(text)?;
        Ok(Self { segments, rest: false })
    }

    /// Whether it names one path alone.
    #[inline]
    pub(crate) fn is_exact(&self) -> bool {
        !self.rest
            && !self.segments.iter().any(|segment| matches!(segment, SegmentPattern::Variable(_)))
    }

    /// Names of the variables, in order.
    #[inline]
    pub(crate) fn variables(&self) -> Vec<Box<str>> {
        self.segments
            .iter()
            .filter_map(|segment| match segment {
                SegmentPattern::Variable(name) => Some(name.clone()),
                SegmentPattern::Literal(_) => None,
            })
            .collect()
    }
}

/// What a request may not hold, a rule may not either: it could never match, and a wider rule would judge in its place.
#[inline]
fn check_canonical(text: &str) -> Result<(), (String, String)> {
    if text.contains('?') {
        return Err((
            format!("`{text}` holds a query"),
            "routes match the path alone; remove the query".to_owned(),
        ));
    }
    if text.contains(';') {
        return Err((
            format!("`{text}` holds path parameters"),
            "remove `;`: upstreams differ in what they make of it".to_owned(),
        ));
    }
    let probe = text.replace("{**}", "x").replace(['{', '}'], "");
    let unmatchable = |why: &dyn std::fmt::Display| {
        let fix = "write the path in its canonical spelling";
        (format!("no request can match `{text}`: {why}"), fix.to_owned())
    };
    match CanonicalPath::parse(probe.as_bytes()) {
        Ok(path) if path.has_escaped_slashes() => Err(unmatchable(&PathError::HiddenCharacter)),
        Ok(_) => Ok(()),
        Err(error) => Err(unmatchable(&error)),
    }
}

#[inline]
fn segment(
    text: &str,
    part: &str,
    before: &[SegmentPattern],
) -> Result<SegmentPattern, (String, String)> {
    if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        let valid = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !valid {
            return Err((
                format!("`{{{name}}}` in `{text}` is no variable"),
                "name it with letters, digits and `_`, or write `{**}` at the end".to_owned(),
            ));
        }
        if before
            .iter()
            .any(|segment| matches!(segment, SegmentPattern::Variable(known) if **known == *name))
        {
            return Err((
                format!("`{text}` names `{name}` twice"),
                "give each variable its own name".to_owned(),
            ));
        }
        return Ok(SegmentPattern::Variable(name.into()));
    }
    if part.contains(['{', '}', '*']) {
        return Err((
            format!("`{part}` in `{text}` is neither a literal nor a variable"),
            "write `{name}` for one whole segment, `{**}` for the rest".to_owned(),
        ));
    }
    Ok(SegmentPattern::Literal(decoded(part).into()))
}

/// Values of a matched path's variables, decoded once on demand.
#[derive(Clone, Copy)]
pub(crate) struct PathVariables<'a> {
    pattern: &'a RoutePath,
    path: CanonicalPath<'a>,
}

impl<'a> PathVariables<'a> {
    #[inline]
    pub(crate) fn new(route: &'a Route, path: CanonicalPath<'a>) -> Self {
        Self { pattern: &route.path, path }
    }

    #[inline]
    pub(crate) fn decoded(&self, name: &str) -> Option<Cow<'a, str>> {
        let path = match self.pattern {
            RoutePath::Segments(path) => path,
            RoutePath::Pattern(pattern) => return pattern.decoded(self.path, name),
        };
        let at = path.segments.iter().position(
            |segment| matches!(segment, SegmentPattern::Variable(known) if **known == *name),
        )?;
        self.path.segments().nth(at).map(decoded)
    }
}
