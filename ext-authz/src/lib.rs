//! The tonic door and the `sallyport` command line: Envoy's ext_authz over gRPC and HTTP around the pure core, with the
//! I/O that the core asks for (keys, introspection), the collector of mirrored records, and what operators run offline.
//! Decides nothing itself; `gate.rs` drives the core, `serve.rs` wires the rest, `cli/` is the command line.

mod admin;
mod breaker;
mod certificate;
pub mod cli;
mod clock;
mod collector;
pub mod config;
pub mod crypto;
mod endpoint;
mod export;
mod fetch;
mod gate;
mod grpc;
mod hmac_secret;
mod http;
mod introspection;
mod key_care;
mod key_fetch;
mod key_slot;
mod keys;
pub mod limits;
mod listen;
mod loaded;
mod logs;
pub mod metrics;
mod policy_files;
mod queue;
mod reload;
mod secret;
pub mod serve;
mod source_file;
mod swap;
mod tokens;
mod upstream;
mod verdict;
