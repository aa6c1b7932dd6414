//! Canonical paths: what may be judged at all (DESIGN section 8). A path is judged as sent and never rewritten;
//! one that a common upstream could read as another path is refused, whatever route it would match.

use std::borrow::Cow;

use crate::limits::{MAX_PATH_BYTES, MAX_PATH_SEGMENTS};

/// A path that reads the same for everyone: no dot segments, empty segments, backslashes, control bytes, broken or
/// needless escapes, no escaped dot or backslash at any depth of encoding, no slash that is escaped twice. One that is escaped
/// once is for the route to judge. One constructor: [`CanonicalPath::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    path: &'a str,
    query: Option<&'a str>,
    parameters: bool,
    escaped_slashes: bool,
    escaped_semicolons: bool,
}

/// Why a path is not canonical. The caller is told only `request_malformed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Does not start with `/` (absolute-form, `*`, empty).
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// Longer than the bound, or more segments.
    #[error("the path is too long")]
    TooLong,
    /// A byte outside visible ASCII, or a backslash.
    #[error("the path holds a byte that no path may hold")]
    Byte,
    /// `#` reached us.
    #[error("the path holds a fragment")]
    Fragment,
    /// `%` without two hex digits, or an escape that decodes to invalid UTF-8.
    #[error("the path holds a broken escape")]
    BrokenEscape,
    /// An escape of a letter, digit, `-`, `.`, `_`, `~`, `/`, `\` or a control byte, or of such an escape again.
    #[error("the path holds an escape that hides a character")]
    HiddenCharacter,
    /// `//`.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// `.` or `..`, also with path parameters (`..;a`).
    #[error("the path holds a dot segment")]
    DotSegment,
}

impl<'a> CanonicalPath<'a> {
    /// Checks a request target in origin-form, `/path?query`. The query is not judged beyond its bytes.
    ///
    /// # Errors
    /// The first thing that keeps it from being canonical.
    #[inline]
    pub fn parse(target: &'a [u8]) -> Result<Self, PathError> {
        if target.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let marks = Marks::of(target);
        if marks.invisible {
            return Err(PathError::Byte);
        }
        if marks.fragment {
            return Err(PathError::Fragment);
        }
        let target = std::str::from_utf8(target).map_err(|_| PathError::Byte)?;
        let (path, query) = match marks.query.and_then(|at| target.split_at_checked(at)) {
            Some((path, query)) => (path, query.strip_prefix('?')),
            None => (target, None),
        };
        let Escaped { slashes, semicolons } = check(path, &marks)?;
        Ok(Self {
            path,
            query,
            parameters: marks.parameters,
            escaped_slashes: slashes,
            escaped_semicolons: semicolons,
        })
    }

    /// The path as sent, without the query.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &'a str {
        self.path
    }

    /// The query as sent, without `?`.
    #[must_use]
    #[inline]
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }

    /// Whether a segment has path parameters (`/a;v=1`), which some upstreams cut off and others read as part of the name.
    #[must_use]
    #[inline]
    pub fn has_parameters(&self) -> bool {
        self.parameters
    }

    /// Whether a segment holds `%2F`, which some upstreams read as a slash.
    #[must_use]
    #[inline]
    pub fn has_escaped_slashes(&self) -> bool {
        self.escaped_slashes
    }

    /// Whether there are upstreams that read it as another path, see [`CanonicalPath::other_readings`].
    #[inline]
    pub(crate) fn has_other_readings(&self) -> bool {
        self.parameters || self.escaped_slashes || self.escaped_semicolons
    }

    /// What upstreams make of it that cut path parameters off, unescape slashes, or do both, in this order or the other; and of `%3B` those that unescape before they cut.
    #[inline]
    pub(crate) fn other_readings(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        if self.parameters {
            readings.push(Reading { path: without_parameters(self.path), unescaped: false });
        }
        let mut unescaped = |path| readings.push(Reading { path, unescaped: true });
        let mut plain = None;
        if self.escaped_slashes {
            let path = self.path.replace("%2F", "/").replace("%2f", "/");
            if self.parameters {
                unescaped(without_parameters(&path));
                let cut = without_parameters(self.path);
                unescaped(cut.replace("%2F", "/").replace("%2f", "/"));
            }
            unescaped(path.clone());
            plain = Some(path);
        }
        if self.escaped_semicolons {
            for path in [Some(self.path), plain.as_deref()].into_iter().flatten() {
                unescaped(without_parameters(&path.replace("%3B", ";").replace("%3b", ";")));
            }
        }
        readings
    }

    /// Segments as sent. A trailing slash gives an empty last segment; `/` gives one empty segment.
    #[inline]
    pub fn segments(&self) -> impl Iterator<Item = &'a str> + Clone {
        Segments { rest: Some(self.path.strip_prefix('/').unwrap_or_default()) }
    }
}

