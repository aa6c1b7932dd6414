//! One issuer's keys in one worker: what it knows from the board, and the fetches that it leads. A lease on the board
//! sees to it that one worker fetches at a time; the others take what it leaves there. Old keys stay in use while new
//! ones are fetched and while they cannot be, up to the policy's `max_stale`.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use sallyport_jwt::KeySet;
use sallyport_policy::{Issuer, IssuerKind, JwtIssuer, KeyLocation, KeyTimes};

use super::fetch::{self, Failure, Stage};
use super::schedule::URGENT;
use super::status::Status;
use crate::board::{Board, Version};
use crate::host::{self, Level};
use crate::limits::{
    CLOCK_SLACK_MS, CROWDED_MS, KEY_WAIT_MS, LEASE_MS, MAX_LOOK_MS, MIN_LOOK_MS, RETRY_MS,
};
use crate::metrics::Metrics;

/// What a worker holds of one issuer.
pub(super) struct Slot {
    /// Name of the note with its status; none: keys that this filter cannot fetch.
    note: Option<String>,
    times: KeyTimes,
    status: Status,
    /// Version of the note that `status` was read from; 0: there is none.
    version: Version,
    keys: Option<Arc<KeySet>>,
    /// Version of the note that `keys` were read from.
    keys_version: Version,
    /// A token named a key that is not among them.
    wanted: bool,
    /// Until when requests wait at most; 0: none does.
    waiting_until: u64,
    /// Requests that were let wait, since when.
    waits: (usize, u64),
    /// The call under way in this worker.
    stage: Option<Stage>,
}

/// What work on a slot needs.
pub(super) struct Work<'w> {
    pub(super) board: &'w Board,
    pub(super) issuer: &'w Issuer,
    pub(super) random: &'w RandomState,
    pub(super) metrics: &'w Metrics,
    pub(super) now_ms: u64,
}

/// What came of a slot's turn.
pub(super) enum Step {
    /// Nothing to do now.
    Idle,
    /// A call of this token is under way.
    Called(u32),
    /// A fetch ended, well or badly: the board has news.
    Ended,
}

impl Work<'_> {
    fn jwt(&self) -> Option<&JwtIssuer> {
        match self.issuer.kind() {
            IssuerKind::Jwt(jwt) => Some(jwt),
            IssuerKind::Introspection(_) | IssuerKind::Hmac(_) => None,
        }
    }

    fn draw(&self) -> u64 {
        self.random.hash_one((self.issuer.name(), self.now_ms))
    }
}

impl Slot {
    pub(super) fn new(issuer: &Issuer) -> Self {
        let (note, times) = match issuer.kind() {
            IssuerKind::Jwt(jwt) => (note(jwt), jwt.times),
            // Asked about, or known to the sidecar alone.
            IssuerKind::Introspection(_) | IssuerKind::Hmac(_) => {
                (None, KeyTimes { refresh_ms: None, max_stale_ms: 0, cool_down_ms: 0 })
            }
        };
        Self {
            note,
            times,
            status: Status::default(),
            version: 0,
            keys: None,
            keys_version: 0,
            wanted: false,
            waiting_until: 0,
            waits: (0, 0),
            stage: None,
        }
    }

    /// Whether this filter can fetch its keys.
    pub(super) fn fetchable(&self) -> bool {
        self.note.is_some()
    }

    pub(super) fn keys(&self) -> Option<&Arc<KeySet>> {
        self.keys.as_ref()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.status.epoch()
    }

    /// Requests wait for what comes next.
    pub(super) fn waiting(&self, now_ms: u64) -> bool {
        // A wait that ends later than any can was begun before the clock stepped back.
        let latest = now_ms.saturating_add(KEY_WAIT_MS).saturating_add(CLOCK_SLACK_MS);
        now_ms < self.waiting_until && self.waiting_until <= latest
    }

    /// Takes what is on the board. True: keys that were in use are not any more.
    pub(super) fn look(&mut self, board: &Board, now_ms: u64) -> bool {
        let Some(note) = &self.note else { return false };
        let Some((bytes, version)) = board.read(note) else { return false };
        let status = Status::read(&bytes).unwrap_or_default();
        let came = status.fetched != self.status.fetched;
        if status.epoch() != self.status.epoch() {
            (self.waiting_until, self.waits.0) = (0, 0);
        }
        (self.version, self.status) = (version, status);
        // Somebody has just looked for the key that is missed here, well or badly.
        if came || (self.cooling(now_ms) && !status.busy(now_ms)) {
            self.wanted = false;
        }
        if now_ms >= self.stale_at() {
            return self.expire();
        }
        if came || self.keys.is_none() { self.take_keys(board) } else { false }
    }

    fn take_keys(&mut self, board: &Board) -> bool {
        let Some(note) = &self.note else { return false };
        let Some((bytes, version)) = board.read(&keys_note(note)) else { return false };
        if version == self.keys_version && self.keys.is_some() {
            return false;
        }
        // Only sets that parse are put on the board.
        let Some(keys) = unpack(&bytes).and_then(|(_, set)| KeySet::parse(set).ok()) else {
            return false;
        };
        let changed = self.keys.as_ref().is_some_and(|old| !old.same_keys(&keys));
        (self.keys, self.keys_version) = (Some(Arc::new(keys)), version);
        changed
    }

