//! The pure core of both doors: policy file to [`Policy`], [`Request`] to [`Decision`].
//! Knows HTTP words; not Envoy, not tokio, no log, no clock, no randomness, no I/O: time and replies are arguments.
//! The way through it is [`Check`]; everything else is what a check reads or gives.

mod answer;
mod authenticate;
mod authorize;
mod check;
mod compile;
mod compile_introspection;
mod compile_issuer;
mod compile_keys;
mod compile_route;
mod credential;
mod decision;
mod document;
mod host;
mod identity;
mod issuer;
mod issuer_source;
mod key_times;
pub mod limits;
pub mod mirror;
mod path;
mod permit;
mod plugin;
mod policy;
mod problem;
mod rbac;
mod reason;
mod request;
mod requirement;
mod route;
mod route_issuers;
mod route_table;
mod scalar;
mod source;
mod template;
mod token_cache;
mod token_key;
mod value_reader;

pub use answer::Answer;
pub use check::{
    Call, Check, Context, KeySource, KeyState, Reply, Side, Step, TokenMemory, Verdict,
    VerdictHeaders,
};
pub use credential::Credential;
pub use decision::{Decision, Denial, Door, Outcome};
pub use document::{Document, json_schema};
pub use host::canonical_host;
pub use identity::{Identity, Introspected};
pub use issuer::{
    HmacIssuer, IntrospectionEndpoint, IntrospectionIssuer, IntrospectionRules, Issuer, IssuerId,
    IssuerKind, JwtIssuer, KeyLocation,
};
pub use issuer_source::{SecretEncoding, SecretSource};
pub use key_times::KeyTimes;
pub use path::{CanonicalPath, PathError};
pub use permit::{Mutations, Permit, RemovedHeaders};
pub use plugin::{PluginConfig, Topology};
pub use policy::Policy;
pub use problem::{Level, Problem};
pub use rbac::RoleFile;
pub use reason::Reason;
pub use request::{Header, RawRequest, Request};
pub use route::Route;
pub use source::{CredentialForwarding, FailureMode, Format, Mode};
pub use token_cache::{Remembered, TokenCache};
