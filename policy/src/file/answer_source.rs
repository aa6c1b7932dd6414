//! How answers are written in the policy file: `on_deny`. Compiled by `compile/on_deny.rs`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::on_deny::Format;

/// How denials look. Changes no decision.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OnDenySource {
    /// Sends browsers to another page: GET and HEAD whose Accept names `text/html`.
    pub(crate) redirect: Option<RedirectSource>,
    /// Writes `x-sallyport-decision` and `x-sallyport-reason` on denials. Default false.
    #[serde(default)]
    pub(crate) decision_header: bool,
    /// `auto` (by Accept), `problem` (`application/problem+json`), `json` or `plain`. gRPC requests get gRPC's form.
    #[serde(default)]
    pub(crate) format: Format,
}

/// Where browsers are sent.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedirectSource {
    /// An address like `https://sso.example.com/login`, or a path like `/login`.
    pub(crate) to: String,
    /// 301, 302, 303 or 307. Default 302.
    pub(crate) code: Option<u32>,
    /// Query key that gets the original address, percent-encoded and without credentials.
    pub(crate) return_to: Option<String>,
    /// Which denials: 401, 403. Default `[401]`.
    pub(crate) on: Option<Vec<u32>>,
}
