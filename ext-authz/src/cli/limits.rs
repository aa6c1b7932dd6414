//! The bounds of the command line's input, with their source.

use sallyport_jwt::JsonLimits;

/// Longest line of `sallyport check`'s input: a mirrored body of 1 MiB in base64, the largest header block that a
/// proxy-wasm host passes (1 MiB, proxy-wasm-cpp-host limits.h), and a peer certificate chain.
pub(super) const MAX_LINE_BYTES: u64 = 4 * 1024 * 1024;
/// Largest file of keys or introspection replies; many tokens of 16 KiB each.
pub(super) const MAX_ANSWERS_BYTES: usize = 64 * 1024 * 1024;
/// Deepest JSON in such a file; serde_json stops at 128.
pub(super) const MAX_ANSWERS_DEPTH: usize = 64;
/// JSON of a line of `sallyport check`'s input. Its depth: line, headers, header, bytes of a value.
pub(super) const LINE_JSON: JsonLimits = JsonLimits { max_bytes: usize::MAX, max_depth: 4 };
