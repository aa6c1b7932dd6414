//! How denials look: `on_deny`, compiled.

use crate::answer::on_deny::{OnDeny, Redirect};
use crate::file::answer_source::{OnDenySource, RedirectSource};
use crate::file::problem::Problems;

pub(super) fn on_deny(place: &str, source: &OnDenySource, problems: &mut Problems) -> OnDeny {
    let redirect = source.redirect.as_ref();
    OnDeny {
        redirect: redirect
            .map(|redirect| Box::new(compile(&format!("{place}.redirect"), redirect, problems))),
        decision_header: source.decision_header,
        format: source.format,
    }
}

fn compile(place: &str, source: &RedirectSource, problems: &mut Problems) -> Redirect {
    if !is_target(&source.to) {
        problems.error(
            format!("{place}.to"),
            format!("`{}` is no address that a browser can be sent to", source.to),
            "write one like `https://sso.example.com/login`, or a path like `/login`, in visible ASCII and without `#`",
        );
    }
    let code = source.code.unwrap_or(302);
    if !matches!(code, 301 | 302 | 303 | 307) {
        problems.error(
            format!("{place}.code"),
            format!("`{code}` is no redirect that a denial may be"),
            "write 301, 302, 303 or 307",
        );
    }
    if let Some(key) = &source.return_to
        && (key.is_empty()
            || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)))
    {
        problems.error(
            format!("{place}.return_to"),
            format!("`{key}` is no query key"),
            "use letters, digits, `-`, `_`, `.` and `~`",
        );
    }
    let on = source.on.clone().unwrap_or_else(|| vec![401]);
    if on.is_empty() {
        problems.error(
            format!("{place}.on"),
            "is empty, so nobody is redirected",
            "write [401], [403] or both, or remove `redirect`",
        );
    }
    for status in on.iter().filter(|status| !matches!(status, 401 | 403)) {
        problems.error(
            format!("{place}.on"),
            format!("`{status}` is no denial that another page would help"),
            "write 401, 403 or both",
        );
    }
    Redirect {
        to: source.to.as_str().into(),
        code: u16::try_from(code).unwrap_or(302),
        return_to: source.return_to.as_deref().map(Into::into),
        on: on.iter().filter_map(|status| u16::try_from(*status).ok()).collect(),
    }
}

/// An absolute address of HTTP, or a path on the same host. `//host` would be another host.
fn is_target(to: &str) -> bool {
    let visible = to.bytes().all(|byte| matches!(byte, 0x21..=0x7e))
        && !to.contains(['#', '"', '<', '>', '\\', '`', '{', '}']);
    let address = ["https://", "http://"].iter().any(|scheme| {
        to.strip_prefix(scheme)
            .and_then(|rest| rest.split(['/', '?']).next())
            .is_some_and(|authority| !authority.is_empty() && !authority.contains('@'))
    });
    visible && (address || to.starts_with('/') && !to.starts_with("//"))
}
