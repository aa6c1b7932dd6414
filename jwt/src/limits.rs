//! Every bound of the jwt crate, with the place it comes from.
//! Exceeding one is a named error or skip reason, never a truncation.

/// Longest compact JWS that is read. Common servers stop one header line at 8 or 16 KiB (nginx
/// `large_client_header_buffers` 8 KiB, Node.js 16 KiB); the largest tokens seen, with group lists, stay below.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Longest decoded JOSE header. Room for a kid and an `x5c` chain that we ignore; RFC 7515 sets no bound.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Deepest nesting of arrays and objects in tokens, key sets and replies. `serde_json` stops at 128 of its own;
/// the deepest claim of the known providers (Keycloak's `authorization.permissions[].claims`) is 5.
pub const MAX_JSON_DEPTH: usize = 32;

/// Longest JWK set. 100 keys with `x5c` chains are about 400 KiB.
pub const MAX_JWKS_BYTES: usize = 512 * 1024;

/// Longest discovery document or introspection reply. Google's and Entra's discovery documents are under 3 KiB,
/// Keycloak's is 7 KiB; introspection replies repeat a token's claims.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Most keys in a set, usable or not. Providers publish 1 to 10.
pub const MAX_KEYS: usize = 100;

/// Longest `kid` in a key set. Thumbprints are 43 bytes, Entra's and AWS's ids under 50.
pub const MAX_KEY_ID_BYTES: usize = 256;

/// Longest per-key `issuer` in a key set; an https URL.
pub const MAX_KEY_ISSUER_BYTES: usize = 2048;

/// Shortest RSA modulus in bits: RFC 7518 sections 3.3 and 3.5.
pub const MIN_RSA_BITS: usize = 2048;

/// Longest RSA modulus in bits: aws-lc-rs `RSA_*_2048_8192_*`, so that every backend judges the same keys.
pub const MAX_RSA_BITS: usize = 8192;

/// Smallest RSA public exponent: RFC 8017 section 3.1.
pub const MIN_RSA_EXPONENT: u64 = 3;

/// Largest RSA public exponent: `BoringSSL`, AWS-LC and the `rsa` crate stop at 33 bits.
pub const MAX_RSA_EXPONENT: u64 = (1 << 33) - 1;

/// Shortest secret for HMAC: the hash of HS256 (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Keys tried for one token, where several share a kid, keys or token have none. Each costs a verification,
/// which an attacker can ask for without a valid token.
pub const MAX_CANDIDATE_KEYS: usize = 8;

/// Ed25519 keys that have a table at one time, 40 KiB each, in a process or one of Envoy's wasm machines; ours. The others
/// are verified without, in more than twice the time.
pub const MAX_ED25519_COMBS: usize = 32;

/// Clock difference allowed when nothing is configured, in seconds.
pub const DEFAULT_LEEWAY_SECONDS: u32 = 30;

/// Largest clock difference that has an effect, in seconds. RFC 7519 section 4.1.4: "no more than a few minutes".
pub const MAX_LEEWAY_SECONDS: u32 = 300;

/// Largest numeric date: 9999-12-31T23:59:59Z, the end of RFC 3339.
pub const MAX_NUMERIC_DATE: i64 = 253_402_300_799;

/// Longest text of a claim path in bytes; ours.
pub const MAX_CLAIM_PATH_BYTES: usize = 512;

/// Most names in a claim path; ours, half of [`MAX_JSON_DEPTH`].
pub const MAX_CLAIM_PATH_NAMES: usize = 16;