    fn stale_at(&self) -> u64 {
        self.status.fetched.saturating_add(self.times.max_stale_ms)
    }

    /// Keys that could not be renewed for too long are no longer used, nor the tokens that they verified.
    fn expire(&mut self) -> bool {
        self.keys_version = 0;
        self.keys.take().is_some()
    }

    /// A fetch for an unknown key was begun less than the cool-down ago.
    fn cooling(&self, now_ms: u64) -> bool {
        let forced = self.status.as_of(now_ms).forced;
        forced != 0 && now_ms < forced.saturating_add(self.times.cool_down_ms)
    }

    /// Nothing that a request could wait for will happen soon: the unknown key was looked for, and nobody fetches.
    pub(super) fn settled(&self, now_ms: u64) -> bool {
        let failing = self.keys.is_some() && now_ms < self.status.as_of(now_ms).retry;
        (self.cooling(now_ms) || failing) && !self.status.busy(now_ms) && self.stage.is_none()
    }

    /// A request asks to wait for keys, or for newer ones. False: `most` of this issuer's do already.
    pub(super) fn wait(&mut self, newer: bool, now_ms: u64, most: usize) -> bool {
        if newer && !self.cooling(now_ms) {
            self.wanted = true;
        }
        let (count, since) = self.waits;
        let since_now = now_ms >= since.saturating_add(KEY_WAIT_MS) || since > now_ms;
        self.waits = if since_now { (0, now_ms) } else { (count, since) };
        if self.waits.0 >= most {
            return false;
        }
        self.waits.0 = self.waits.0.saturating_add(1);
        self.waiting_until = now_ms.saturating_add(KEY_WAIT_MS);
        true
    }

    /// When a fetch is due.
    fn due_at(&self, now_ms: u64) -> u64 {
        let status = self.status.as_of(now_ms);
        let asked_for = status.failed.saturating_add(RETRY_MS);
        let pause = if self.keys.is_none() && self.waiting(now_ms) {
            status.retry.min(asked_for)
        } else {
            status.retry
        };
        let cooled = if status.forced == 0 { 0 } else { self.times.cool_down_ms };
        let forced = status.forced.saturating_add(cooled);
        // What an earlier policy drew may be later than this one wants.
        let refresh = self
            .times
            .refresh_ms
            .map_or(status.refresh, |own| status.refresh.min(status.fetched.saturating_add(own)));
        let old = if self.keys.is_none() || status.failures > 0 { 0 } else { refresh };
        pause.max(if self.wanted { old.min(forced) } else { old })
    }

    /// When it is worth while to look again.
    pub(super) fn next_look(&self, now_ms: u64) -> u64 {
        if self.stage.is_some() {
            // The call's end looks; its time-out is within the lease.
            return now_ms.saturating_add(LEASE_MS);
        }
        let waiting = self.waiting(now_ms);
        let status = self.status.as_of(now_ms);
        if status.busy(now_ms) {
            let soon = now_ms.saturating_add(MIN_LOOK_MS).min(status.lease);
            return if waiting { URGENT } else { soon };
        }
        let due = self.due_at(now_ms);
        if due <= now_ms {
            let first = self.version == 0;
            return if waiting || first { URGENT } else { now_ms.saturating_add(CROWDED_MS) };
        }
        let lifetime = self.status.refresh.saturating_sub(self.status.fetched);
        let pause = lifetime.checked_div(8).unwrap_or(0).clamp(MIN_LOOK_MS, MAX_LOOK_MS);
        let end = if self.keys.is_some() { self.stale_at() } else { u64::MAX };
        due.min(now_ms.saturating_add(pause)).min(end)
    }

    /// Starts a fetch, if one is due and no other worker is at it. To be called after a look.
    pub(super) fn lead(&mut self, work: &Work<'_>) -> Step {
        let now_ms = work.now_ms;
        if self.stage.is_some() || self.status.busy(now_ms) || now_ms < self.due_at(now_ms) {
            return Step::Idle;
        }
        let (Some(note), Some(stage)) = (self.note.as_ref(), self.first_stage(work)) else {
            return Step::Idle;
        };
        if self.version == 0 {
            // A first write knows no version, so it cannot be told from another first write: write a note without
            // a lease, and take the lease with its version on the next tick. The look may be long ago, as threads go.
            if work.board.read(note).is_none() {
                work.board.write(note, &Status::default().write(), 0);
            }
            return Step::Idle;
        }
        // A lease for an unknown key uses up the pause between those, whatever comes of it: a fetch that failed is
        // tried again all the same.
        let forced = if self.wanted { now_ms } else { self.status.forced };
        let lease = now_ms.saturating_add(LEASE_MS);
        let status = Status { forced, lease, ..self.status };
        if !work.board.write(note, &status.write(), self.version) {
            return Step::Idle;
        }
        (self.status, self.wanted) = (status, false);
        self.start(work, stage)
    }

