//! Entries of `claims` that cannot hold together, and those that compare with something else than they look like.

use std::cmp::Ordering;

use sallyport_jwt::ClaimPath;
use serde_json::{Number, Value};

use crate::compile::lint::templates::known_template;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::require_source::ClaimSource;
use crate::require::claim::{compare, equal};

/// An entry, and where it stands.
struct Entry<'s> {
    place: String,
    path: ClaimPath,
    source: &'s ClaimSource,
}

pub(super) fn claims(effective: &Effective<'_>, problems: &mut Problems) {
    let Some(setting) = effective.settings.claims else { return };
    let place = effective.place("claims", setting);
    let entry = |(index, source): (usize, &'_ ClaimSource)| {
        Some((format!("{place}[{index}]"), source.claim.parse().ok()?))
    };
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (index, source) in setting.value.iter().enumerate() {
        let Some((place, path)) = entry((index, source)) else { continue };
        let this = Entry { place, path, source };
        alone(&this, problems);
        for other in &entries {
            let Some(why) = this.against(other).or_else(|| other.against(&this)) else { continue };
            problems.error(
                &this.place,
                format!("cannot hold beside `{}`, so nobody could ever pass: {why}", other.place),
                "remove one of the two",
            );
        }
        entries.push(this);
    }
    refused_together(&entries, problems);
}

/// `any_of` of which several others refuse a part each.
fn refused_together(entries: &[Entry<'_>], problems: &mut Problems) {
    for this in entries.iter().filter(|this| !this.source.any_of.is_empty()) {
        let others: Vec<&Entry<'_>> = entries
            .iter()
            .filter(|other| other.path == this.path && other.place != this.place)
            .filter(|other| this.source.any_of.iter().any(|value| other.refuses(value)))
            .collect();
        let alone =
            others.iter().any(|other| this.source.any_of.iter().all(|it| other.refuses(it)));
        let refused = |value: &Value| others.iter().any(|other| other.refuses(value));
        if !alone && this.source.any_of.iter().all(refused) {
            let places: Vec<&str> = others.iter().map(|other| other.place.as_str()).collect();
            problems.error(
                format!("{}.any_of", this.place),
                format!("`{}` refuse all of it, so nobody could ever pass", places.join("` and `")),
                "remove the one or the other",
            );
        }
    }
}

fn alone(entry: &Entry<'_>, problems: &mut Problems) {
    let Entry { place, path, source } = entry;
    let lists =
        [("any_of", &source.any_of), ("all_of", &source.all_of), ("none_of", &source.none_of)];
    for (name, list) in lists {
        for (index, value) in list.iter().enumerate() {
            let Some(text) = value.as_str().filter(|text| known_template(text)) else { continue };
            problems.error(
                format!("{place}.{name}[{index}]"),
                format!("`{text}`: a template is not read here"),
                "use `equals`",
            );
        }
    }
    let Some(text) = &source.equals else { return };
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    let own = inner.strip_prefix("claims.").and_then(|own| own.parse::<ClaimPath>().ok());
    if own.is_some_and(|own| own == *path) || inner == "subject" && path.names() == ["sub"] {
        problems.warning(
            format!("{place}.equals"),
            format!("`{text}` is the claim itself, so all that is asked is that it is there"),
            "write `present: true`, or what it is to be compared with",
        );
    }
}

impl Entry<'_> {
    /// Why this one leaves nothing of what the other one asks.
    fn against(&self, other: &Self) -> Option<&'static str> {
        let (ours, theirs) = (self.path.names(), other.path.names());
        if !theirs.starts_with(ours) || !other.needs() {
            return None;
        }
        if self.source.present == Some(false) {
            return Some("what is absent has neither value nor members");
        }
        if ours.len() < theirs.len() {
            return self.needs_value().then_some("what has a value of its own has no members");
        }
        let (any, all) = (&other.source.any_of, &other.source.all_of);
        if all.iter().any(|value| self.refuses(value))
            || !any.is_empty() && any.iter().all(|value| self.refuses(value))
        {
            return Some("one refuses what the other asks for");
        }
        if above(self.source.at_least.as_ref(), other.source.at_most.as_ref()) {
            return Some("no number is within both bounds");
        }
        if !self.bounded() {
            return None;
        }
        if !any.is_empty() && !any.iter().any(|value| self.fits(value))
            || !all.iter().all(|value| self.fits(value))
        {
            return Some("no number within the bounds is asked for");
        }
        None
    }

    fn refuses(&self, value: &Value) -> bool {
        self.source.none_of.iter().any(|refused| equal(value, refused))
    }

    fn bounded(&self) -> bool {
        self.source.at_least.is_some() || self.source.at_most.is_some()
    }

    fn fits(&self, value: &Value) -> bool {
        let Value::Number(value) = value else { return false };
        !above(self.source.at_least.as_ref(), Some(value))
            && !above(Some(value), self.source.at_most.as_ref())
    }

    /// Whether it asks for a scalar, or for an array.
    fn needs_value(&self) -> bool {
        let ClaimSource { any_of, all_of, equals, .. } = self.source;
        !any_of.is_empty() || !all_of.is_empty() || equals.is_some() || self.bounded()
    }

    /// Whether the claim has to be there.
    fn needs(&self) -> bool {
        self.source.present == Some(true) || self.needs_value()
    }
}

fn above(left: Option<&Number>, right: Option<&Number>) -> bool {
    let order = left.zip(right).and_then(|(left, right)| compare(left, right));
    order == Some(Ordering::Greater)
}
