//! The RFC 7662 client: one call to the provider for a token however many requests ask, replies kept for a bounded
//! time and read anew for each request, failures never kept. What a reply means is the core's business.
//!
//! A status that a client can bring about with an odd token is an answer about that token, not a failure of the endpoint:
//! it opens neither the breaker, which is everybody's, nor a route with `failure_mode: open`. 403 is the exception: it
//! may as well be our credentials, so it is unavailable, but the breaker does not count it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moka::Expiry;
use moka::future::Cache;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use sallyport_jwt::{UnixTime, limits as jwt_limits};
use sallyport_policy::{Identity, Introspected, IntrospectionRules, Issuer, IssuerKind, Reason};

use crate::breaker::Health;
use crate::clock;
use crate::endpoint::{Endpoint, Key};
use crate::fetch::{self, FetchError};
use crate::limits::{
    FETCH_TIMEOUT, INTROSPECTION_BYTES, INTROSPECTION_ENTRY_BYTES, NEGATIVE_SECONDS,
};
use crate::metrics::{Dependency, Metrics};

/// What the endpoint said.
#[derive(Clone)]
enum Said {
    /// With a 200.
    Reply(Arc<[u8]>),
    /// With another status: that it does not look at this token.
    Refusal,
}

/// What is kept.
#[derive(Clone)]
struct Kept {
    said: Said,
    since: UnixTime,
    lives: Duration,
}

struct Lifetime;

impl Expiry<Key, Kept> for Lifetime {
    fn expire_after_create(&self, _: &Key, kept: &Kept, _: std::time::Instant) -> Option<Duration> {
        Some(kept.lives)
    }

