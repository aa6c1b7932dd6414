//! Records on their way to the exporter: a queue bounded in entries and bytes, and a memory of the ids that were taken.
//! What does not fit is refused at once; nobody ever waits to put something in.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::{DEDUP_IDS, EXPORT_BATCH_ENTRIES, QUEUE_BYTES, QUEUE_ENTRIES};
use crate::metrics::Metrics;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Taken,
    /// A record of this id was taken before.
    Duplicate,
    Full,
}

/// The ids seen last.
#[derive(Default)]
pub(crate) struct SeenIds {
    order: VecDeque<Arc<str>>,
    ids: HashSet<Arc<str>>,
}

impl SeenIds {
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Whether it is new; it is seen from now on.
    pub(crate) fn insert(&mut self, id: &str) -> bool {
        let id: Arc<str> = id.into();
        if !self.ids.insert(Arc::clone(&id)) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > DEDUP_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

/// The queue.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Inner {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Taken out and not yet written.
    in_flight: usize,
    seen: SeenIds,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self { inner: Mutex::default(), filled: Notify::new(), metrics }
    }

    /// Puts a line in. One lock over the look-up and the insertion: of two equal records at once one is taken.
    pub(crate) fn put(&self, id: &str, line: Vec<u8>) -> Put {
        let mut inner = self.lock();
        if inner.seen.contains(id) {
            return Put::Duplicate;
        }
        let bytes = inner.bytes.saturating_add(line.len());
        if inner.closed || inner.lines.len() >= QUEUE_ENTRIES || bytes > QUEUE_BYTES {
            return Put::Full;
        }
        inner.seen.insert(id);
        inner.bytes = bytes;
        inner.lines.push_back(line);
        self.gauge(&inner);
        drop(inner);
        self.filled.notify_one();
        Put::Taken
    }

    /// The next lines; none: closed and empty. For one exporter, which says [`Queue::done`] before it asks again.
    pub(crate) async fn take(&self) -> Option<Vec<Vec<u8>>> {
        loop {
            let filled = self.filled.notified();
            {
                let mut inner = self.lock();
                let count = inner.lines.len().min(EXPORT_BATCH_ENTRIES);
                let lines: Vec<_> = inner.lines.drain(..count).collect();
                if !lines.is_empty() {
                    let bytes = lines.iter().map(Vec::len).sum();
                    inner.bytes = inner.bytes.saturating_sub(bytes);
                    inner.in_flight = lines.len();
                    return Some(lines);
                }
                if inner.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// What was taken is written, or dropped.
    pub(crate) fn done(&self) {
        let mut inner = self.lock();
        inner.in_flight = 0;
        self.gauge(&inner);
    }

    /// Takes nothing more in; the exporter ends when it is empty.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn gauge(&self, inner: &Inner) {
        let count = inner.lines.len().saturating_add(inner.in_flight);
        self.metrics.mirror_queued.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Put, Queue, SeenIds};
    use crate::limits::{DEDUP_IDS, QUEUE_BYTES, QUEUE_ENTRIES};
    use crate::metrics::Metrics;

    fn queue() -> Queue {
        Queue::new(Arc::new(Metrics::default()))
    }

    #[tokio::test]
    async fn what_is_taken_comes_out_once_and_in_order() {
        let queue = queue();
        assert_eq!(queue.put("a", b"1".to_vec()), Put::Taken);
        assert_eq!(queue.put("b", b"2".to_vec()), Put::Taken);
        assert_eq!(queue.put("a", b"1".to_vec()), Put::Duplicate);
        assert_eq!(queue.take().await, Some(vec![b"1".to_vec(), b"2".to_vec()]));
        assert_eq!(queue.metrics.mirror_queued.get(), 2, "in flight is queued");
        queue.done();
        assert_eq!(queue.metrics.mirror_queued.get(), 0);
        assert_eq!(queue.put("b", b"2".to_vec()), Put::Duplicate);
        queue.close();
        assert_eq!(queue.put("c", b"3".to_vec()), Put::Full);
        assert_eq!(queue.take().await, None);
    }

    #[test]
    fn full_in_entries_and_in_bytes() {
        let entries = queue();
        for id in 0..QUEUE_ENTRIES {
            assert_eq!(entries.put(&id.to_string(), Vec::new()), Put::Taken);
        }
        assert_eq!(entries.put("x", Vec::new()), Put::Full);
        let bytes = queue();
        assert_eq!(bytes.put("x", vec![0; QUEUE_BYTES + 1]), Put::Full);
        assert_eq!(bytes.put("x", vec![0; QUEUE_BYTES]), Put::Taken, "a refusal is not remembered");
        assert_eq!(bytes.put("y", vec![0]), Put::Full);
    }

    #[test]
    fn the_oldest_id_is_forgotten() {
        let mut seen = SeenIds::default();
        for id in 0..DEDUP_IDS {
            assert!(seen.insert(&id.to_string()));
        }
        assert!(!seen.insert("0"));
        assert!(seen.insert("new"));
        assert!(!seen.contains("0"));
        assert!(seen.contains("1"));
    }
}
