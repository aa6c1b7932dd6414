//! Verdicts of the sidecar that still stand, by everything that they may rest on, compared byte by byte. Not used
//! without recent contact to the sidecar: revocations travel by its generation.

use hashbrown::HashMap;
use sallyport_policy::{Inputs, RawRequest, Verdict};

use crate::limits::{CONTACT_MS, MAX_VERDICT_KEY_BYTES, VERDICT_CACHE_BYTES};

/// Remembered verdicts of one worker.
#[derive(Default)]
pub(crate) struct Verdicts {
    entries: HashMap<Box<[u8]>, Entry>,
    bytes: usize,
    max_entries: usize,
    generation: u64,
    contact_ms: u64,
}

struct Entry {
    verdict: Verdict,
    until_ms: u64,
}

impl Verdicts {
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { max_entries, ..Self::default() }
    }

    /// Whether contact with the sidecar is worth keeping up.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A verdict on exactly this request, if it still stands.
    pub(crate) fn recall(&self, key: &[u8], now_ms: u64) -> Option<Verdict> {
        if now_ms > self.contact_ms.saturating_add(CONTACT_MS) {
            return None;
        }
        let entry = self.entries.get(key)?;
        (now_ms < entry.until_ms).then(|| Verdict { cached: true, ..entry.verdict.clone() })
    }

    /// Keeps a verdict.
    pub(crate) fn remember(
        &mut self,
        key: Vec<u8>,
        verdict: &Verdict,
        ttl_seconds: u64,
        now_ms: u64,
    ) {
        if self.max_entries == 0 || ttl_seconds == 0 || key.len() > MAX_VERDICT_KEY_BYTES {
            return;
        }
        let full = self.entries.len() >= self.max_entries
            || self.bytes.saturating_add(key.len()) > VERDICT_CACHE_BYTES;
        if full {
            self.make_room(now_ms);
        }
        self.bytes = self.bytes.saturating_add(key.len());
        let until_ms = now_ms.saturating_add(ttl_seconds.saturating_mul(1000));
        let key_bytes = key.len();
        if self
            .entries
            .insert(key.into_boxed_slice(), Entry { verdict: verdict.clone(), until_ms })
            .is_some()
        {
            self.bytes = self.bytes.saturating_sub(key_bytes);
        }
    }

    /// The sidecar was heard of: `asked_ms` is when it was asked, and what it said cannot be newer than that. A new
    /// generation ends all verdicts given before; an older one is an answer that came late. False: it came late.
    pub(crate) fn heard(&mut self, generation: u64, asked_ms: u64) -> bool {
        if generation < self.generation {
            return false;
        }
        self.contact_ms = self.contact_ms.max(asked_ms);
        if generation > self.generation {
            self.generation = generation;
            self.forget();
        }
        true
    }

    /// The clock went backwards: no time noted before means anything.
    pub(crate) fn clock_stepped(&mut self) {
        self.contact_ms = 0;
        self.forget();
    }

    /// Those that are over go; if that is not enough, all go: simple, bounded, and rare with short times.
    fn make_room(&mut self, now_ms: u64) {
        self.entries.retain(|_, entry| now_ms < entry.until_ms);
        self.bytes = self.entries.keys().map(|key| key.len()).sum();
        if self.entries.len() >= self.max_entries || self.bytes > VERDICT_CACHE_BYTES / 2 {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }
}

/// Everything that a decision may have read, each part with its length, an absent credential told from an empty one:
/// the parts that every decision reads, and what its route reads besides.
/// `certificate`: what of it is told to the sidecar.
pub(crate) fn key(
    raw: &RawRequest<'_>,
    inputs: Option<&Inputs>,
    certificate: &[(String, String)],
) -> Vec<u8> {
    let mut key = Vec::with_capacity(256);
    let mut part = |bytes: &[u8]| {
        key.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        key.extend_from_slice(bytes);
    };
    for bytes in [raw.scheme, raw.authority, raw.method, raw.path, raw.peer] {
        part(bytes);
    }
    for (name, value) in certificate {
        part(name.as_bytes());
        part(value.as_bytes());
    }
    let more = inputs.map(Inputs::headers).unwrap_or_default();
    for wanted in ["authorization"].into_iter().chain(more.iter().map(|name| &**name)) {
        for (name, value) in raw.headers {
            if name.eq_ignore_ascii_case(wanted.as_bytes()) {
                part(wanted.as_bytes());
                part(value);
            }
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{Inputs, RawRequest, Reason, Verdict, VerdictHeaders};

    use super::Verdicts;

    fn verdict() -> Verdict {
        Verdict {
            outcome: Ok(VerdictHeaders::default()),
            reason: Reason::Allowed,
            would_deny: None,
            cached: false,
        }
    }

    fn raw<'a>(path: &'a [u8], headers: &'a [(&'a [u8], &'a [u8])]) -> RawRequest<'a> {
        RawRequest {
            method: b"GET",
            scheme: b"http",
            authority: b"a",
            path,
            headers,
            peer: b"127.0.0.1",
        }
    }

    #[test]
    fn keys_differ_where_requests_do() {
        let inputs = Inputs::of_headers(["x-plan"]);
        let key = |raw: &RawRequest<'_>| super::key(raw, Some(&inputs), &[]);
        let none = key(&raw(b"/", &[]));
        let empty = key(&raw(b"/", &[(b"authorization", b"")]));
        let token = key(&raw(b"/", &[(b"Authorization", b"Bearer a")]));
        let other = key(&raw(b"/b", &[(b"authorization", b"Bearer a")]));
        let read = key(&raw(b"/", &[(b"X-Plan", b"gold")]));
        let read_empty = key(&raw(b"/", &[(b"x-plan", b"")]));
        assert_eq!(none, key(&raw(b"/", &[(b"x-other", b"gold")])));
        assert_eq!(none, super::key(&raw(b"/", &[(b"x-plan", b"gold")]), None, &[]));
        let all = [none, empty, token, other, read, read_empty];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(i == j, a == b);
            }
        }
    }

    #[test]
    fn a_verdict_stands_for_its_time_with_contact_and_in_its_generation() {
        let mut verdicts = Verdicts::new(10);
        verdicts.heard(1, 1_000);
        verdicts.remember(b"k".to_vec(), &verdict(), 10, 1_000);
        assert!(verdicts.recall(b"k", 1_500).unwrap().cached);
        assert!(verdicts.recall(b"other", 1_500).is_none());
        assert!(verdicts.recall(b"k", 3_001).is_none(), "no contact for more than two seconds");
        verdicts.heard(1, 10_900);
        assert!(verdicts.recall(b"k", 10_999).is_some());
        assert!(verdicts.recall(b"k", 11_000).is_none(), "over");
        verdicts.remember(b"k".to_vec(), &verdict(), 10, 11_000);
        assert!(!verdicts.heard(0, 11_050), "an answer that came late");
        assert!(verdicts.recall(b"k", 11_050).is_some());
        assert!(verdicts.heard(2, 11_100));
        assert!(verdicts.recall(b"k", 11_200).is_none(), "a new generation");
    }

    #[test]
    fn it_is_bounded() {
        let mut verdicts = Verdicts::new(10);
        verdicts.heard(1, 0);
        for n in 0..1000_u32 {
            verdicts.remember(n.to_le_bytes().to_vec(), &verdict(), 10, 0);
            assert!(verdicts.entries.len() <= 10);
        }
        assert!(verdicts.bytes <= 40);
    }
}