    /// An entry that is over, but still there, is updated instead of created.
    fn expire_after_update(
        &self,
        _: &Key,
        kept: &Kept,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.lives)
    }
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Failure {
    #[error("left alone after failures")]
    Open,
    #[error("too many calls under way")]
    Busy,
    #[error("{0}")]
    Fetch(#[from] FetchError),
    #[error("no RFC 7662 reply")]
    Junk,
}

/// What was learned about a token.
pub(crate) struct Answered {
    pub(crate) introspected: Introspected,
    /// Until when the reply may be reused: the bound of every verdict that rests on it.
    pub(crate) until: UnixTime,
}

/// The client, with its cache. One for the whole server; policies come and go.
#[derive(Clone)]
pub(crate) struct Introspection {
    client: reqwest::Client,
    cache: Cache<Key, Kept>,
    metrics: Arc<Metrics>,
}

/// One question: what a task needs that may outlive the request.
#[derive(Clone)]
struct Question {
    key: Key,
    endpoint: Arc<Endpoint>,
    issuer: Issuer,
    token: String,
    timeout: Duration,
}

impl Introspection {
    pub(crate) fn new(client: reqwest::Client, metrics: Arc<Metrics>) -> Self {
        let weigh = |_: &Key, kept: &Kept| {
            let bytes = match &kept.said {
                Said::Reply(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                Said::Refusal => 0,
            };
            bytes.saturating_add(INTROSPECTION_ENTRY_BYTES)
        };
        let cache = Cache::builder()
            .max_capacity(INTROSPECTION_BYTES)
            .weigher(weigh)
            .expire_after(Lifetime)
            .build();
        Self { client, cache, metrics }
    }

    /// What the endpoint says about a token; none: nothing usable in time.
    pub(crate) async fn ask(
        &self,
        endpoint: &Arc<Endpoint>,
        issuer: &Issuer,
        token: &[u8],
        timeout: Duration,
    ) -> Option<Answered> {
        let IssuerKind::Introspection(rules) = issuer.kind() else { return None };
        let token = std::str::from_utf8(token).ok()?;
        let key = endpoint.key(token);
        let longest = i64::try_from(rules.cache_seconds).unwrap_or(i64::MAX);
        if let Some(kept) = self.cache.get(&key).await {
            // The entry may be of a policy that allowed a longer reuse.
            if clock::now().0 < kept.since.0.saturating_add(longest) {
                self.metrics.introspection_cache("hit");
                return Some(read(issuer, &rules.rules, &kept, longest));
            }
            self.cache.invalidate(&key).await;
        }
        let question = Question {
            key,
            endpoint: Arc::clone(endpoint),
            issuer: issuer.clone(),
            token: token.to_owned(),
            timeout,
        };
        let kept = self.join(question).await?;
        Some(read(issuer, &rules.rules, &kept, longest))
    }

    /// Waits for the one call to the provider. Every waiting request has a task that does not end with it, so the call
    /// goes on, once, whichever of them gives up.
    async fn join(&self, question: Question) -> Option<Kept> {
        let this = self.clone();
        let timeout = question.timeout;
        let task = tokio::spawn(async move {
            let asked = AtomicBool::new(false);
            let key = question.key;
            let init = async {
                asked.store(true, Ordering::Relaxed);
                this.call(&question).await
            };
            let kept = this.cache.try_get_with(key, init).await;
            let asked = asked.load(Ordering::Relaxed);
            this.metrics.introspection_cache(if asked { "miss" } else { "joined" });
            kept.ok()
        });
        tokio::time::timeout(timeout, task).await.ok()?.ok()?
    }

    async fn call(&self, question: &Question) -> Result<Kept, Failure> {
        let said = self.admitted(question).await;
        match &said {
            Ok((_, result)) => self.count(question, result),
            Err(failure) => {
                self.count(question, "unavailable");
                log(question, *failure);
            }
        }
        said.map(|(kept, _)| kept)
    }

    /// Calls if there is room and the breaker lets it. Room first: a probe that finds none would be lost.
    async fn admitted(&self, question: &Question) -> Result<(Kept, &'static str), Failure> {
        let endpoint = &question.endpoint;
        let _permit = endpoint.calls.try_acquire().map_err(|_| Failure::Busy)?;
        if !endpoint.breaker.admits() {
            return Err(Failure::Open);
        }
        let said = self.reply(question).await;
        endpoint.breaker.report(match &said {
            Ok(_) => Health::Good,
            // It may be our credentials, or a firewall that dislikes the token.
            Err(Failure::Fetch(FetchError::Status(403))) => Health::Unknown,
            Err(_) => Health::Bad,
        });
        said
    }

    async fn reply(&self, question: &Question) -> Result<(Kept, &'static str), Failure> {
        let endpoint = &question.endpoint;
        let request = self
            .client
            .post(&endpoint.url)
            // A request with little patience must not make the call useless for the next one.
            .timeout(question.timeout.max(FETCH_TIMEOUT))
            .header(AUTHORIZATION, endpoint.authorization.clone())
            .header(ACCEPT, "application/json")
            .form(&[("token", question.token.as_str()), ("token_type_hint", "access_token")]);
        let bytes = match fetch::send(request, jwt_limits::MAX_DOCUMENT_BYTES).await {
            Ok(fetched) => fetched.body,
            Err(FetchError::Status(status)) if is_about_the_token(status) => {
                if endpoint.refusal_log.now() {
                    let issuer = question.issuer.name();
                    tracing::warn!(%issuer, status, "provider does not look at a token");
                }
                let lives = Duration::from_secs(NEGATIVE_SECONDS);
                return Ok((Kept { said: Said::Refusal, since: clock::now(), lives }, "refused"));
            }
            Err(error) => return Err(error.into()),
        };
        let IssuerKind::Introspection(rules) = question.issuer.kind() else {
            return Err(Failure::Junk);
        };
        let now = clock::now();
        let (lives, result) =
            match Identity::from_introspection(&question.issuer, &rules.rules, &bytes, now) {
                Introspected::Junk => return Err(Failure::Junk),
                Introspected::Refused(reason) => {
                    let inactive = reason == Reason::TokenInactive;
                    (NEGATIVE_SECONDS, if inactive { "inactive" } else { "refused" })
                }
                Introspected::Active(identity) => {
                    let left =
                        identity.expires().map_or(i64::MAX, |end| end.0.saturating_sub(now.0));
                    let left = u64::try_from(left).unwrap_or(0);
                    (rules.cache_seconds.min(left), "active")
                }
            };
        let lives = Duration::from_secs(lives);
        Ok((Kept { said: Said::Reply(bytes.into()), since: now, lives }, result))
    }

    fn count(&self, question: &Question, result: &'static str) {
        let labels = Dependency::new(question.issuer.name(), result);
        self.metrics.introspection_requests.count(labels);
    }
}

/// Whether a status says something of the token that was sent, which a client chooses, rather than of the endpoint, of
/// our credentials (401, RFC 7662 section 2.3; 403) or of the moment (408, 429).
fn is_about_the_token(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 401 | 403 | 404 | 405 | 408 | 410 | 429)
}

/// Reads a reply with the rules of now: they may be another policy's than those it came under.
fn read(issuer: &Issuer, rules: &IntrospectionRules, kept: &Kept, longest: i64) -> Answered {
    let introspected = match &kept.said {
        Said::Reply(bytes) => Identity::from_introspection(issuer, rules, bytes, clock::now()),
        Said::Refusal => Introspected::Refused(Reason::TokenInactive),
    };
    let lives = i64::try_from(kept.lives.as_secs()).unwrap_or(i64::MAX).min(longest);
    Answered { introspected, until: UnixTime(kept.since.0.saturating_add(lives)) }
}

fn log(question: &Question, failure: Failure) {
    if !question.endpoint.failure_log.now() {
        return;
    }
    let issuer = question.issuer.name();
    if let Failure::Fetch(FetchError::Status(status @ (401 | 403))) = failure {
        tracing::error!(%issuer, status, "provider refuses our client credentials");
    } else {
        tracing::warn!(%issuer, error = %failure, "introspection is unavailable");
    }
}

#[cfg(test)]
mod tests {
    use super::is_about_the_token;

    #[test]
    fn a_status_is_about_the_token_or_about_the_endpoint() {
        for (status, expected) in [
            (204, false),
            (302, false),
            (400, true),
            (401, false),
            (403, false),
            (404, false),
            (405, false),
            (408, false),
            (413, true),
            (414, true),
            (422, true),
            (429, false),
            (431, true),
            (499, true),
            (500, false),
            (503, false),
            (599, false),
        ] {
            assert_eq!(is_about_the_token(status), expected, "{status}");
        }
    }
}
