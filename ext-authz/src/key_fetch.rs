//! Fetching one key set: discovery where the policy says so, then the set, both checked for what they are.
//! When to fetch and how long to keep it is `keys.rs`'s part.

use std::sync::Arc;

use sallyport_jwt::{JsonLimits, KeySet, limits as jwt_limits, parse_json_object};
use sallyport_policy::KeyLocation;

use crate::fetch::{self, FetchError};
use crate::metrics::Metrics;
use crate::tokens::Epoch;

/// What fetching needs.
#[derive(Clone)]
pub(crate) struct KeyFetcher {
    pub(crate) client: reqwest::Client,
    pub(crate) metrics: Arc<Metrics>,
    /// Advanced when keys change.
    pub(crate) epoch: Epoch,
}

impl KeyFetcher {
    /// The set at a location.
    pub(crate) async fn fetch(
        &self,
        location: &KeyLocation,
        issuer: &str,
    ) -> Result<KeySet, FetchError> {
        let uri = match location {
            KeyLocation::Uri(uri) => uri.clone(),
            KeyLocation::Discovery(address) => self.discover(address, issuer).await?,
        };
        let body = self.get(&uri, jwt_limits::MAX_JWKS_BYTES).await?;
        let set = KeySet::parse(&body).map_err(|_| FetchError::Content("no JWK set"))?;
        // A set without one usable key is what a provider serves while it starts; it must not replace good keys.
        if set.keys().is_empty() {
            return Err(FetchError::Content("no usable key"));
        }
        Ok(set)
    }

    /// OpenID Connect Discovery 1.0 section 4.3: the document's issuer must be the one it was asked of.
    async fn discover(&self, address: &str, issuer: &str) -> Result<String, FetchError> {
        let body = self.get(address, jwt_limits::MAX_DOCUMENT_BYTES).await?;
        let document = parse_json_object(&body, JsonLimits::DOCUMENT)
            .map_err(|_| FetchError::Content("no JSON object"))?;
        let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str);
        if text("issuer") != Some(issuer) {
            return Err(FetchError::Content("another issuer's discovery document"));
        }
        let uri = text("jwks_uri").ok_or(FetchError::Content("no jwks_uri"))?;
        let parsed =
            reqwest::Url::parse(uri).map_err(|_| FetchError::Content("jwks_uri is no address"))?;
        // Keys that come in the clear may be anybody's; http only where discovery itself was local http.
        let secure = parsed.scheme() == "https" || address.starts_with("http://");
        if secure { Ok(uri.to_owned()) } else { Err(FetchError::Content("jwks_uri is not https")) }
    }

    async fn get(&self, uri: &str, max_bytes: usize) -> Result<Vec<u8>, FetchError> {
        let request = self.client.get(uri).header("accept", "application/json");
        fetch::send(request, max_bytes).await
    }
}

/// Whether both sets verify the same, for the same.
pub(crate) fn same_keys(one: &KeySet, other: &KeySet) -> bool {
    let same = |(one, other): (&sallyport_jwt::Key, &sallyport_jwt::Key)| {
        one.kid() == other.kid()
            && one.algorithm() == other.algorithm()
            && one.issuer() == other.issuer()
            && one.spki_der() == other.spki_der()
    };
    one.keys().len() == other.keys().len() && one.keys().iter().zip(other.keys()).all(same)
}