    /// Discovery is for refreshes; an unknown key is looked for where the keys were, as long as that goes well.
    fn first_stage(&self, work: &Work<'_>) -> Option<Stage> {
        let jwt = work.jwt()?;
        let known = || {
            let (bytes, _) = work.board.read(&keys_note(self.note.as_ref()?))?;
            let uri = std::str::from_utf8(unpack(&bytes)?.0).ok()?;
            Some(Stage::KeySet(uri.to_owned()))
        };
        let status = self.status.as_of(work.now_ms);
        let early = self.keys.is_some() && status.failures == 0 && work.now_ms < status.refresh;
        Some(early.then(known).flatten().unwrap_or_else(|| Stage::first(jwt)))
    }

    fn start(&mut self, work: &Work<'_>, stage: Stage) -> Step {
        match work.jwt().ok_or(Failure::NotStarted).and_then(|jwt| stage.call(jwt)) {
            Ok(call) => {
                self.stage = Some(stage);
                Step::Called(call)
            }
            Err(failure) => self.failed(work, &failure),
        }
    }

    /// The call under way ended.
    pub(super) fn received(&mut self, work: &Work<'_>) -> Step {
        let (Some(stage), Some(jwt)) = (self.stage.take(), work.jwt()) else { return Step::Idle };
        let reply = match stage.reply() {
            Ok(reply) => reply,
            Err(failure) => return self.failed(work, &failure),
        };
        match stage {
            Stage::Discovery(_) => match fetch::discovered(jwt, &reply.body) {
                Ok(next) => self.start(work, next),
                Err(failure) => self.failed(work, &failure),
            },
            Stage::KeySet(uri) => match fetch::key_set(&reply.body) {
                Ok(set) => {
                    for skipped in set.skipped() {
                        work.metrics.event(fetch::skipped_counter(skipped.reason));
                    }
                    self.fetched(work, jwt, &uri, &reply)
                }
                Err(failure) => self.failed(work, &failure),
            },
        }
    }

    fn fetched(&self, work: &Work<'_>, jwt: &JwtIssuer, uri: &str, reply: &fetch::Reply) -> Step {
        let Some(note) = &self.note else { return Step::Idle };
        let (keys_note, packed) = (keys_note(note), pack(uri, &reply.body));
        // The same set again is not written again, so no worker reads it again.
        if work.board.read(&keys_note).is_none_or(|(there, _)| there != packed) {
            work.board.write(&keys_note, &packed, 0);
        }
        let lifetime = jwt.times.lifetime_ms(reply.cache_control.as_deref());
        let after = jwt.times.refresh_after_ms(lifetime, work.draw());
        self.conclude(work.board, |status| status.after_success(work.now_ms, after));
        work.metrics.event("sallyport.jwks_fetches.ok");
        Step::Ended
    }

    fn failed(&self, work: &Work<'_>, failure: &Failure) -> Step {
        let failures =
            self.conclude(work.board, |status| status.after_failure(work.now_ms, work.draw()));
        work.metrics.event("sallyport.jwks_fetches.failed");
        // The first time, and then ever more rarely: many issuers may be down for long.
        if failures.is_power_of_two() {
            let name = work.issuer.name();
            host::log(
                Level::Warn,
                &format!("sallyport: keys of the issuer `{name}` were not fetched: {failure}"),
            );
        }
        Step::Ended
    }

    /// Ends the lease and says how it went; gives the failures since keys came. All workers take it from the board,
    /// this one too.
    fn conclude(&self, board: &Board, how: impl Fn(Status) -> Status) -> u64 {
        let Some(note) = &self.note else { return 0 };
        let current =
            board.read(note).and_then(|(bytes, _)| Status::read(&bytes)).unwrap_or(self.status);
        let status = how(current);
        board.write(note, &status.write(), 0);
        status.failures
    }
}

/// Name of the note with an issuer's status. Whoever reads other keys, or from elsewhere, reads another note. The number
/// is that of the notes' format.
fn note(jwt: &JwtIssuer) -> Option<String> {
    let (KeyLocation::Discovery(url) | KeyLocation::Uri(url)) = &jwt.keys;
    let authority = super::address::Address::parse(url)?.authority;
    let cluster = jwt.cluster_for(authority)?;
    let issuer = match &jwt.keys {
        KeyLocation::Discovery(_) => jwt.rules.issuer.as_str(),
        KeyLocation::Uri(_) => "",
    };
    Some(format!("sallyport/jwks-2/{cluster}/{url}/{issuer}"))
}

/// Name of the note with the keys themselves.
fn keys_note(status_note: &str) -> String {
    format!("{status_note}/keys")
}

/// The address that keys came from, a line feed, and the set as it came.
fn pack(uri: &str, set: &[u8]) -> Vec<u8> {
    [uri.as_bytes(), b"\n", set].concat()
}

fn unpack(note: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = note.iter().position(|byte| *byte == b'\n')?;
    let (uri, rest) = note.split_at_checked(at)?;
    Some((uri, rest.split_first()?.1))
}

#[cfg(test)]
mod tests;
