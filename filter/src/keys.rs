//! Issuers' keys in the filter: one worker of the Envoy fetches (by a lease on the board), all of them read.
//! Old keys stay in use while new ones are fetched, and while they cannot be. Fetching starts from ticks only:
//! `on_configure` also runs in a canary VM that dies.

use std::cell::RefCell;
use std::sync::Arc;

use sallyport_jwt::{JsonLimits, KeySet, parse_json_object};
use sallyport_policy::{IssuerId, IssuerKind, JwtIssuer, KeyLocation, KeySource, KeyState, Policy};

use crate::board::Board;
use crate::host::{self, Level};
use crate::limits::{
    FETCH_TIMEOUT_MS, KEYS_FRESH_MS, KEYS_STALE_MS, LEASE_MS, RETRY_MS, UNKNOWN_KEY_COOL_DOWN_MS,
};

/// Keys of all JWT issuers of one policy.
pub(crate) struct Keys {
    board: Board,
    slots: RefCell<Vec<Slot>>,
}

/// One issuer.
struct Slot {
    /// None: keys that this filter cannot fetch: no cluster is named, or tokens are asked about.
    source: Option<Source>,
    /// Version of the note that `keys` were read from.
    version: u32,
    keys: Option<Arc<KeySet>>,
    text: Vec<u8>,
    status: Status,
    /// A request met a key id that is not among them.
    wanted: bool,
    /// A fetch of ours has ended and its outcome is on the board.
    news: bool,
    fetch: Option<Fetch>,
}

/// How one issuer's keys are fetched.
struct Source {
    issuer: String,
    location: KeyLocation,
    cluster: String,
}

/// What the board says of one issuer besides the keys. Times are milliseconds since 1970; 0: never.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Status {
    fetched: u64,
    failed: u64,
    forced: u64,
    lease: u64,
}

/// A fetch of ours under way.
struct Fetch {
    token: u32,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Discovery,
    KeySet,
}

/// What became of a request's wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing will change: do not wait.
    Over,
    /// Something may: wait until [`Keys::epoch`] of the issuer differs from this.
    Until(u64),
}

impl Keys {
    pub(crate) fn new(policy: &Policy, shared: bool) -> Self {
        let slots = policy.issuers().iter().map(|issuer| Slot {
            source: match issuer.kind() {
                IssuerKind::Jwt(jwt) => Source::new(jwt),
                IssuerKind::Introspection(_) => None,
            },
            version: 0,
            keys: None,
            text: Vec::new(),
            status: Status::default(),
            wanted: false,
            news: false,
            fetch: None,
        });
        Self { board: Board::new(shared), slots: RefCell::new(slots.collect()) }
    }

    /// Changes whenever a fetch for this issuer ended, well or badly, in any worker.
    pub(crate) fn epoch(&self, issuer: IssuerId) -> u64 {
        self.slots.borrow().get(issuer.index()).map_or(0, |slot| slot.status.epoch())
    }

    /// A request waits for keys, or for newer ones.
    pub(crate) fn wait(&self, issuer: IssuerId, newer: bool, now_ms: u64) -> Wait {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(issuer.index()) else { return Wait::Over };
        if slot.source.is_none() {
            return Wait::Over;
        }
        if newer {
            // The board knows of other workers' fetches; this look is as rare as unknown keys after the cool-down.
            let status = slot.status.as_of(now_ms);
            let cooling = now_ms < status.forced.saturating_add(UNKNOWN_KEY_COOL_DOWN_MS);
            if cooling && !slot.status.busy(now_ms) {
                return Wait::Over;
            }
            slot.wanted = !cooling;
        }
        Wait::Until(slot.status.epoch())
    }

