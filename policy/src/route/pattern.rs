//! Paths by regular expression or glob: a linear-time engine, the whole path as sent, anchored at both ends. They are the
//! last rank within a host; `pattern_table.rs` finds them by the literal segments that they start with.

use std::borrow::Cow;
use std::str::Chars;

use regex_lite::{Regex, RegexBuilder};

use crate::limits::{MAX_PATTERN_BYTES, MAX_PATTERN_DEPTH, MAX_PATTERN_PROGRAM_BYTES};
use crate::request::path::CanonicalPath;
use crate::route::glob;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct PathRegex {
    regex: Regex,
    /// As it is written.
    text: Box<str>,
    /// Whole segments that every path of it starts with, as they are sent, each with a slash behind it.
    lead: Box<[Box<str>]>,
}

impl PathRegex {
    /// Compiles `/orders/(?<id>[0-9]+)`.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub(crate) fn from_regex(text: &str) -> Result<Self, (String, String)> {
        check_text(text)?;
        if let Some(at) = text.find("(?") {
            let rest = text.get(at..).unwrap_or_default();
            let mut groups = rest.split("(?").skip(1);
            if !groups.all(|group| group.starts_with([':', '<']) || group.starts_with("P<")) {
                return Err((
                    format!("`{text}` sets flags or looks around"),
                    "write out what is meant; after `(?` may stand `:` or `<NAME>`".to_owned(),
                ));
            }
        }
        Self::compile(text, text, lead_of_regex(text))
    }

    /// Compiles `/files/*.{png,jpg}`.
    ///
    /// # Errors
    /// What is wrong, and how to mend it.
    pub(crate) fn from_glob(text: &str) -> Result<Self, (String, String)> {
        check_text(text)?;
        let lead = text.split(['*', '?', '[', '{']).next().unwrap_or_default();
        Self::compile(text, &glob::to_regex(text)?, lead.to_owned())
    }

    fn compile(text: &str, regex: &str, lead: String) -> Result<Self, (String, String)> {
        let regex = RegexBuilder::new(&format!("^(?:{regex})$"))
            .size_limit(MAX_PATTERN_PROGRAM_BYTES)
            .nest_limit(MAX_PATTERN_DEPTH)
            .build()
            .map_err(|error| {
                (
                    format!("`{text}` is no pattern: {error}"),
                    "mend it, or write a path with variables".to_owned(),
                )
            })?;
        let named = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if let Some(name) = regex.capture_names().flatten().find(|name| !named(name)) {
            return Err((
                format!("`{name}` in `{text}` is no name of a variable"),
                "use letters, digits and `_`".to_owned(),
            ));
        }
        let whole = lead.rsplit_once('/').map_or("", |(whole, _)| whole);
        if let Err(error) = CanonicalPath::parse(format!("{whole}/").as_bytes()) {
            return Err((
                format!("no request can match `{text}`: {error}"),
                "write its start in its canonical spelling".to_owned(),
            ));
        }
        let lead = whole.split('/').skip(1).map(Into::into).collect();
        Ok(Self { regex, text: text.into(), lead })
    }

    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The regular expression, without the anchors at its ends.
    #[cfg(feature = "lint")]
    pub(crate) fn expression(&self) -> &str {
        let whole = self.regex.as_str();
        whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(whole)
    }

    /// Whole segments that every path of it starts with, each with a slash behind it.
    pub(crate) fn lead(&self) -> &[Box<str>] {
        &self.lead
    }

    pub(crate) fn matches(&self, path: CanonicalPath<'_>) -> bool {
        self.regex.is_match(path.as_str())
    }

    /// Names of the groups, in order.
    pub(crate) fn variables(&self) -> Vec<Box<str>> {
        self.regex.capture_names().flatten().map(Into::into).collect()
    }

    /// What a group matched, decoded once; none where that is no text, since a group may end within an escape's
    /// character.
    pub(crate) fn decoded<'a>(&self, path: CanonicalPath<'a>, name: &str) -> Option<Cow<'a, str>> {
        let found = self.regex.captures(path.as_str())?.name(name)?.as_str();
        percent_encoding::percent_decode_str(found).decode_utf8().ok()
    }
}