/// What an upstream may make of a path.
pub(crate) struct Reading {
    pub(crate) path: String,
    /// Escaped slashes or semicolons were made plain ones.
    pub(crate) unescaped: bool,
}

#[inline]
fn without_parameters(path: &str) -> String {
    let names: Vec<_> =
        path.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
    names.join("/")
}

/// `split('/')`, whose searcher is made for long texts and takes longer to start than a segment lasts.
#[derive(Clone)]
struct Segments<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let at = rest.bytes().position(|byte| byte == b'/');
        let (segment, tail) = at.and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
        self.rest = tail.strip_prefix('/');
        Some(segment)
    }
}

/// A segment with its escapes decoded once. Borrowed where there are none.
#[inline]
pub(crate) fn decoded(segment: &str) -> Cow<'_, str> {
    if segment.contains('%') {
        percent_encoding::percent_decode_str(segment).decode_utf8_lossy()
    } else {
        Cow::Borrowed(segment)
    }
}

/// What a request target holds, in one pass: most hold nothing of it, and every request pays for the look.
#[derive(Default)]
struct Marks {
    /// A byte outside visible ASCII, anywhere.
    invisible: bool,
    /// `#`, anywhere.
    fragment: bool,
    /// Where the path ends.
    query: Option<usize>,
    // In the path alone.
    escape: bool,
    backslash: bool,
    parameters: bool,
}

impl Marks {
    #[inline]
    fn of(target: &[u8]) -> Self {
        let mut marks = Self::default();
        for (at, byte) in target.iter().enumerate() {
            let in_path = marks.query.is_none();
            match byte {
                b'#' => marks.fragment = true,
                b'?' if in_path => marks.query = Some(at),
                b'%' => marks.escape |= in_path,
                b'\\' => marks.backslash |= in_path,
                b';' => marks.parameters |= in_path,
                0x21..=0x7e => {}
                _ => marks.invisible = true,
            }
        }
        marks
    }
}

/// Which escapes it holds that the route has to judge.
#[derive(Default)]
struct Escaped {
    slashes: bool,
    semicolons: bool,
}

#[inline]
fn check(path: &str, marks: &Marks) -> Result<Escaped, PathError> {
    let rest = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
    if marks.backslash {
        return Err(PathError::Byte);
    }
    let escaped = if marks.escape { check_escapes(path)? } else { Escaped::default() };
    let mut segments = Segments { rest: Some(rest) }.enumerate().peekable();
    while let Some((index, segment)) = segments.next() {
        if index >= MAX_PATH_SEGMENTS {
            return Err(PathError::TooLong);
        }
        // An empty last segment is a trailing slash, which is a path of its own.
        if segment.is_empty() && segments.peek().is_some() {
            return Err(PathError::EmptySegment);
        }
        let end = name_end(segment, escaped.semicolons);
        let name = end.and_then(|at| segment.get(..at)).unwrap_or(segment);
        let parameters = end.is_some();
        if name == "." || name == ".." {
            return Err(PathError::DotSegment);
        }
        if parameters && name.is_empty() {
            return Err(PathError::EmptySegment);
        }
    }
    Ok(escaped)
}

/// Where a segment's name ends for those that cut path parameters off, perhaps after they have unescaped it.
#[inline]
fn name_end(segment: &str, escaped: bool) -> Option<usize> {
    let plain = segment.bytes().position(|byte| byte == b';');
    if !escaped {
        return plain;
    }
    let at = segment.as_bytes().windows(3).position(|text| text.eq_ignore_ascii_case(b"%3b"));
    [plain, at].into_iter().flatten().min()
}

