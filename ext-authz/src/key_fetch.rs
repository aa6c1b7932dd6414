//! Fetching one key set: discovery where the policy says so, then the set, both checked for what they are. The set may be
//! on any host: what the issuer's own document names is the issuer's word.
//! When to fetch and how long to keep it is `key_slot.rs`'s part.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::ACCEPT;
use sallyport_jwt::{DiscoveryError, KeySet, discovered_jwks_uri, limits as jwt_limits};
use sallyport_policy::KeyLocation;
use tokio::sync::Notify;

use crate::fetch::{self, FetchError, Fetched};
use crate::key_slot::KeyPlace;
use crate::metrics::Metrics;
use crate::tokens::Epoch;

/// What is asked for. RFC 7517 section 8.5.2 has a type of its own for key sets, and the Kubernetes API server answers 406
/// to whoever does not accept it; most others serve plain JSON.
const JWK_SET: &str = "application/jwk-set+json, application/json";
const JSON: &str = "application/json";

/// What fetching needs.
#[derive(Clone)]
pub(crate) struct KeyFetcher {
    pub(crate) client: reqwest::Client,
    pub(crate) metrics: Arc<Metrics>,
    /// Advanced when keys change.
    pub(crate) epoch: Epoch,
    /// Told when a fetch has ended.
    pub(crate) ended: Arc<Notify>,
}

/// A key set with at least one usable key.
pub(crate) struct FetchedKeys {
    pub(crate) set: KeySet,
    /// How long the provider says that it lives.
    pub(crate) cache_control: Option<Vec<u8>>,
    /// How many keys were left out, and why, in words for the log; empty: none.
    pub(crate) skipped: String,
}

impl KeyFetcher {
    /// The set at a place.
    pub(crate) async fn fetch(&self, place: &KeyPlace) -> Result<FetchedKeys, FetchError> {
        let uri = match &place.location {
            KeyLocation::Uri(uri) => uri.clone(),
            KeyLocation::Discovery(address) => self.discover(address, &place.issuer).await?,
        };
        let Fetched { body, cache_control } =
            self.get(&uri, JWK_SET, jwt_limits::MAX_JWKS_BYTES).await?;
        let set = KeySet::parse(&body).map_err(|_| FetchError::Content("no JWK set"))?;
        let skipped = self.skipped(&place.name, &set);
        // A set without one usable key is what a provider serves while it starts; it must not replace good keys.
        if set.keys().is_empty() {
            return Err(FetchError::Content("no usable key"));
        }
        Ok(FetchedKeys { set, cache_control, skipped })
    }

    /// Counts the keys that were left out, by reason. Their ids are the provider's text, so none is told.
    fn skipped(&self, issuer: &Arc<str>, set: &KeySet) -> String {
        let mut reasons: BTreeMap<&'static str, u64> = BTreeMap::new();
        for key in set.skipped() {
            let count = reasons.entry(key.reason.name()).or_default();
            *count = count.saturating_add(1);
        }
        let words: Vec<String> = reasons
            .into_iter()
            .map(|(reason, count)| {
                self.metrics.keys_skipped(issuer, reason, count);
                format!("{count} {reason}")
            })
            .collect();
        words.join(", ")
    }

    /// OpenID Connect Discovery 1.0 section 4.3: the document's issuer must be the one it was asked of.
    async fn discover(&self, address: &str, issuer: &str) -> Result<String, FetchError> {
        let Fetched { body, .. } = self.get(address, JSON, jwt_limits::MAX_DOCUMENT_BYTES).await?;
        discovered_jwks_uri(&body, address, issuer).map_err(|error| {
            FetchError::Content(match error {
                DiscoveryError::NoDocument => "no JSON object",
                DiscoveryError::OtherIssuer => "another issuer's discovery document",
                DiscoveryError::NoKeys => "no address as jwks_uri",
                DiscoveryError::NotSecure => "jwks_uri is not https",
            })
        })
    }

    async fn get(
        &self,
        uri: &str,
        accept: &'static str,
        max_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        fetch::send(self.client.get(uri).header(ACCEPT, accept), max_bytes).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sallyport_jwt::KeySet;

    use super::KeyFetcher;
    use crate::fetch;

    #[test]
    fn keys_that_are_left_out_are_told_by_reason_and_not_by_name() {
        let fetcher = KeyFetcher {
            client: fetch::client().unwrap(),
            metrics: Arc::default(),
            epoch: crate::tokens::Epoch::default(),
            ended: Arc::default(),
        };
        let set = br#"{"keys": [
            {"kid": "canary", "kty": "oct", "k": "AAAA"},
            {"kid": "canary", "kty": "RSA", "use": "enc"},
            {"kid": "canary", "kty": "RSA", "use": "enc"}
        ]}"#;
        let told = fetcher.skipped(&"main".into(), &KeySet::parse(set).unwrap());
        assert_eq!(told, "1 key_type_unsupported, 2 use_not_signature");
        let text = fetcher.metrics.text();
        let line = "keys_skipped_total{issuer=\"main\",reason=\"use_not_signature\"} 2";
        assert!(text.contains(line) && !text.contains("canary"), "{text}");
    }
}
