//! Which settings hold for a route on which of its hosts: its own, then those of the host's entry under `hosts`, then the
//! file's. Here alone is inheritance resolved; who compiles a setting gets its value and its place in the file.

use std::collections::BTreeSet;

use crate::file::problem::Problems;
use crate::file::settings::{Level, Setting};
use crate::file::source::{Allow, RouteSource, Settings, Source};
use crate::route::table::HostPattern;

/// What a route with `allow` may say and takes from outside: what changes the request or the answer, but asks nobody for
/// anything.
pub(super) fn kept(allow: Allow) -> &'static [&'static str] {
    match allow {
        Allow::Unauthenticated => &["forward", "cors", "on_deny"],
        Allow::Nobody => &["shadow", "on_deny"],
    }
}

/// File-wide defaults that ask for nothing may stand though no route takes them; others would seem to protect something.
/// `on_deny` holds for requests without a route, too.
const MAY_BE_IDLE: &[&str] =
    &["mode", "timeout", "failure_mode", "shadow", "on_invalid", "on_deny"];

/// The settings of one route on some of its hosts.
pub(crate) struct Effective<'s> {
    pub(crate) settings: Settings<'s>,
    /// Place of the route, like `routes[3]`.
    pub(crate) route: &'s str,
    host: Option<&'s str>,
}

impl Effective<'_> {
    /// Place of a setting in the file, like `hosts.api.example.com.scopes`.
    pub(crate) fn place<T>(&self, name: &str, setting: Setting<'_, T>) -> String {
        match (setting.level, self.host) {
            (Level::File, _) | (Level::Host, None) => name.to_owned(),
            (Level::Host, Some(host)) => ["hosts.", host, ".", name].concat(),
            // Of every setting of every route; `format!` takes its time.
            (Level::Route, _) => [self.route, ".", name].concat(),
        }
    }
}

/// Resolves settings, and remembers which of them some route took.
#[derive(Default)]
pub(crate) struct Inheritance<'s> {
    /// Hosts with an entry that some route names.
    named: BTreeSet<&'s str>,
    /// Settings outside of routes that some route took; no host: the file's.
    taken: BTreeSet<(Option<&'s str>, &'static str)>,
}

#[cfg(feature = "explain")]
impl crate::file::document::Document {
    /// Which settings hold for a route on one of its hosts (as `match.hosts` spells it; none: it names none): their
    /// names, and their places in the whole.
    #[must_use]
    pub fn settings_of(&self, route: usize, host: Option<&str>) -> Vec<(&'static str, String)> {
        let Some(source) = self.source.routes.get(route) else { return Vec::new() };
        let place = format!("routes[{route}]");
        let hosts = vec![(host.unwrap_or_default(), HostPattern::Any)];
        let variants = Inheritance::default().of_route(&self.source, source, &place, hosts);
        let written = variants.iter().flat_map(|(effective, _)| effective.settings.written());
        let placed = written.map(|(name, level)| {
            let place = match level {
                Level::File => name.to_owned(),
                Level::Host => format!("hosts.{}.{name}", host.unwrap_or_default()),
                Level::Route => format!("{place}.{name}"),
            };
            (name, place)
        });
        placed.collect()
    }
}

impl<'s> Inheritance<'s> {
    /// The settings of a route, once for each different set of them, with the hosts where they hold.
    pub(crate) fn of_route<'r>(
        &mut self,
        source: &'s Source,
        route: &'r RouteSource,
        place: &'r str,
        hosts: Vec<(&str, HostPattern)>,
    ) -> Vec<(Effective<'r>, Vec<HostPattern>)>
    where
        's: 'r,
    {
        let own = route.settings(Level::Route);
        let file = source.settings(Level::File);
        let resolved = |inner: Settings<'r>| {
            let all = inner.or(file);
            route.allow.map_or(all, |allow| all.own_and(kept(allow)))
        };
        let mut out = Vec::with_capacity(1);
        let mut elsewhere = Vec::new();
        // What takes back a setting on one of the hosts is not in vain on the others.
        let bare = resolved(own);
        let mut replacing = bare;
        for (name, host) in hosts {
            let Some((name, entry)) = source.hosts.get_key_value(name) else {
                elsewhere.push(host);
                continue;
            };
            self.named.insert(name);
            let settings = resolved(own.or(entry.settings(Level::Host)));
            replacing = replacing.replacing_also(settings);
            if settings.written().all(|(_, level)| level != Level::Host) {
                elsewhere.push(host);
                continue;
            }
            self.take(settings, Some(name));
            out.push((Effective { settings, route: place, host: Some(name) }, vec![host]));
        }
        if !elsewhere.is_empty() || out.is_empty() {
            let shared = Effective { settings: bare, route: place, host: None };
            self.take(shared.settings, None);
            out.push((shared, elsewhere));
        }
        for (effective, _) in &mut out {
            effective.settings = effective.settings.replacing_also(replacing);
        }
        out
    }

    fn take(&mut self, settings: Settings<'_>, host: Option<&'s str>) {
        for (name, level) in settings.written() {
            match level {
                Level::File => self.taken.insert((None, name)),
                Level::Host => self.taken.insert((host, name)),
                Level::Route => false,
            };
        }
    }

    /// What was written for routes, and no route takes.
    pub(crate) fn unused(&self, source: &'s Source, any_routes: bool, problems: &mut Problems) {
        const FIX: &str = "remove it, or the route's own word";
        let file = source.settings(Level::File).written();
        let idle = |name: &&str| {
            !MAY_BE_IDLE.contains(name) && any_routes && !self.taken.contains(&(None, *name))
        };
        for name in file.map(|(name, _)| name).filter(idle) {
            problems.error(name, "has no effect: no route inherits it", FIX);
        }
        for (host, entry) in &source.hosts {
            let place = format!("hosts.{host}");
            if !self.named.contains(&**host) {
                problems.error(
                    place,
                    format!("no route names the host `{host}`"),
                    "spell it as in `match.hosts`, or remove it",
                );
                continue;
            }
            if entry.settings(Level::Host).written().next().is_none() {
                problems.error(&place, "sets nothing", "add a setting, or remove it");
            }
            for (name, _) in entry.settings(Level::Host).written() {
                if !self.taken.contains(&(Some(host), name)) {
                    let place = format!("{place}.{name}");
                    problems.error(place, "has no effect: no route inherits it", FIX);
                }
            }
        }
    }
}