    /// Reads the board and starts the fetches that are due. True: some issuer's keys changed.
    pub(crate) fn tick(&self, now_ms: u64, slow: bool) -> bool {
        let mut changed = false;
        for slot in self.slots.borrow_mut().iter_mut() {
            if slot.source.is_some() && (slow || slot.hurry()) {
                changed |= slot.read(&self.board);
                changed |= slot.drop_stale(now_ms);
                slot.lead(&self.board, now_ms);
            }
        }
        changed
    }

    /// An HTTP call ended. None: it was not ours; else whether it brought a key set (true) or failed (false), and
    /// nothing while it goes on.
    pub(crate) fn received(&self, token: u32, now_ms: u64) -> Option<Option<bool>> {
        let mut slots = self.slots.borrow_mut();
        let slot = slots
            .iter_mut()
            .find(|slot| slot.fetch.as_ref().is_some_and(|fetch| fetch.token == token))?;
        let stage = slot.fetch.take().map(|fetch| fetch.stage)?;
        let body = reply_body(JsonLimits::JWKS.max_bytes);
        Some(match (stage, body) {
            (Stage::Discovery, Some(body)) => slot.discovered(&self.board, &body, now_ms),
            (Stage::KeySet, Some(body)) => Some(slot.fetched(&self.board, body, now_ms)),
            (_, None) => Some(slot.failed(
                &self.board,
                now_ms,
                "no answer with status 200 and a body within bounds",
            )),
        })
    }
}

impl KeySource for Keys {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        let slots = self.slots.borrow();
        let Some(slot) = slots.get(issuer.index()) else { return KeyState::Unavailable };
        match &slot.keys {
            Some(keys) => KeyState::Ready(Arc::clone(keys)),
            None if slot.source.is_some() => KeyState::Pending,
            None => KeyState::Unavailable,
        }
    }
}

impl Source {
    fn new(jwt: &JwtIssuer) -> Option<Self> {
        let cluster = jwt.cluster.clone()?;
        Some(Self { issuer: jwt.rules.issuer.clone(), location: jwt.keys.clone(), cluster })
    }

    fn address(&self) -> &str {
        match &self.location {
            KeyLocation::Discovery(url) | KeyLocation::Uri(url) => url,
        }
    }

    fn keys_note(&self) -> String {
        format!("sallyport/jwks/{}/{}", self.cluster, self.address())
    }

    fn status_note(&self) -> String {
        format!("sallyport/jwks-status/{}/{}", self.cluster, self.address())
    }
}

impl Status {
    fn epoch(&self) -> u64 {
        self.fetched.max(self.failed)
    }

    fn busy(&self, now_ms: u64) -> bool {
        now_ms < self.as_of(now_ms).lease
    }

    /// A time in the future was written before the clock stepped back: it counts as none.
    fn as_of(self, now_ms: u64) -> Self {
        let past = |time: u64| if time > now_ms { 0 } else { time };
        let lease = if self.lease > now_ms.saturating_add(LEASE_MS) { 0 } else { self.lease };
        Self {
            fetched: past(self.fetched),
            failed: past(self.failed),
            forced: past(self.forced),
            lease,
        }
    }

    fn write(self) -> Vec<u8> {
        [self.fetched, self.failed, self.forced, self.lease]
            .iter()
            .flat_map(|time| time.to_le_bytes())
            .collect()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut times =
            bytes.chunks_exact(8).map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes));
        let mut next = || times.next().flatten();
        Some(Self { fetched: next()?, failed: next()?, forced: next()?, lease: next()? })
    }
}

impl Slot {
    /// Whether it is looked at on every tick.
    fn hurry(&self) -> bool {
        self.keys.is_none() || self.wanted || self.news || self.fetch.is_some()
    }

