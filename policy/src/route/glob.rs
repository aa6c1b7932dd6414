//! Globs as Oathkeeper reads them (gobwas/glob with the separators `/` and `.`), translated to regular expressions.
//! `*` and `?` stop at separators; `**`, `[abc]`, `[a-z]` and `[!a]` do not; `{a,b}` are alternatives. No `\`: what it
//! would make literal has no place in a path.

/// The regular expression that matches the same paths.
///
/// # Errors
/// What is wrong, and how to mend it.
pub(crate) fn to_regex(glob: &str) -> Result<String, (String, String)> {
    let mut out = String::new();
    let mut rest = glob;
    let mut depth = 0_usize;
    while let Some((char, tail)) = first(rest) {
        rest = tail;
        match char {
            '*' => match rest.strip_prefix('*') {
                Some(tail) => {
                    rest = tail;
                    out.push_str(".*");
                }
                None => out.push_str("[^./]*"),
            },
            '?' => out.push_str("[^./]"),
            '[' => {
                let (class, tail) = rest
                    .split_once(']')
                    .ok_or_else(|| wrong(glob, "opens a bracket that is not closed"))?;
                push_class(&mut out, class)
                    .ok_or_else(|| wrong(glob, "has a class that is none"))?;
                rest = tail;
            }
            '{' => {
                depth = depth.saturating_add(1);
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| wrong(glob, "closes a brace that is not open"))?;
                out.push(')');
            }
            '\\' | ']' => return Err(wrong(glob, &format!("holds `{char}`"))),
            _ => push_literal(&mut out, char),
        }
    }
    if depth > 0 {
        return Err(wrong(glob, "opens a brace that is not closed"));
    }
    Ok(out)
}

fn first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    Some((chars.next()?, chars.as_str()))
}

/// One range, or a list of characters; `!` in front for all others.
fn push_class(out: &mut String, class: &str) -> Option<()> {
    let (members, not) = match class.strip_prefix('!') {
        Some(members) => (members, "^"),
        None => (class, ""),
    };
    out.push('[');
    out.push_str(not);
    let characters: Vec<char> = members.chars().collect();
    match *characters {
        [low, '-', high] if low.is_ascii_alphanumeric() && high.is_ascii_alphanumeric() => {
            (low <= high).then_some(())?;
            out.push_str(members);
        }
        // `[a-zA-Z]` is no list of five characters to whoever wrote it, and gobwas refuses it.
        [] => return None,
        _ if characters.iter().any(|char| matches!(char, '-' | '[' | '\\' | '!')) => return None,
        _ => characters.iter().for_each(|char| push_literal(out, *char)),
    }
    out.push(']');
    Some(())
}

fn push_literal(out: &mut String, char: char) {
    if char.is_ascii_punctuation() && !matches!(char, '/' | '%' | '_' | '<' | '>') {
        out.push('\\');
    }
    out.push(char);
}

fn wrong(glob: &str, what: &str) -> (String, String) {
    (
        format!("`{glob}` {what}"),
        "write `*`, `**`, `?`, `[abc]`, `[a-z]`, `[!a]` or `{a,b}`".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use crate::request::path::CanonicalPath;
    use crate::route::pattern::PathRegex;

    /// Glob, what it matches, what it does not. By gobwas's documentation.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        ("/a", &["/a"], &["/a/", "/b", "/aa", "/A"]),
        ("/*", &["/", "/a", "/a-b_c"], &["/a/b", "/a.b", "/a/"]),
        ("/*/b", &["/a/b"], &["/a/c/b", "/a.c/b"]),
        ("/a/**", &["/a/", "/a/b", "/a/b/c.d"], &["/a", "/b/a/c"]),
        ("/**", &["/", "/a/b/c.d/"], &[]),
        ("/***", &["/", "/a/b.c"], &[]),
        ("/**/c", &["/a/c", "/a/b.c/c"], &["/c"]),
        ("/a?", &["/ab", "/a1"], &["/a", "/abc", "/a/", "/a."]),
        ("/[abc]", &["/a", "/c"], &["/d", "/", "/ab"]),
        ("/[a-c]x", &["/ax", "/cx"], &["/dx", "/-x"]),
        ("/[!a]x", &["/bx", "/.x"], &["/ax", "/x"]),
        ("/[!a-c]x", &["/dx"], &["/bx"]),
        ("/a[!x]b", &["/a/b", "/a.b"], &["/axb"]),
        ("/[.+]", &["/+"], &["/a"]),
        ("/{a,b}", &["/a", "/b"], &["/c", "/a,b", "/"]),
        ("/{a,b*}/{c,[0-9]}", &["/a/c", "/bx/7"], &["/ax/c", "/b.x/7"]),
        ("/{a,{b,c}d}", &["/a", "/bd", "/cd"], &["/b", "/d"]),
        ("/x{,y}", &["/x", "/xy"], &["/x,y"]),
        ("/a,b", &["/a,b"], &["/a", "/b"]),
        ("/*.{png,jpg}", &["/a.png", "/.jpg"], &["/a.b.png", "/a/b.png", "/apng"]),
        ("/a.b", &["/a.b"], &["/axb"]),
        ("/a+b(c)|$^", &["/a+b(c)|$^"], &["/aab", "/ac"]),
        ("/a%20*", &["/a%20b"], &["/a"]),
    ];

    #[test]
    fn globs_match_as_gobwas_documents_it() {
        for (glob, matching, others) in CASES {
            let pattern = PathRegex::from_glob(glob).unwrap_or_else(|error| panic!("{error:?}"));
            let all = matching.iter().map(|path| (path, true));
            for (path, expected) in all.chain(others.iter().map(|path| (path, false))) {
                let path = CanonicalPath::parse(path.as_bytes()).unwrap();
                assert_eq!(pattern.matches(path), expected, "{glob} {}", path.as_str());
            }
            assert!(pattern.variables().is_empty());
        }
    }

    #[test]
    fn what_is_no_glob_is_told() {
        for glob in [
            "a",
            "/[",
            "/[]",
            "/[!]",
            "/[z-a]",
            "/[a-zA-Z]",
            "/[a-]",
            "/[ab-d]",
            "/{a",
            "/a}",
            "/a]",
            r"/a\*",
            "/a b",
            "/a//*",
            "/[a",
            "/[[a]]",
        ] {
            let (message, fix) = PathRegex::from_glob(glob).unwrap_err();
            assert!(message.contains(glob) && !fix.is_empty(), "{glob}: {message}");
        }
    }
}
