//! docs/routes.md, "Hosts" and "Canonical paths": what a request is read as, or that it
//! cannot be read safely.

use super::super::case::Asked;

/// docs/routes.md: longer ones are malformed.
const HOST_BYTES: usize = 253;
const PATH_BYTES: usize = 8 << 10;
const SEGMENTS: usize = 128;

/// A request that can be judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// In lower case, without port and trailing dot.
    pub(crate) host: String,
    /// Without the query, as sent.
    pub(crate) path: String,
}

impl Request {
    /// None where the answer is `request_malformed`.
    pub(crate) fn read(asked: &Asked) -> Option<Self> {
        let host = host(&asked.host)?;
        let is_long = asked.path.len() > PATH_BYTES;
        // CONNECT has no path in HTTP/1; one that has is a method like others.
        if !is_method(&asked.method) || asked.path.contains('#') || is_long {
            return None;
        }
        let path = asked.path.split('?').next().unwrap_or_default();
        segments(path)?;
        Some(Self { method: asked.method.clone(), host, path: path.to_owned() })
    }

    /// Whether some upstreams read a slash that others do not.
    pub(crate) fn has_escaped_slash(&self) -> bool {
        self.path.to_ascii_lowercase().contains("%2f")
    }

    /// The path with plain slashes, and without path parameters, cut off before and after; and with
    /// plain semicolons, and what follows them cut off.
    pub(crate) fn plain_readings(&self) -> Vec<String> {
        let plain = |path: &str| path.replace("%2F", "/").replace("%2f", "/");
        let open = |path: &str| cut(&path.replace("%3B", ";").replace("%3b", ";"));
        let mut all = Vec::new();
        let own = plain(&self.path);
        if self.has_escaped_slash() {
            all.extend([own.clone(), plain(&cut(&self.path)), cut(&own)]);
        }
        if self.path.to_ascii_lowercase().contains("%3b") {
            all.extend([open(&self.path), open(&own)]);
        }
        all
    }
}

/// Whether a path with its query could be a client's.
pub(crate) fn is_canonical(path: &str) -> bool {
    let (own, _) = path.split_once('?').unwrap_or((path, ""));
    segments(own).is_some() && path.len() <= PATH_BYTES && !path.contains('#')
}

/// A path without its path parameters: what some upstreams read.
pub(crate) fn cut(path: &str) -> String {
    let cut = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    cut.collect::<Vec<_>>().join("/")
}

/// The segments, each decoded once.
pub(crate) fn decoded(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|segment| decode(segment).unwrap_or_default()).collect()
}

/// RFC 9110: a method is a token.
pub(crate) fn is_method(method: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !method.is_empty() && method.bytes().all(is_token)
}

fn host(sent: &str) -> Option<String> {
    let lower = sent.to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address = address.parse::<std::net::Ipv6Addr>().ok()?;
        return is_port(port).then(|| format!("[{address}]"));
    }
    let (name, port) = match lower.split_once(':') {
        Some((name, port)) => (name.to_owned(), format!(":{port}")),
        None => (lower.clone(), String::new()),
    };
    if !is_port(&port) {
        return None;
    }
    let name = name.strip_suffix('.').unwrap_or(&name);
    let good_label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(good)
    };
    (name.len() <= HOST_BYTES && name.split('.').all(good_label)).then(|| name.to_owned())
}

/// `:8443`, or nothing.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        Some(number) => {
            number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u16>().is_ok()
        }
        None => text.is_empty(),
    }
}

/// The decoded segments, or None where some upstream could read the path as another.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let below = path.strip_prefix('/')?;
    if path.bytes().any(|byte| byte <= b' ' || byte >= 0x7f || byte == b'\\') {
        return None;
    }
    let sent: Vec<&str> = below.split('/').collect();
    if sent.len() > SEGMENTS {
        return None;
    }
    let last = sent.len().saturating_sub(1);
    let mut decoded = Vec::new();
    for (at, segment) in sent.iter().enumerate() {
        // A slash at the end is another path, two are none.
        if segment.is_empty() && at != last {
            return None;
        }
        if hides(segment) {
            return None;
        }
        let text = decode(segment)?;
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) || is_dots(segment) {
            return None;
        }
        decoded.push(text);
    }
    Some(decoded)
}