    /// Takes what other workers left on the board.
    fn read(&mut self, board: &Board) -> bool {
        let Some(source) = &self.source else { return false };
        self.news = false;
        let status = board.read(&source.status_note()).and_then(|(bytes, _)| Status::read(&bytes));
        let Some(status) = status else { return false };
        let news = status.fetched != self.status.fetched;
        self.status = status;
        if !news {
            return false;
        }
        self.wanted = false;
        let Some((text, version)) = board.read(&source.keys_note()) else { return false };
        if version == self.version {
            return false;
        }
        self.version = version;
        if text == self.text {
            return false;
        }
        match KeySet::parse(&text) {
            Ok(keys) => {
                self.keys = Some(Arc::new(keys));
                self.text = text;
                true
            }
            // Only parsed sets are put on the board.
            Err(_) => false,
        }
    }

    fn due(&self, now_ms: u64) -> bool {
        let status = self.status.as_of(now_ms);
        let retry = now_ms >= status.failed.saturating_add(RETRY_MS);
        let force = self.wanted && now_ms >= status.forced.saturating_add(UNKNOWN_KEY_COOL_DOWN_MS);
        let old = self.keys.is_none() || now_ms >= status.fetched.saturating_add(KEYS_FRESH_MS);
        retry && (force || old)
    }

    /// Keys that could not be renewed for too long are no longer used, nor the tokens that they verified.
    fn drop_stale(&mut self, now_ms: u64) -> bool {
        let stale =
            self.keys.is_some() && now_ms >= self.status.fetched.saturating_add(KEYS_STALE_MS);
        if stale {
            self.keys = None;
            self.text.clear();
        }
        stale
    }

    /// Starts a fetch, if one is due and no other worker is at it.
    fn lead(&mut self, board: &Board, now_ms: u64) {
        if self.fetch.is_some() || !self.due(now_ms) {
            return;
        }
        let Some(source) = &self.source else { return };
        let note = source.status_note();
        let (mut status, version) = match board.read(&note) {
            Some((bytes, version)) => (Status::read(&bytes).unwrap_or_default(), version),
            None => (Status::default(), 0),
        };
        if status.busy(now_ms) || status.epoch() != self.status.epoch() {
            return;
        }
        status.lease = now_ms.saturating_add(LEASE_MS);
        if self.wanted {
            status.forced = now_ms;
        }
        if version == 0 {
            // A first write knows no version, so it cannot be told from another first write: write a note without
            // a lease, and take the lease with its version on the next tick.
            board.write(&note, &Status::default().write(), 0);
            return;
        }
        if !board.write(&note, &status.write(), version) {
            return;
        }
        self.status = status;
        self.wanted = false;
        let (stage, url) = match &source.location {
            KeyLocation::Discovery(url) => (Stage::Discovery, url.clone()),
            KeyLocation::Uri(url) => (Stage::KeySet, url.clone()),
        };
        self.get(board, stage, &url, now_ms);
    }

    fn get(&mut self, board: &Board, stage: Stage, url: &str, now_ms: u64) {
        let started = self.source.as_ref().and_then(|source| {
            let (scheme, authority, path) = parts(url)?;
            host::http_get(&source.cluster, authority, scheme, path, FETCH_TIMEOUT_MS)
        });
        match started {
            Some(token) => self.fetch = Some(Fetch { token, stage }),
            None => {
                self.failed(board, now_ms, "the call could not be started; is the cluster there?");
            }
        }
    }

    /// The discovery document came (OpenID Connect Discovery 1.0 section 4.3: its issuer must be the one asked).
    fn discovered(&mut self, board: &Board, body: &[u8], now_ms: u64) -> Option<bool> {
        let Some(source) = &self.source else { return Some(false) };
        let document = parse_json_object(body, JsonLimits::DOCUMENT).ok();
        let text = |name: &str| document.as_ref()?.get(name)?.as_str().map(str::to_owned);
        let same_issuer = text("issuer").as_deref() == Some(source.issuer.as_str());
        // A cluster reaches the issuer's host alone; anything else would be asked of the wrong server.
        let jwks_uri = text("jwks_uri").filter(|uri| match (parts(uri), parts(source.address())) {
            (Some((scheme, host, _)), Some((ours, our_host, _))) => {
                scheme == ours && host == our_host
            }
            _ => false,
        });
        match jwks_uri.filter(|_| same_issuer) {
            Some(uri) => {
                self.get(board, Stage::KeySet, &uri, now_ms);
                None
            }
            None => Some(self.failed(
                board,
                now_ms,
                "the discovery document names another issuer, or keys on another host",
            )),
        }
    }

