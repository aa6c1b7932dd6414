//! Records on their way to the collector: bounded in entries and bytes, in flight included, retried, and every one
//! counted: captured = exported + dropped + queued, at any moment.

use std::collections::VecDeque;

use hashbrown::HashMap;
use sallyport_policy::mirror::Redacted;
use sallyport_policy::mirror::wire::{Batch, Judge, Record};

use crate::limits::{
    MAX_BATCH_BYTES, MAX_BATCH_RECORDS, MAX_PUSH_TRIES, MAX_PUSHES, MAX_QUEUED_BYTES,
    MAX_QUEUED_RECORDS, RETRY_MS,
};

/// One record with what the sidecar may judge of it.
struct Item {
    record: Record,
    judge: Option<Judge>,
    tries: u8,
    bytes: usize,
}

/// What became of records, to be counted by the caller.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) exported: u64,
    pub(crate) dropped_full: u64,
    pub(crate) dropped_unsent: u64,
}

/// The queue of one worker.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Item>,
    in_flight: HashMap<u32, Vec<Item>>,
    entries: usize,
    bytes: usize,
    retry_at_ms: u64,
}

impl Queue {
    /// Records held, in flight included.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Takes a record, or drops it where there is no room.
    pub(crate) fn push(&mut self, record: Redacted, judge: Option<Judge>) -> Tally {
        let judge_bytes = judge.as_ref().map_or(0, prost::Message::encoded_len);
        let bytes = record.line().len().saturating_add(judge_bytes).saturating_add(64);
        if self.entries >= MAX_QUEUED_RECORDS || self.bytes.saturating_add(bytes) > MAX_QUEUED_BYTES
        {
            return Tally { dropped_full: 1, ..Tally::default() };
        }
        self.entries = self.entries.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        let record = Record { id: record.id().to_owned(), line: record.into_line() };
        self.waiting.push_back(Item { record, judge, tries: 0, bytes });
        Tally::default()
    }

    /// A batch that may be sent now. `send` gives the call's token, or none where it could not start.
    pub(crate) fn flush(
        &mut self,
        digest: &str,
        now_ms: u64,
        mut send: impl FnMut(&Batch) -> Option<u32>,
    ) -> Tally {
        let mut tally = Tally::default();
        while !self.waiting.is_empty()
            && self.in_flight.len() < MAX_PUSHES
            && now_ms >= self.retry_at_ms
        {
            let items = self.take_batch();
            let batch = Batch {
                records: items.iter().map(|item| item.record.clone()).collect(),
                judge: items.iter().filter_map(|item| item.judge.clone()).collect(),
                policy_digest: digest.to_owned(),
            };
            match send(&batch) {
                Some(token) => {
                    self.in_flight.insert(token, items);
                }
                None => {
                    tally.dropped_unsent =
                        tally.dropped_unsent.saturating_add(self.put_back(items, now_ms))
                }
            }
        }
        tally
    }

    /// A call ended. None: it was not one of ours.
    pub(crate) fn answered(&mut self, token: u32, accepted: bool, now_ms: u64) -> Option<Tally> {
        let items = self.in_flight.remove(&token)?;
        if !accepted {
            return Some(Tally {
                dropped_unsent: self.put_back(items, now_ms),
                ..Tally::default()
            });
        }
        let exported = items.len();
        items.into_iter().for_each(|item| self.release(&item));
        Some(Tally { exported: u64::try_from(exported).unwrap_or(u64::MAX), ..Tally::default() })
    }

    /// The clock went backwards: no time noted before means anything.
    pub(crate) fn clock_stepped(&mut self) {
        self.retry_at_ms = 0;
    }

    /// This configuration ends. Gives how many records it leaves behind.
    pub(crate) fn abandon(&mut self) -> usize {
        self.waiting.clear();
        self.in_flight.clear();
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    fn take_batch(&mut self) -> Vec<Item> {
        let mut bytes = 0_usize;
        let mut items = Vec::new();
        while let Some(next) = self.waiting.front() {
            bytes = bytes.saturating_add(next.bytes);
            if !items.is_empty() && (items.len() >= MAX_BATCH_RECORDS || bytes > MAX_BATCH_BYTES) {
                break;
            }
            items.extend(self.waiting.pop_front());
        }
        items
    }

    /// Unsent records go to the front again, in their order; those tried too often are dropped. Gives how many.
    fn put_back(&mut self, items: Vec<Item>, now_ms: u64) -> u64 {
        self.retry_at_ms = now_ms.saturating_add(RETRY_MS);
        let mut dropped = 0_u64;
        for mut item in items.into_iter().rev() {
            item.tries = item.tries.saturating_add(1);
            if item.tries >= MAX_PUSH_TRIES {
                self.release(&item);
                dropped = dropped.saturating_add(1);
            } else {
                self.waiting.push_front(item);
            }
        }
        dropped
    }

    fn release(&mut self, item: &Item) {
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(item.bytes);
    }
}

#[cfg(test)]
mod tests {
    use sallyport_policy::mirror::{Exchange, Redacted};
    use sallyport_policy::{Document, Format, Policy};

    use super::{MAX_PUSH_TRIES, MAX_QUEUED_RECORDS, Queue, Tally};

    fn record(id: &str) -> Redacted {
        let text = br#"{"version":1,"mirror":{"sink":{"sidecar":{}}}}"#;
        let document = Document::parse(text, Format::Json).unwrap();
        let (policy, _) = Policy::compile_filter_copy(&document).unwrap();
        let exchange = Exchange { id: id.to_owned(), ..Exchange::default() };
        policy.mirror().unwrap().redact(exchange, "s", None)
    }

    #[test]
    fn every_record_is_exported_dropped_or_queued() {
        let mut queue = Queue::default();
        let mut sum = Tally::default();
        let mut add = |tally: Tally| {
            sum.exported += tally.exported;
            sum.dropped_full += tally.dropped_full;
            sum.dropped_unsent += tally.dropped_unsent;
        };
        let captured = MAX_QUEUED_RECORDS + 10;
        for n in 0..captured {
            add(queue.push(record(&n.to_string()), None));
        }
        let mut next = 0;
        let mut now = 0;
        let mut rounds = 0;
        while queue.len() > 0 {
            let mut sent = Vec::new();
            add(queue.flush("d", now, |_| {
                next += 1;
                sent.push(next);
                (next % 5 != 0).then_some(next)
            }));
            for token in sent.into_iter().filter(|token| token % 5 != 0) {
                add(queue.answered(token, token % 2 == 0, now).unwrap());
            }
            now += 1_000;
            rounds += 1;
            assert!(rounds < 10_000);
        }
        assert_eq!(sum.dropped_full, 10);
        assert_eq!(
            sum.exported + sum.dropped_full + sum.dropped_unsent,
            u64::try_from(captured).unwrap()
        );
        assert!(sum.exported > 0);
    }

    #[test]
    fn a_dead_sink_drops_in_the_end_and_counts() {
        let mut queue = Queue::default();
        queue.push(record("a"), None);
        let mut dropped = 0;
        for round in 0..u64::from(MAX_PUSH_TRIES) + 5 {
            dropped += queue.flush("d", round * 1_000, |_| None).dropped_unsent;
        }
        assert_eq!((dropped, queue.len()), (1, 0));
    }
}