fn check_text(text: &str) -> Result<(), (String, String)> {
    if text.len() > MAX_PATTERN_BYTES {
        return Err((
            format!("the pattern has {} bytes, more than {MAX_PATTERN_BYTES}", text.len()),
            "split it into several routes".to_owned(),
        ));
    }
    if !text.starts_with('/') {
        return Err((
            format!("`{text}` does not start with a slash"),
            "patterns match the whole path; start with `/`, without `^`".to_owned(),
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err((
            format!("`{text}` holds a byte that no path holds"),
            "write what is sent: other characters are escaped there, like `%20`".to_owned(),
        ));
    }
    Ok(())
}

/// What every match of a regular expression starts with; less than there is where that is not plain to see.
fn lead_of_regex(text: &str) -> String {
    let mut lead = String::new();
    // `/a/b|/c/d`. In a group it would not matter, but to tell takes a parser.
    if text.contains('|') && !alternatives_are_grouped(text) {
        return lead;
    }
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let literal = match char {
            '\\' => match rest.next() {
                // `\.` is a dot; `\d`, `\x41` and `\b` are not letters.
                Some(escaped)
                    if escaped.is_ascii_punctuation() && !matches!(escaped, '<' | '>') =>
                {
                    escaped
                }
                Some(_) | None => break,
            },
            '.' | '[' | '(' | ')' | '{' | '*' | '+' | '?' | '|' | '^' | '$' => break,
            _ => char,
        };
        // What follows may make it optional, or repeat it.
        if matches!(rest.peek(), Some('*' | '+' | '?' | '{')) {
            break;
        }
        lead.push(literal);
    }
    lead
}

/// Whether every `|` stands between parentheses. No where a class within a class makes that hard to see.
fn alternatives_are_grouped(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            // What is escaped opens and closes nothing.
            '\\' => drop(rest.next()),
            '[' if !skip_class(&mut rest) => return false,
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return false,
            _ => {}
        }
    }
    true
}

