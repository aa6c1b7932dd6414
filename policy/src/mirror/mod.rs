//! Mirrored traffic: what is copied of an exchange, what is blanked, and how batches travel to the sidecar.
//! Only a [`Redacted`] record can be put into a batch; the credential that judging needs travels apart, in
//! [`wire::Judge`], and is never stored. Capturing and sending are the filter's business, exporting the sidecar's.

mod exchange;
mod redact;
mod rules;
pub mod wire;

pub use exchange::{Body, BodyFate, Exchange, Message, Redacted};
pub use rules::MirrorRules;
