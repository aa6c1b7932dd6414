//! What is copied of one exchange while it passes, never pausing it. Bodies up to the cap of the rules; the rest is
//! counted. Finished in `on_log`, whatever the exchange came to.

use sallyport_policy::mirror::wire::{Header, Judge};
use sallyport_policy::mirror::{Body, Exchange, MirrorRules};
use sallyport_policy::{Decision, RawRequest};

use std::cell::Cell;
use std::rc::Rc;

use crate::host::{self, Buffer};
use crate::limits::MAX_CAPTURING_BYTES;

/// Bytes that all captures of a worker hold.
pub(crate) type Held = Rc<Cell<usize>>;

/// A capture under way.
#[derive(Default)]
pub(crate) struct Capture {
    exchange: Exchange,
    request_limit: usize,
    response_limit: usize,
    started_us: u64,
    deferred: bool,
    peer: Vec<u8>,
    held: Held,
    mine: usize,
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(self.mine));
    }
}

impl Capture {
    pub(crate) fn start(
        rules: &MirrorRules,
        raw: &RawRequest<'_>,
        peer: Vec<u8>,
        id: String,
        held: Held,
    ) -> Self {
        let headers = owned(raw.headers);
        let request_limit = limit(rules, raw.headers);
        let started_us = host::now_us();
        let mut exchange = Exchange {
            id,
            time_ms: started_us.checked_div(1_000).unwrap_or(0),
            method: raw.method.to_vec(),
            scheme: raw.scheme.to_vec(),
            authority: raw.authority.to_vec(),
            path: raw.path.to_vec(),
            door: "filter",
            ..Exchange::default()
        };
        exchange.request.headers = headers;
        exchange.request.body.wanted = request_limit > 0;
        Self {
            exchange,
            request_limit,
            response_limit: 0,
            started_us,
            deferred: false,
            peer,
            held,
            mine: 0,
        }
    }

    pub(crate) fn decided(&mut self, decision: &Decision) {
        self.exchange.rule = decision.rule.as_deref().map(str::to_owned);
        self.exchange.reason = Some(decision.reason);
        self.exchange.would_deny = decision.would_deny;
        self.exchange.door = decision.door.word();
        self.deferred = decision.deferred;
    }

    pub(crate) fn request_body(&mut self, size: usize) {
        let room = self.room(self.request_limit);
        self.mine = self.mine.saturating_add(copy(
            &mut self.exchange.request.body,
            &self.held,
            Buffer::RequestBody,
            size,
            room,
        ));
    }

    pub(crate) fn response_headers(&mut self, rules: &MirrorRules, headers: &[(&[u8], &[u8])]) {
        let status = headers.iter().find(|(name, _)| *name == b":status").map(|(_, value)| *value);
        let status = status
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|text| text.parse().ok());
        self.exchange.status = status.unwrap_or(0);
        self.response_limit = limit(rules, headers);
        self.exchange.response.headers = owned(headers);
        self.exchange.response.body.wanted = self.response_limit > 0;
    }

    pub(crate) fn response_body(&mut self, size: usize) {
        let room = self.room(self.response_limit);
        self.mine = self.mine.saturating_add(copy(
            &mut self.exchange.response.body,
            &self.held,
            Buffer::ResponseBody,
            size,
            room,
        ));
    }

    /// The limit of a body, or less where all captures together hold as much as they may.
    fn room(&self, limit: usize) -> usize {
        if self.held.get() >= MAX_CAPTURING_BYTES { 0 } else { limit }
    }

    /// The exchange, and what the sidecar is to judge of it.
    pub(crate) fn finish(mut self) -> (Exchange, Option<Judge>) {
        self.exchange.duration_us = host::now_us().saturating_sub(self.started_us);
        let (exchange, peer) = (std::mem::take(&mut self.exchange), std::mem::take(&mut self.peer));
        let judge = self.deferred.then(|| Judge {
            id: exchange.id.clone(),
            method: exchange.method.clone(),
            scheme: exchange.scheme.clone(),
            authority: exchange.authority.clone(),
            path: exchange.path.clone(),
            headers: exchange
                .request
                .headers
                .iter()
                .map(|(name, value)| Header { name: name.clone(), value: value.clone() })
                .collect(),
            peer,
        });
        (exchange, judge)
    }
}

fn limit(rules: &MirrorRules, headers: &[(&[u8], &[u8])]) -> usize {
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"content-type"));
    kind.map_or(0, |(_, value)| rules.body_bytes(value))
}

fn owned(headers: &[(&[u8], &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers
        .iter()
        .filter(|(name, _)| !name.starts_with(b":"))
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

/// Gives the number of bytes copied.
fn copy(body: &mut Body, held: &Held, buffer: Buffer, size: usize, limit: usize) -> usize {
    body.total = body.total.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
    let room = limit.saturating_sub(body.bytes.len()).min(size);
    if room == 0 {
        return 0;
    }
    let Some(bytes) = host::buffer(buffer, room) else { return 0 };
    held.set(held.get().saturating_add(bytes.len()));
    body.bytes.extend_from_slice(&bytes);
    bytes.len()
}
