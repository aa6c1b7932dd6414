//! What becomes of the credentials that routes read besides Authorization: which headers, cookies and query keys end
//! here, and what a verdict on such a route rests on. Done when all routes are known, since what a credential stands in
//! may be nobody's identity header.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answer::permit::{AUTHORIZATION, COOKIE, RemovedHeaders};
use crate::file::problem::Problems;
#[cfg(feature = "lint")]
use crate::file::source::Source;
use crate::request::inputs::Inputs;
use crate::request::place::Place;
use crate::require::template::Template;
use crate::route::chain::{Chain, Spent};
use crate::route::table::Routes;
use crate::route::{Access, Route};

/// The lists of removed headers by the names that a route adds to them: routes that read the same places share one.
type Lists = BTreeMap<Vec<Arc<str>>, Arc<RemovedHeaders>>;

/// Completes the routes. `names`: the headers that are removed on every route, Authorization among them. Gives the query
/// keys that some route reads.
pub(super) fn complete(routes: &mut Routes, names: &[Arc<str>]) -> Vec<Box<str>> {
    let cookies = set_cookies(routes);
    let mut lists = Lists::new();
    let mut keys = Vec::new();
    for route in routes.iter_mut().filter_map(Arc::get_mut) {
        let mut inputs = Inputs::of_headers(route.templates().flat_map(Template::headers));
        if let Access::Requirements(requirements) = &route.access {
            requirements.chain.note(&mut inputs);
            let swapped = route.forward.credential.swap().map(|swap| &swap.header);
            route.spent = spent(&requirements.chain, swapped, names, &mut lists).map(Box::new);
        }
        reshape(route, &cookies, &mut inputs);
        route.inputs = (inputs != Inputs::default()).then(|| Arc::new(inputs));
        keys.extend(route.spent.iter().flat_map(|spent| spent.query.iter().cloned()));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Cookies that some route sets: they never come from the client.
fn set_cookies(routes: &Routes) -> Vec<Box<str>> {
    let reshapes = routes.iter().filter_map(|route| route.forward.reshape.as_ref());
    let mut names: Vec<Box<str>> =
        reshapes.flat_map(|reshape| reshape.cookies.iter().map(|(name, _)| name.clone())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Cookies that end here are taken out at once, whatever for.
fn reshape(route: &mut Route, cookies: &[Box<str>], inputs: &mut Inputs) {
    if !cookies.is_empty() {
        let reshape = route.forward.reshape.get_or_insert_default();
        reshape.remove_cookies.extend_from_slice(cookies);
    }
    let Some(reshape) = &mut route.forward.reshape else { return };
    if let Some(spent) = &route.spent
        && !route.forward.credential.is_original()
    {
        reshape.remove_cookies.extend_from_slice(&spent.cookies);
    }
    reshape.append.iter().for_each(|(name, _)| inputs.read_header(name));
    if reshape.reads_cookies() {
        inputs.read_header(COOKIE);
    }
}

fn spent(
    chain: &Chain,
    swapped: Option<&Arc<str>>,
    names: &[Arc<str>],
    lists: &mut Lists,
) -> Option<Spent> {
    let (mut headers, mut query, mut cookies) = (Vec::<Arc<str>>::new(), Vec::new(), Vec::new());
    for place in chain.places() {
        match &place.place {
            Place::Bearer | Place::Raw => {}
            Place::Header { name, .. } => headers.push((**name).into()),
            Place::Query(key) => query.push(key.clone()),
            Place::Cookie(name) => cookies.push(name.clone()),
        }
    }
    headers.extend(swapped.filter(|name| ***name != *AUTHORIZATION).cloned());
    if headers.is_empty() && query.is_empty() && cookies.is_empty() {
        return None;
    }
    headers.sort_unstable();
    headers.dedup();
    let mut list = |own: &[Arc<str>]| {
        let made = || Arc::new(RemovedHeaders::new(names.iter().chain(own).cloned().collect()));
        Arc::clone(lists.entry(own.to_vec()).or_insert_with(made))
    };
    let removed = list(&headers);
    let removed_with_cookie = if cookies.is_empty() {
        Arc::clone(&removed)
    } else {
        headers.push(COOKIE.into());
        list(&headers)
    };
    Some(Spent { query, cookies, removed, removed_with_cookie })
}

/// A credential ends here, and no template takes a copy of it along.
#[cfg(feature = "lint")]
pub(super) fn check_templates(source: &Source, routes: &[Arc<Route>], problems: &mut Problems) {
    for route in routes {
        let Access::Requirements(requirements) = &route.access else { continue };
        for place in requirements.chain.places() {
            let mut templates = route.templates();
            let part = match &place.place {
                Place::Header { name, .. } => templates
                    .any(|template| template.headers().any(|read| *read == **name))
                    .then(|| format!("{{header.{name}}}")),
                Place::Query(key) => templates
                    .any(|template| template.queries().any(|read| *read == **key))
                    .then(|| format!("{{query.{key}}}")),
                Place::Bearer | Place::Raw | Place::Cookie(_) => None,
            };
            let Some(part) = part else { continue };
            let index = source.routes.iter().position(|source| *source.name == *route.name);
            problems.error(
                format!("routes[{}]", index.unwrap_or_default()),
                format!("`{part}` reads what `authenticate` reads as a credential"),
                "use {subject} or {claims.PATH}, or remove it",
            );
        }
    }
}

/// A token in a header that a route sets would be taken for an identity, or an identity for a token.
pub(super) fn check_headers(
    read: &[(String, Box<str>)],
    routes: &[Arc<Route>],
    problems: &mut Problems,
) {
    for (place, name) in read {
        let sets = |route: &&Arc<Route>| route.forward.set.iter().any(|(set, _)| **set == **name);
        if let Some(route) = routes.iter().find(sets) {
            problems.error(
                place,
                format!("`{name}` is an identity header that the route `{}` sets", route.name),
                "read the token from another header, or set another one",
            );
        }
    }
}
