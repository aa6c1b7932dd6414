//! The filter's reader of discovery documents. It is private to the filter, so its very files are built in here, around a
//! host that has nothing to say.

#[path = "../../filter/src/keys/address.rs"]
mod address;
#[expect(dead_code, reason = "what calls the host is not run here")]
#[path = "../../filter/src/keys/fetch.rs"]
mod fetch;

use sallyport_policy::JwtIssuer;

/// Where the document sends for keys; none: it is refused.
pub(crate) fn discovered(issuer: &JwtIssuer, body: &[u8]) -> Option<String> {
    match fetch::discovered(issuer, body).ok()? {
        fetch::Stage::KeySet(uri) | fetch::Stage::Discovery(uri) => Some(uri),
    }
}