    fn fetched(&mut self, board: &Board, body: Vec<u8>, now_ms: u64) -> bool {
        let usable = KeySet::parse(&body).is_ok_and(|keys| !keys.keys().is_empty());
        if !usable {
            return self.failed(board, now_ms, "no JWK set with a key that can be used");
        }
        if let Some(source) = &self.source {
            board.write(&source.keys_note(), &body, 0);
        }
        self.conclude(board, |status| status.fetched = now_ms);
        true
    }

    fn failed(&mut self, board: &Board, now_ms: u64, why: &str) -> bool {
        if let Some(source) = &self.source {
            host::log(
                Level::Warn,
                &format!("sallyport: keys of {} were not fetched: {why}", source.issuer),
            );
        }
        // It taught nothing, so it does not use up the pause between fetches for unknown keys.
        self.conclude(board, |status| (status.failed, status.forced) = (now_ms, 0));
        false
    }

    /// Ends the lease and says how it went. Readers take it from the board on the next tick, this worker too.
    fn conclude(&mut self, board: &Board, how: impl Fn(&mut Status)) {
        let Some(source) = &self.source else { return };
        let note = source.status_note();
        let current =
            board.read(&note).and_then(|(bytes, _)| Status::read(&bytes)).unwrap_or(self.status);
        let mut status = Status { lease: 0, ..current };
        how(&mut status);
        board.write(&note, &status.write(), 0);
        self.news = true;
    }
}

/// Body of the HTTP call that just ended, if its status is 200.
fn reply_body(max: usize) -> Option<Vec<u8>> {
    let block = host::header_pairs(host::Map::CallResponse)?;
    let pairs = crate::pairs::parse(&block)?;
    let ok = pairs.iter().any(|(name, value)| *name == b":status" && *value == b"200");
    // One byte more than allowed tells a body that is too long from one that just fits.
    let body =
        host::buffer(host::Buffer::CallResponseBody, max.saturating_add(1)).filter(|_| ok)?;
    (!body.is_empty() && body.len() <= max).then_some(body)
}

/// Scheme, authority and path of an address.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(at)?;
    let path = if path.is_empty() { "/" } else { path };
    matches!(scheme, "http" | "https").then_some((scheme, authority, path))
}

#[cfg(test)]
mod tests {
    use super::{Board, Status, parts};

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("https://idp:8443/a/b?c"), Some(("https", "idp:8443", "/a/b?c")));
        assert_eq!(parts("http://idp"), Some(("http", "idp", "/")));
        assert_eq!(parts("ftp://idp/"), None);
        assert_eq!(parts("idp"), None);
    }

    #[test]
    fn a_status_is_what_was_written() {
        let status = Status { fetched: 1, failed: 2, forced: 3, lease: 4 };
        assert!(Status::read(&status.write()) == Some(status));
        assert!(Status::read(b"short").is_none());
        let future =
            Status { fetched: 9_000_000, failed: 9_000_000, forced: 9_000_000, lease: 9_000_000 };
        assert!(future.as_of(1_000) == Status::default(), "the clock stepped back");
        assert!(Status { lease: 4_000, ..future }.busy(1_000));
    }

    #[test]
    fn of_two_writers_with_one_version_one_wins() {
        let board = Board::new(false);
        assert!(board.write("n", b"a", 0));
        let (_, version) = board.read("n").unwrap();
        assert!(board.write("n", b"b", version));
        assert!(!board.write("n", b"c", version));
        assert_eq!(board.read("n").unwrap().0, b"b");
    }
}