/// `.` and `..`, and nothing at all, also with path parameters behind them.
fn is_dots(segment: &str) -> bool {
    let segment = segment.replace("%3B", ";").replace("%3b", ";");
    match segment.split_once(';') {
        Some((name, _)) => matches!(name, "" | "." | ".."),
        None => matches!(segment.as_str(), "." | ".."),
    }
}

/// Whether an escape, at any depth, hides a letter, a digit, `-._~` or a backslash, or one within
/// another a slash.
fn hides(segment: &str) -> bool {
    let mut text = segment.to_owned();
    // An escaped slash is the route's business; one in an escape of an escape is nobody's.
    let mut slash = false;
    loop {
        let bytes = escapes(&text);
        let is_hidden = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~\\".contains(byte);
        if bytes.iter().any(|byte| is_hidden(byte) || (slash && b"/;".contains(byte))) {
            return true;
        }
        text = text.replace("%2f", "/").replace("%2F", "/");
        text = text.replace("%3b", ";").replace("%3B", ";");
        slash = true;
        // What `%25` was is a percent sign in the next reading.
        if !bytes.contains(&b'%') {
            return false;
        }
        text = text.replace("%25", "%");
    }
}

/// The bytes that a segment's escapes stand for.
fn escapes(segment: &str) -> Vec<u8> {
    let mut found = Vec::new();
    for part in segment.split('%').skip(1) {
        let digits: String = part.chars().take(2).collect();
        if digits.len() == 2
            && let Ok(byte) = u8::from_str_radix(&digits, 16)
        {
            found.push(byte);
        }
    }
    found
}

/// Decodes what can be decoded, and leaves broken escapes as they are.
pub(crate) fn decode_lossy(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

/// Decodes once; None for broken escapes and for what is no UTF-8, overlong forms among it.
pub(crate) fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut parts = segment.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let digits = part.get(..2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(part.get(2..).unwrap_or_default().bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: &[(&str, Option<&[&str]>)] = &[
        ("/", Some(&[""])),
        ("/a/b", Some(&["a", "b"])),
        ("/a/", Some(&["a", ""])),
        ("/a%20b", Some(&["a b"])),
        ("/100%25", Some(&["100%"])),
        ("/a;x", Some(&["a;x"])),
        ("/%2520", Some(&["%20"])),
        ("", None),
        ("a", None),
        ("//a", None),
        ("/a//", None),
        ("/..", None),
        ("/..;a", None),
        ("/;a", None),
        ("/%61", None),
        ("/%2e", None),
        ("/%2f", Some(&["/"])),
        ("/a%2Fb", Some(&["a/b"])),
        ("/a%252Fb", None),
        ("/%252e", None),
        ("/%25252e", None),
        ("/%0a", None),
        ("/%", None),
        ("/%zz", None),
        ("/%+1", None),
        ("/%c0%ae", None),
        ("/%ff", None),
        ("/a\\b", None),
    ];

    #[test]
    fn paths_are_read_as_the_document_says() {
        for (path, expected) in PATHS {
            let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(segments(path), expected, "{path}");
        }
    }

    const HOSTS: &[(&str, Option<&str>)] = &[
        ("API.Example.com:8443", Some("api.example.com")),
        ("api.example.com.", Some("api.example.com")),
        ("[::1]:80", Some("[::1]")),
        ("", None),
        ("a..b", None),
        ("a@b", None),
        ("a:99999", None),
        ("a:", None),
    ];

    #[test]
    fn hosts_are_read_as_the_document_says() {
        for (sent, expected) in HOSTS {
            assert_eq!(host(sent).as_deref(), *expected, "{sent}");
        }
    }
}
