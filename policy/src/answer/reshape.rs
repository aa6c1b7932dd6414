//! What `forward` changes besides setting headers: added and removed headers, cookies, query and path. Part of a permit,
//! so made after every check; a request that would come out unreadable is refused. Routes that want none of it have none.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::permit::COOKIE;
use crate::answer::reason::Reason;
use crate::request::path::CanonicalPath;
use crate::request::{cookie, query};
use crate::require::template::{Template, View};

/// RFC 3986: everything but unreserved characters.
pub(crate) const COMPONENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The changes, compiled.
#[derive(Debug, Default)]
pub(crate) struct Reshape {
    /// Lower case. The value comes after the client's.
    pub(crate) append: Vec<(Arc<str>, Template)>,
    /// Lower case.
    pub(crate) remove: Vec<Arc<str>>,
    pub(crate) cookies: Vec<(Box<str>, Template)>,
    /// Cookies of the client that end here: the route's own, every route's that are set, and credentials.
    pub(crate) remove_cookies: Vec<Box<str>>,
    pub(crate) query: Vec<(Box<str>, Template)>,
    /// Query keys that end here, those that are set among them.
    pub(crate) remove_query: Vec<Box<str>>,
    pub(crate) path: Option<Template>,
}

/// What comes of them for one request.
#[derive(Default)]
pub(crate) struct Reshaped {
    /// To remove, besides what is removed anyway; those that are set among them.
    pub(crate) remove: Vec<Arc<str>>,
    pub(crate) set: Vec<(Arc<str>, String)>,
    pub(crate) path: Option<String>,
}

impl Reshape {
    #[inline]
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let named = self.cookies.iter().chain(&self.query).map(|(_, template)| template);
        self.append.iter().map(|(_, template)| template).chain(named).chain(&self.path)
    }

    /// Whether the client's cookies are looked at.
    #[inline]
    pub(crate) fn reads_cookies(&self) -> bool {
        !self.cookies.is_empty() || !self.remove_cookies.is_empty()
    }

    /// `target`: the path with query so far, where it is not the client's own.
    ///
    /// # Errors
    /// [`Reason::RequestMalformed`] where the path that comes out could be read as another, or has no value.
    #[inline]
    pub(crate) fn apply(
        &self,
        view: &View<'_>,
        target: Option<String>,
    ) -> Result<Reshaped, Reason> {
        let mut out = Reshaped { remove: self.remove.clone(), path: target, ..Reshaped::default() };
        let values = |template: &Template| {
            let known = view.identity().is_some() || !template.reads_identity();
            known.then(|| template.render(view)).flatten()
        };
        for (name, template) in &self.append {
            if let Some(value) = values(template) {
                out.remove.push(Arc::clone(name));
                out.set.push((Arc::clone(name), appended(view, name, &value)));
            }
        }
        if self.reads_cookies() {
            let set = self.cookies.iter().filter_map(|(name, template)| {
                let value = values(template).filter(|value| is_cookie(value))?;
                Some([name, "=", &value].concat())
            });
            self.rewrite_cookies(view, set.collect(), &mut out);
        }
        self.rewrite_target(view, &values, &mut out)?;
        Ok(out)
    }

    #[inline]
    fn rewrite_cookies(&self, view: &View<'_>, set: Vec<String>, out: &mut Reshaped) {
        let headers = view.request().raw().headers;
        let kept = cookie::without(headers, &self.remove_cookies);
        if kept.is_none() && set.is_empty() {
            return;
        }
        let kept = kept.unwrap_or_else(|| cookie::others(headers, &self.remove_cookies));
        let all: Vec<&str> = [kept.as_str()]
            .into_iter()
            .filter(|kept| !kept.is_empty())
            .chain(set.iter().map(String::as_str))
            .collect();
        let name: Arc<str> = COOKIE.into();
        out.remove.push(Arc::clone(&name));
        if !all.is_empty() {
            out.set.push((name, all.join("; ")));
        }
    }

    #[inline]
    fn rewrite_target(
        &self,
        view: &View<'_>,
        values: &dyn Fn(&Template) -> Option<String>,
        out: &mut Reshaped,
    ) -> Result<(), Reason> {
        let sent = view.request().path();
        let mut target = out.path.take();
        if !self.remove_query.is_empty() {
            let current = target.clone().unwrap_or_else(|| whole(sent.as_str(), sent.query()));
            target = query::without(&current, &self.remove_query).or(target);
        }
        for (key, template) in &self.query {
            let Some(value) = values(template) else { continue };
            let mut changed = target.unwrap_or_else(|| whole(sent.as_str(), sent.query()));
            changed.push(if changed.contains('?') { '&' } else { '?' });
            changed.extend([&**key, "="]);
            changed.extend(utf8_percent_encode(&value, COMPONENT));
            target = Some(changed);
        }
        if let Some(template) = &self.path {
            let path = template.render_path(view).ok_or(Reason::RequestMalformed)?;
            let query = match &target {
                Some(target) => target.split_once('?').map(|(_, query)| query),
                None => sent.query(),
            };
            target = Some(whole(&path, query));
        }
        if let Some(target) = &target {
            CanonicalPath::parse(target.as_bytes()).map_err(|_| Reason::RequestMalformed)?;
        }
        // What comes out as it was sent is no change, which not every door can carry.
        out.path = target.filter(|target| *target != whole(sent.as_str(), sent.query()));
        Ok(())
    }
}

#[inline]
fn whole(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => [path, "?", query].concat(),
        None => path.to_owned(),
    }
}

/// The client's values and ours, joined as HTTP joins them (RFC 9110 section 5.3). A value that is not UTF-8 is left out.
#[inline]
fn appended(view: &View<'_>, name: &str, value: &str) -> String {
    let sent = view.request().header(name).filter_map(|value| std::str::from_utf8(value).ok());
    let all: Vec<&str> =
        sent.map(str::trim).filter(|sent| !sent.is_empty()).chain([value]).collect();
    all.join(", ")
}

/// RFC 6265 section 4.1.1: cookie-octets.
#[inline]
fn is_cookie(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\'))
}
