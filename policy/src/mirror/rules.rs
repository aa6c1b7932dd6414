//! What is mirrored and what is blanked, compiled from `mirror:`. The defaults blank what usually is a secret;
//! the operator adds names, and cannot take any away.

use hashbrown::HashSet;

use crate::file::problem::Problems;
use crate::file::source::{BodiesSource, MirrorSource, RedactSource};
use crate::limits::{DEFAULT_MIRROR_BODY_BYTES, MAX_MIRROR_BODY_BYTES};

/// Compiled mirroring rules.
#[derive(Debug, Clone)]
pub struct MirrorRules {
    /// Most bytes that are copied of one body; 0: none.
    pub(super) max_bytes: usize,
    pub(super) json_bodies: bool,
    pub(super) form_bodies: bool,
    pub(super) other_bodies: bool,
    pub(super) headers: HashSet<String>,
    pub(super) members: HashSet<String>,
    pub(super) query: HashSet<String>,
}

impl MirrorRules {
    pub(crate) fn compile(source: &MirrorSource, problems: &mut Problems) -> Self {
        let lower = |names: &[String]| {
            names.iter().map(|name| name.to_ascii_lowercase()).collect::<HashSet<_>>()
        };
        let mut rules = Self {
            max_bytes: 0,
            json_bodies: false,
            form_bodies: false,
            other_bodies: false,
            headers: lower(&source.redact.headers),
            members: lower(&source.redact.json),
            query: lower(&source.redact.query),
        };
        suspicious_names(&source.redact, problems);
        if let Some(bodies) = &source.bodies {
            rules.bodies(bodies, problems);
        } else if !source.redact.json.is_empty() {
            problems.error(
                "mirror.redact.json",
                "has no effect: no bodies are mirrored",
                "add `mirror.bodies`, or remove it",
            );
        }
        rules
    }

    fn bodies(&mut self, source: &BodiesSource, problems: &mut Problems) {
        self.max_bytes = source.max_bytes.unwrap_or(DEFAULT_MIRROR_BODY_BYTES);
        if self.max_bytes == 0 || self.max_bytes > MAX_MIRROR_BODY_BYTES {
            problems.error(
                "mirror.bodies.max_bytes",
                format!("`{}` is no possible size", self.max_bytes),
                format!("write between 1 and {MAX_MIRROR_BODY_BYTES}, or remove `bodies`"),
            );
        }
        if source.content_types.is_empty() {
            problems.error(
                "mirror.bodies.content_types",
                "is empty, so no body is mirrored",
                "write `[json]`",
            );
        }
        for (index, name) in source.content_types.iter().enumerate() {
            match name.as_str() {
                "json" => self.json_bodies = true,
                "x-www-form-urlencoded" => self.form_bodies = true,
                "xml" => {
                    self.other_bodies = true;
                    problems.warning(
                        format!("mirror.bodies.content_types[{index}]"),
                        "`xml` bodies cannot be redacted yet: records tell their size alone",
                        "remove it, or accept that",
                    );
                }
                _ => problems.error(
                    format!("mirror.bodies.content_types[{index}]"),
                    format!("`{name}` is no content type that can be redacted"),
                    "use json, x-www-form-urlencoded or xml",
                ),
            }
        }
    }

    /// Blanks what routes read as credentials, besides Authorization and cookies, which always are.
    pub(crate) fn blank<'n>(&mut self, query: &[Box<str>], headers: impl Iterator<Item = &'n str>) {
        self.query.extend(query.iter().map(|key| key.to_ascii_lowercase()));
        self.headers.extend(headers.map(str::to_owned));
    }

    /// How many bytes of a body of this content type are copied; 0: none.
    #[must_use]
    pub fn body_bytes(&self, content_type: &[u8]) -> usize {
        if self.kind(content_type).is_some() { self.max_bytes } else { 0 }
    }

    pub(super) fn kind(&self, content_type: &[u8]) -> Option<BodyKind> {
        let text = std::str::from_utf8(content_type).ok()?;
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let subtype = essence.split_once('/').map(|(_, subtype)| subtype)?;
        match subtype {
            "json" if self.json_bodies => Some(BodyKind::Json),
            "x-www-form-urlencoded" if self.form_bodies => Some(BodyKind::Form),
            "xml" if self.other_bodies => Some(BodyKind::Other),
            _ if subtype.ends_with("+json") && self.json_bodies => Some(BodyKind::Json),
            _ if subtype.ends_with("+xml") && self.other_bodies => Some(BodyKind::Other),
            _ => None,
        }
    }
}

/// A name that nothing has would blank nothing, and nobody would know.
fn suspicious_names(source: &RedactSource, problems: &mut Problems) {
    // RFC 9110 section 5.6.2.
    let token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
    let is_header = |name: &str| !name.is_empty() && name.bytes().all(token);
    for (index, name) in source.headers.iter().enumerate().filter(|(_, name)| !is_header(name)) {
        problems.error(
            format!("mirror.redact.headers[{index}]"),
            format!("`{name}` is no name of a header, so it blanks nothing"),
            "write the name alone, as it is sent",
        );
    }
    // Keys are compared when their escapes are gone, so there may be such a one.
    let is_plain = |key: &str| !key.contains(['?', '&', '=', '#', ';']);
    for (index, key) in source.query.iter().enumerate().filter(|(_, key)| !is_plain(key)) {
        problems.warning(
            format!("mirror.redact.query[{index}]"),
            format!("`{key}` blanks nothing but a key in which that character is escaped"),
            "write the key alone, without `?`, `&`, `=` and its value",
        );
    }
}

/// How a body is read for redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Json,
    Form,
    Other,
}
