//! The filter's copy of a policy as the filter reads it: [`FilterCopy`]. Every worker of Envoy loads it, and the memory of
//! a wasm VM never shrinks, so no more than one route is ever held as JSON. What the copy leaves out, `document.rs` says.

use serde_json::Value;

use crate::file::digest::{self, ListHash};
use crate::file::document::{Document, filter_copy, level_apart};
use crate::file::problem::Problem;
use crate::file::shape;
use crate::file::source::{RouteSources, Source};
use crate::file::value_reader::{FromValue, Part, ReadError};

/// A policy that is well-formed, without what the filter may not know. Not yet compiled.
#[derive(Debug)]
pub struct FilterCopy {
    pub(crate) source: Source,
    pub(crate) digest: String,
}

impl FilterCopy {
    /// See [`Document::digest`].
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// `policy`: all but the elements of `routes`, which were read before.
    pub(super) fn read(policy: Value, routes: RouteReader) -> Result<Self, Vec<Problem>> {
        let mut policy = filter_copy(policy);
        let mut source: Source = shape::read_first(&policy)?;
        let RouteReader { read, hash, wrong } = routes;
        if let Some(wrong) = wrong {
            return Err(vec![shape::problem(&wrong)]);
        }
        source.routes = read;
        let members = policy.as_object_mut().map(std::mem::take).unwrap_or_default();
        Ok(Self { source, digest: digest::of_policy(members, hash) })
    }
}

impl From<&Document> for FilterCopy {
    fn from(document: &Document) -> Self {
        Self { source: document.source.clone(), digest: document.digest() }
    }
}

/// Reads routes one by one.
pub(super) struct RouteReader {
    read: RouteSources,
    hash: ListHash,
    /// The first that is wrong; those after it are not looked at.
    wrong: Option<ReadError>,
}

impl RouteReader {
    pub(super) fn new() -> Self {
        Self { read: Vec::new(), hash: ListHash::new(), wrong: None }
    }

    pub(super) fn take(&mut self, mut route: Value) {
        if self.wrong.is_some() {
            return;
        }
        level_apart(&mut route);
        route.sort_all_objects();
        self.hash.add(&route);
        match FromValue::from_value(&route) {
            Ok(route) => self.read.push(route),
            Err(error) => {
                let element = Part::Element(self.read.len());
                self.wrong = Some(error.within(element).within(Part::Member("routes".to_owned())));
            }
        }
    }
}