#[inline]
fn check_escapes(path: &str) -> Result<Escaped, PathError> {
    let mut rest = path.as_bytes();
    let mut escaped = Escaped::default();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        rest = rest.get(at..).unwrap_or_default();
        let mut value = escape(rest).ok_or(PathError::BrokenEscape)?;
        rest = rest.get(3..).unwrap_or_default();
        if value == b'/' {
            escaped.slashes = true;
            continue;
        }
        escaped.semicolons |= value == b';';
        // `%252e` hides a dot from those who decode twice: read on through escaped percent signs.
        let mut inner = rest;
        let twice = value == b'%';
        while value == b'%' {
            let Some(next) = inner.get(..2).and_then(hex) else { break };
            value = next;
            inner = inner.get(2..).unwrap_or_default();
            if !value.is_ascii() {
                return Err(PathError::HiddenCharacter);
            }
        }
        let unreserved =
            value.is_ascii_alphanumeric() || matches!(value, b'-' | b'.' | b'_' | b'~');
        let hidden = matches!(value, b'/' | b'\\') || value == b';' && twice;
        if unreserved || value.is_ascii_control() || hidden {
            return Err(PathError::HiddenCharacter);
        }
    }
    percent_encoding::percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| PathError::BrokenEscape)?;
    Ok(escaped)
}

#[inline]
fn escape(bytes: &[u8]) -> Option<u8> {
    hex(bytes.get(1..3)?)
}

#[inline]
fn hex(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{CanonicalPath, PathError, decoded};
    use PathError::*;

    const CASES: &[(&str, Result<(), PathError>)] = &[
        ("/", Ok(())),
        ("/orders/42?a=b/../c", Ok(())),
        ("/orders/", Ok(())),
        ("/a%20b/%E2%82%AC/x%3By", Ok(())),
        ("/100%25", Ok(())),
        ("/..%3b/admin", Err(DotSegment)),
        ("/a/.%3Bx", Err(DotSegment)),
        ("/%3bx/admin", Err(EmptySegment)),
        ("/..a%3b", Ok(())),
        ("/..%253b/admin", Err(HiddenCharacter)),
        ("/a...b/.well-known/..a", Ok(())),
        ("", Err(NotAbsolute)),
        ("*", Err(NotAbsolute)),
        ("http://host/", Err(NotAbsolute)),
        ("//orders", Err(EmptySegment)),
        ("/orders//42", Err(EmptySegment)),
        ("/orders/../admin", Err(DotSegment)),
        ("/orders/.", Err(DotSegment)),
        ("/orders/..;x=1/admin", Err(DotSegment)),
        ("/orders/%2e%2e/admin", Err(HiddenCharacter)),
        ("/orders/%2E./admin", Err(HiddenCharacter)),
        ("/orders%2fadmin", Ok(())),
        ("/orders%2Fadmin", Ok(())),
        ("/orders%252fadmin", Err(HiddenCharacter)),
        ("/%2F..", Ok(())),
        ("/..%2F", Ok(())),
        ("/orders%5cadmin", Err(HiddenCharacter)),
        ("/orders%00", Err(HiddenCharacter)),
        ("/%61dmin", Err(HiddenCharacter)),
        ("/%252e%252e/admin", Err(HiddenCharacter)),
        ("/a%25252fb", Err(HiddenCharacter)),
        ("/%25c0%25ae/admin", Err(HiddenCharacter)),
        ("/admin;x=1", Ok(())),
        ("/;/admin", Err(EmptySegment)),
        ("/;x/admin", Err(EmptySegment)),
        ("/a%255cb", Err(HiddenCharacter)),
        ("/a%", Err(BrokenEscape)),
        ("/a%2", Err(BrokenEscape)),
        ("/a%zz", Err(BrokenEscape)),
        ("/%c0%ae%c0%ae/admin", Err(BrokenEscape)),
        ("/%e0%80%af", Err(BrokenEscape)),
        ("/a\\b", Err(Byte)),
        ("/a b", Err(Byte)),
        ("/a\u{0}b", Err(Byte)),
        ("/\u{20ac}", Err(Byte)),
        ("/a#b", Err(Fragment)),
    ];

    #[test]
    fn only_canonical_paths_are_judged() {
        for (path, expected) in CASES {
            assert_eq!(&CanonicalPath::parse(path.as_bytes()).map(|_| ()), expected, "{path}");
        }
        let long = format!("/{}", "a/".repeat(200));
        assert_eq!(CanonicalPath::parse(long.as_bytes()), Err(TooLong));
    }

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(decoded("a%20b"), "a b");
        assert_eq!(decoded("100%25"), "100%");
        let path = CanonicalPath::parse(b"/a/b/?q").unwrap();
        assert_eq!(path.segments().collect::<Vec<_>>(), ["a", "b", ""]);
    }
}
