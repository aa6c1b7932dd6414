//! The pure core of both doors: policy file to [`Policy`], [`Request`] to [`Decision`].
//! Knows HTTP words; not Envoy, not tokio, no log, no clock, no randomness, no I/O: time and replies are arguments.
//! The way through it is [`Check`]; everything else is what a check reads or gives.

mod answer;
mod authenticate;
mod check;
mod compile;
mod cors;
mod file;
mod identity;
pub mod limits;
pub mod mirror;
mod policy;
mod request;
mod require;
mod route;
mod trace;

pub use answer::Answer;
pub use answer::decision::{Decision, Denial, Door, Outcome};
pub use answer::permit::{Mutations, Permit, RemovedHeaders};
pub use answer::reason::Reason;
pub use answer::swap::{Swap, SwapScheme};
pub use check::{
    Call, Check, Context, KeySource, KeyState, Reply, Side, Step, TokenMemory, Verdict,
    VerdictHeaders,
};
pub use file::document::Document;
pub use file::filter_copy::FilterCopy;
pub use file::issuer_source::{SecretEncoding, SecretSource};
pub use file::part::PolicyPart;
pub use file::plugin::{PluginConfig, Topology};
pub use file::problem::{Level, Problem};
pub use file::schema::{included_json_schema, json_schema};
pub use file::source::{FailureMode, Format, Mode};
pub use identity::issuer::{
    HmacIssuer, IntrospectionEndpoint, IntrospectionIssuer, IntrospectionRules, Issuer, IssuerId,
    IssuerKind, JwtIssuer, KeyLocation,
};
pub use identity::key_times::KeyTimes;
pub use identity::token_cache::{Remembered, TokenCache};
pub use identity::{Evidence, Identity, Introspected};
pub use policy::Policy;
pub use request::certificate::{CertificateSubject, PeerCertificate, common_name};
pub use request::host::canonical_host;
pub use request::inputs::Inputs;
pub use request::path::{CanonicalPath, PathError};
pub use request::{Header, RawRequest, Request};
pub use require::rbac::RoleFile;
pub use route::Route;
pub use trace::{CorsRefusal, CredentialState, Finding, Note, Preflight, RoleQuestion};
