//! Which form a denial takes: gRPC where the request is gRPC, else the best of what Accept takes (RFC 9110 section
//! 12.5.1). Read on denials alone. What is no media range, and a weight that is none, is skipped.

use crate::request::{Header, RawRequest};

/// The form of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `application/problem+json`, RFC 9457.
    Problem,
    /// The same members as `application/json`.
    Json,
    /// One line of text.
    Plain,
    /// `grpc-status` and a message.
    Grpc,
}

/// Whether Envoy takes a request for gRPC: `application/grpc`, alone or with a suffix like `+proto`. `grpc-web` is none.
pub(crate) fn is_grpc(raw: &RawRequest<'_>) -> bool {
    values(raw.headers, b"content-type").any(|value| {
        value
            .strip_prefix(b"application/grpc")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
    })
}

/// The best form; the first of the order above among equals, and where Accept takes none of them.
pub(crate) fn preferred(headers: &[Header<'_>]) -> Form {
    let forms = [
        (Form::Problem, &["application/problem+json"][..]),
        (Form::Json, &["application/json"]),
        (Form::Plain, &["text/plain", "text/html"]),
    ];
    let mut best = (Form::Problem, 0);
    for (form, names) in forms {
        let weight = names.iter().map(|name| weight(headers, name)).max().unwrap_or(0);
        if weight > best.1 {
            best = (form, weight);
        }
    }
    best.0
}

/// Whether Accept names `text/html` itself: a browser that shows a page.
pub(crate) fn names_html(headers: &[Header<'_>]) -> bool {
    ranges(headers).any(|(range, weight)| weight > 0 && range.eq_ignore_ascii_case("text/html"))
}

/// The weight of a media type in thousandths: that of the most specific range that holds it. Parameters are not compared.
fn weight(headers: &[Header<'_>], name: &str) -> u16 {
    let family = name.split('/').next().unwrap_or_default();
    let mut best = (0, 0);
    for (range, weight) in ranges(headers) {
        let exact = if range.eq_ignore_ascii_case(name) {
            3
        } else if range.strip_suffix("/*").is_some_and(|own| own.eq_ignore_ascii_case(family)) {
            2
        } else if range == "*/*" {
            1
        } else {
            continue;
        };
        best = best.max((exact, weight));
    }
    best.1
}

fn ranges<'a>(headers: &'a [Header<'a>]) -> impl Iterator<Item = (&'a str, u16)> {
    values(headers, b"accept").flat_map(|value| value.split(|&byte| byte == b',')).filter_map(
        |element| {
            // Each by itself: Envoy joins several Accept headers to one.
            let mut parts = std::str::from_utf8(element).ok()?.split(';').map(str::trim);
            let range = parts.next()?;
            let weight = parts.find_map(|part| {
                part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")).map(thousandths)
            });
            Some((range, weight.unwrap_or(Some(1000))?))
        },
    )
}

/// `0`, `0.8`, `1.000`: at most three digits.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if digits.len() > 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = digits.bytes().chain(*b"000").take(3).fold(0_u16, |sum, digit| {
        sum.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')))
    });
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

fn values<'a>(headers: &'a [Header<'a>], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::{Form, is_grpc, names_html, preferred, thousandths};
    use crate::request::{Header, RawRequest};

    /// Accept headers, form, whether a page is asked for.
    const CASES: &[(&[&str], Form, bool)] = &[
        (&[], Form::Problem, false),
        (&["*/*"], Form::Problem, false),
        (&[""], Form::Problem, false),
        (&["application/*"], Form::Problem, false),
        (&["application/json"], Form::Json, false),
        (&["Application/JSON; charset=utf-8"], Form::Json, false),
        (&["application/json, application/problem+json"], Form::Problem, false),
        (&["application/json, application/problem+json;q=0.9"], Form::Json, false),
        (&["application/problem+json;q=0, */*"], Form::Json, false),
        (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Form::Plain, true),
        (&["text/plain"], Form::Plain, false),
        (&["text/*"], Form::Plain, false),
        (&["text/*;q=0.5, application/json;q=0.4"], Form::Plain, false),
        (&["application/json", "text/html"], Form::Json, true),
        (&["text/html;q=0"], Form::Problem, false),
        (&["application/json, text/plain, */*"], Form::Problem, false),
        (&["image/png"], Form::Problem, false),
        (&["application/json;q=2, text/plain;q=0.1"], Form::Plain, false),
        (&["application/json;q=0.0001, ;;,,q=1, text/plain;q=.5"], Form::Problem, false),
        (&["text/html;level=1;q=0.7, application/json;q=0.7"], Form::Json, true),
        (&["\u{e9}/*"], Form::Problem, false),
    ];

    #[test]
    fn accept_chooses_the_form() {
        for (values, form, html) in CASES {
            let headers: Vec<Header<'_>> =
                values.iter().map(|value| (b"Accept".as_slice(), value.as_bytes())).collect();
            assert_eq!(preferred(&headers), *form, "{values:?}");
            assert_eq!(names_html(&headers), *html, "{values:?}");
        }
        for bytes in [b"\xff, text/plain".as_slice(), b"text/plain,text/\xff", b"text/plain"] {
            assert_eq!(preferred(&[(b"accept", bytes)]), Form::Plain, "{bytes:?}");
        }
        assert_eq!(preferred(&[(b"accept", b"text/plain\xff")]), Form::Problem);
    }

    #[test]
    fn weights_have_three_digits_at_most() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("0.8", Some(800)),
            ("0.123", Some(123)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("0.1234", None),
            ("", None),
            (".5", None),
            ("2", None),
            ("-1", None),
            ("0.x", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }

    #[test]
    fn grpc_is_what_envoy_takes_for_it() {
        for (value, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/json", false),
            ("Application/gRPC", false),
        ] {
            let headers: &[Header<'_>] = &[(b"Content-Type", value.as_bytes())];
            let raw = RawRequest {
                method: b"POST",
                scheme: b"",
                authority: b"",
                path: b"",
                headers,
                peer: b"",
            };
            assert_eq!(is_grpc(&raw), expected, "{value}");
        }
    }
}
