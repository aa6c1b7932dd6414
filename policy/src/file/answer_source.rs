//! How answers are written in the policy file: `on_deny`. Compiled by `compile/on_deny.rs`.

use schemars::JsonSchema;

use crate::answer::on_deny::Format;
use crate::file::wire_types::wire_struct;

wire_struct! {
    /// How denials look. Changes no decision.
    #[derive(Debug, Clone, JsonSchema)]
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
}

wire_struct! {
    /// Where browsers are sent.
    #[derive(Debug, Clone, JsonSchema)]
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
}

wire_struct! {
    /// Who may ask across origins (the Fetch standard's CORS protocol).
    #[derive(Debug, Clone, JsonSchema)]
    pub(crate) struct CorsSource {
        /// `https://app.example.com`, `https://*.example.com` (everything below it), or `*` alone: everybody.
        pub(crate) origins: Vec<String>,
        /// Methods that a preflight may announce. Default: those for which a route with `cors` judges the path.
        pub(crate) methods: Option<Vec<String>>,
        /// Headers that a page may send besides those that browsers always allow.
        #[serde(default)]
        pub(crate) headers: Vec<String>,
        /// Headers of the response that a page may read.
        #[serde(default)]
        pub(crate) expose: Vec<String>,
        /// Whether browsers send cookies and the like. Not beside `*`.
        #[serde(default)]
        pub(crate) credentials: bool,
        /// How long a browser remembers a preflight, like `10m`.
        pub(crate) max_age: Option<String>,
    }
}
