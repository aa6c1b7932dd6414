//! A slot over paused time. No fetch of these tests gets anywhere: what it would bring is settled by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sallyport_jwt::KeySet;
use sallyport_policy::{KeyLocation, KeyState, KeyTimes};
use tokio::time::{Instant, advance};

use super::{KeyPlace, KeySlot, pause};
use crate::fetch::{self, FetchError};
use crate::key_fetch::{FetchedKeys, KeyFetcher};
use crate::tokens::Epoch;

/// A set of one key: that of RFC 7515 appendix A.3.
const RFC_7515_A_3: &[u8] = br#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

const TIMES: KeyTimes =
    KeyTimes { refresh_ms: None, max_stale_ms: 3_600_000, cool_down_ms: 30_000 };
const MINUTES: u64 = 60;

fn slot(times: KeyTimes) -> Arc<KeySlot> {
    let place = KeyPlace {
        name: "main".into(),
        issuer: "http://127.0.0.1:1".to_owned(),
        location: KeyLocation::Uri("http://127.0.0.1:1/jwks".to_owned()),
    };
    let fetcher = KeyFetcher {
        client: fetch::client().unwrap(),
        metrics: Arc::default(),
        epoch: Epoch::default(),
        ended: Arc::default(),
    };
    KeySlot::new(place, times, fetcher)
}

/// What is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn keys(cache_control: Option<&str>) -> Result<FetchedKeys, FetchError> {
    Ok(FetchedKeys {
        set: KeySet::parse(RFC_7515_A_3).unwrap(),
        cache_control: cache_control.map(|text| text.as_bytes().to_vec()),
        skipped: String::new(),
    })
}

fn word(slot: &KeySlot) -> &'static str {
    match slot.current() {
        KeyState::Ready(_) => "ready",
        KeyState::Pending => "pending",
        KeyState::Unavailable => "unavailable",
    }
}

/// Name, age of the keys in seconds (none: there are none), whether a fetch just failed, state.
type Case = (&'static str, Option<u64>, bool, &'static str);
const CASES: &[Case] = &[
    ("nothing yet", None, false, "pending"),
    ("nothing, failed", None, true, "unavailable"),
    ("new", Some(0), false, "ready"),
    ("fresh", Some(10 * MINUTES - 1), false, "ready"),
    ("fresh, failed", Some(10 * MINUTES - 1), true, "ready"),
    ("old", Some(10 * MINUTES), false, "pending"),
    ("old, failed", Some(10 * MINUTES), true, "ready"),
    ("almost too old, failed", Some(60 * MINUTES - 1), true, "ready"),
    ("too old", Some(60 * MINUTES), false, "pending"),
    ("too old, failed", Some(60 * MINUTES), true, "unavailable"),
];

#[tokio::test(start_paused = true)]
async fn what_there_is_depends_on_age_and_failure() {
    for (name, age, failed, expected) in CASES {
        let slot = slot(TIMES);
        if let Some(age) = age {
            slot.settle(keys(None));
            advance(Duration::from_secs(*age)).await;
        }
        if *failed {
            slot.settle(Err(FetchError::Connect));
        }
        assert_eq!(word(&slot), *expected, "{name}");
    }
}

/// Name, refresh, Cache-Control, bounds of the seconds until the next fetch.
type Ahead = (&'static str, Option<u64>, Option<&'static str>, u64, u64);
const AHEAD: &[Ahead] = &[
    ("ten minutes", None, None, 450, 540),
    ("the provider's word", None, Some("max-age=1200"), 900, 1080),
    ("not less than a minute", None, Some("no-store"), 45, 54),
    ("not more than an hour", None, Some("max-age=100000"), 2700, 3240),
    ("the policy's word", Some(100_000), Some("max-age=1200"), 75, 90),
];

#[tokio::test(start_paused = true)]
async fn keys_are_due_before_they_are_old() {
    for (name, refresh_ms, cache_control, from, to) in AHEAD {
        let slot = slot(KeyTimes { refresh_ms: *refresh_ms, ..TIMES });
        let start = Instant::now();
        assert!(slot.look(start).fetch.is_some_and(|at| at <= start), "{name}: at once");
        slot.settle(keys(*cache_control));
        let due = slot.look(start).fetch.unwrap().duration_since(start);
        let bounds = Duration::from_secs(*from)..=Duration::from_secs(*to);
        assert!(bounds.contains(&due), "{name}: {due:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_end_with_a_success() {
    let slot = slot(TIMES);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        slot.settle(Err(FetchError::Timeout));
        let (now, seconds) = (Instant::now(), Duration::from_secs(seconds));
        assert_eq!(slot.look(now).fetch, now.checked_add(seconds));
        assert_eq!(word(&slot), "unavailable");
        advance(seconds).await;
        assert_eq!(word(&slot), "pending");
    }
    slot.settle(keys(None));
    assert_eq!(word(&slot), "ready");
    slot.settle(Err(FetchError::Timeout));
    let now = Instant::now();
    assert!(slot.look(now).fetch.unwrap() > now.checked_add(Duration::from_secs(400)).unwrap());
    assert_eq!(pause(u32::MAX), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_too_old_are_forgotten_once() {
    let slot = slot(TIMES);
    slot.settle(keys(None));
    slot.settle(keys(None));
    assert_eq!(slot.fetcher.epoch.current(), 0, "the same keys");
    advance(Duration::from_secs(60 * MINUTES - 1)).await;
    slot.settle(Err(FetchError::Timeout));
    assert!(slot.look(Instant::now()).stale.is_some());
    advance(Duration::from_secs(1)).await;
    for _ in 0..2 {
        assert!(slot.look(Instant::now()).stale.is_none());
        assert_eq!(slot.fetcher.epoch.current(), 1);
    }
    slot.settle(keys(None));
    assert_eq!(slot.fetcher.epoch.current(), 1, "nothing is remembered of no keys");
}

#[tokio::test(start_paused = true)]
async fn other_times_keep_keys_and_cool_down() {
    let slot = slot(TIMES);
    slot.settle(keys(None));
    slot.state().cool_until = Instant::now().checked_add(Duration::from_secs(30));
    let other = slot.with_times(KeyTimes { max_stale_ms: 700_000, ..TIMES });
    assert_eq!(word(&other), "ready");
    let now = Instant::now();
    assert_eq!(other.look(now).fetch, Some(now), "how long they live is asked anew");
    assert!(other.state().cool_until.is_some());
    advance(Duration::from_millis(700_000)).await;
    assert!(other.look(Instant::now()).stale.is_none());
    assert!(slot.look(Instant::now()).stale.is_some(), "the policy before has its own times");
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_left_out_are_logged_when_that_changes() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let slot = slot(TIMES);
    tracing::subscriber::with_default(subscriber, || {
        for skipped in ["1 use_not_signature", "1 use_not_signature", "", "1 use_not_signature"] {
            let fetched =
                keys(None).map(|keys| FetchedKeys { skipped: skipped.to_owned(), ..keys });
            slot.settle(fetched);
        }
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("not used").count(), 3, "{text}");
    assert_eq!(text.matches("1 use_not_signature").count(), 2, "{text}");
    assert_eq!(text.matches("keys changed").count(), 1, "{text}");
}