/// Goes behind the end of a class that has begun; false where it holds another one, or does not end.
fn skip_class(rest: &mut Chars<'_>) -> bool {
    // A `]` that comes first, also behind `^`, is a member.
    let mut is_first = true;
    while let Some(char) = rest.next() {
        match char {
            '\\' => drop(rest.next()),
            '[' => return false,
            ']' if !is_first => return true,
            '^' if is_first => continue,
            _ => {}
        }
        is_first = false;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::PathRegex;
    use crate::request::path::CanonicalPath;

    const LEADS: &[(&str, &[&str])] = &[
        ("/", &[]),
        ("/a", &[]),
        ("/a/", &["a"]),
        ("/a/b", &["a"]),
        ("/a/b/(?<id>[0-9]+)", &["a", "b"]),
        ("/a/b/?", &["a"]),
        ("/a/b?/c", &["a"]),
        ("/ab*/c", &[]),
        ("/a/{0,3}b", &[]),
        ("/a.b/c", &[]),
        (r"/a\.b/c", &["a.b"]),
        (r"/a\/b", &["a"]),
        (r"/a/\d+/b", &["a"]),
        ("/a/b|/c/d", &[]),
        ("/a/(b|c)/d", &["a"]),
        ("/a/(b|c)|/d", &[]),
        ("/a/[|]/d", &["a"]),
        ("/a/([)]|b)", &["a"]),
        ("/a/[()]|b", &[]),
        ("/a/([^])]|b)|c", &[]),
        ("/a/([^])]|b)", &["a"]),
        ("/a/([]|)]|b)", &["a"]),
        (r"/a/([\])]|b)", &["a"]),
        ("/a/([[:alpha:]]|b)", &[]),
        (r"/a/.*\.(?:png|jpg)", &["a"]),
        (r"/a/(?:\(|b)", &["a"]),
        (r"/a/\(|b\)", &[]),
        ("/a/$", &["a"]),
    ];

    #[test]
    fn leads_are_what_every_match_starts_with() {
        for (text, expected) in LEADS {
            let pattern = PathRegex::from_regex(text).unwrap();
            let lead: Vec<_> = pattern.lead().iter().map(|segment| &**segment).collect();
            assert_eq!(lead, *expected, "{text}");
        }
        let glob = PathRegex::from_glob("/files/v1/*.{png,jpg}").unwrap();
        assert_eq!(glob.lead().join("/"), "files/v1");
    }

    const MISTAKES: &[(&str, &str)] = &[
        ("", "does not start with a slash"),
        ("^/a", "does not start with a slash"),
        (".*", "does not start with a slash"),
        ("/a(", "is no pattern"),
        ("/a{99999}", "is no pattern"),
        ("/((a{100}){100}){100}", "is no pattern"),
        ("/(?i)admin", "sets flags"),
        ("/a(?-u:b)", "sets flags"),
        ("/(?=a)b", "sets flags"),
        ("/(?!a)b", "sets flags"),
        ("/(?<!a)b", "is no pattern"),
        (r"/(a)\1", "is no pattern"),
        ("/a b", "no path holds"),
        ("/\u{e9}", "no path holds"),
        ("/a//b", "no request can match"),
        (r"/a/\.\./b", "no request can match"),
        ("/%61/b", "no request can match"),
        ("/(?<a.b>x)", "is no name of a variable"),
    ];

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, message) in MISTAKES {
            let (found, fix) = PathRegex::from_regex(text).unwrap_err();
            assert!(found.contains(message) && !fix.is_empty(), "{text}: {found}");
        }
        let long = format!("/{}", "a".repeat(2000));
        assert!(PathRegex::from_regex(&long).is_err());
    }

    const MATCHES: &[(&str, &str, bool)] = &[
        ("/a", "/a", true),
        ("/a", "/ab", false),
        ("/a", "/b/a", false),
        ("/a|/b", "/b", true),
        ("/a|b", "/x/b", false),
        ("/a.*", "/a/b/c", true),
        ("/[^/]+/b", "/a/b", true),
        ("/[^/]+/b", "/a/a/b", false),
        ("/A", "/a", false),
        (r"/\d+", "/42", true),
        (r"/\w+", "/%E2%82%AC", false),
        ("/a%20b", "/a%20b", true),
        ("/a$", "/a", true),
    ];

    #[test]
    fn the_whole_path_is_matched_as_sent() {
        for (text, path, expected) in MATCHES {
            let pattern = PathRegex::from_regex(text).unwrap();
            let path = CanonicalPath::parse(path.as_bytes()).unwrap();
            assert_eq!(pattern.matches(path), *expected, "{text} {}", path.as_str());
        }
    }

    #[test]
    fn groups_are_variables_decoded_once() {
        let pattern = PathRegex::from_regex("/a/(?<id>[^/]+)(?:/(?P<rest>.+))?").unwrap();
        assert_eq!(pattern.variables(), ["id".into(), "rest".into()]);
        let path = CanonicalPath::parse(b"/a/x%20y").unwrap();
        assert_eq!(pattern.decoded(path, "id").as_deref(), Some("x y"));
        assert_eq!(pattern.decoded(path, "rest"), None);
        let pattern = PathRegex::from_regex("/(?<half>%C)(?<id>.+)").unwrap();
        let path = CanonicalPath::parse(b"/%C3%A9").unwrap();
        assert_eq!(pattern.decoded(path, "half").as_deref(), Some("%C"));
        assert_eq!(pattern.decoded(path, "id"), None, "3 and half a character");
    }
}
