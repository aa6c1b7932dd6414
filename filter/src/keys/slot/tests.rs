//! One worker's view of the board, while other workers write there; no call is ever started.

use sallyport_policy::{Document, Format, Policy};

use super::*;

const NOW: u64 = 1_700_000_000_000;
const A: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const B: &str = r#"{"kty":"EC","crv":"P-256","kid":"b","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// A slot with a board, on which other workers may be at work.
struct Bench {
    board: Board,
    slot: Slot,
}

impl Bench {
    fn new() -> Self {
        let policy = r#"{"version":1,"service":"s","issuers":{"i":{"issuer":"https://idp","jwks":
            {"uri":"https://idp/keys","cluster":"c","refresh":"8s","max_stale":"60s","cool_down":"5s"}}},
            "routes":[{"name":"r","match":{"path":"/"},"authenticate":[{"jwt":"i"}]}]}"#;
        let document = Document::parse(policy.as_bytes(), Format::Json).unwrap();
        let (policy, _) = Policy::compile_filter_copy(&document).unwrap();
        Self { board: Board::new(false), slot: Slot::new(&policy.issuers()[0]) }
    }

    fn note(&self) -> String {
        self.slot.note.clone().unwrap()
    }

    fn status(&self, status: Status) {
        self.board.write(&self.note(), &status.write(), 0);
    }

    /// Another worker fetched this set.
    fn fetched(&self, now_ms: u64, keys: &[&str]) {
        let set = format!("{{\"keys\":[{}]}}", keys.join(","));
        let packed = pack("https://idp/keys", set.as_bytes());
        self.board.write(&keys_note(&self.note()), &packed, 0);
        self.status(Status::default().after_success(now_ms, 7_000));
    }

    fn look(&mut self, now_ms: u64) -> bool {
        self.slot.look(&self.board, now_ms)
    }

    fn kids(&self) -> Vec<&str> {
        let keys = self.slot.keys().map(|keys| keys.keys()).unwrap_or_default();
        keys.iter().filter_map(|key| key.kid()).collect()
    }
}

#[test]
fn keys_are_taken_from_the_board_and_only_a_real_change_is_one() {
    let mut bench = Bench::new();
    assert!(!bench.look(NOW) && bench.slot.keys().is_none());
    bench.fetched(NOW, &[A, B]);
    assert!(!bench.look(NOW), "the first keys make nothing void");
    assert_eq!(bench.kids(), ["a", "b"]);
    bench.fetched(NOW + 1, &[B, A]);
    assert!(!bench.look(NOW + 1), "another order");
    bench.fetched(NOW + 2, &[B]);
    assert!(bench.look(NOW + 2));
    assert_eq!(bench.kids(), ["b"]);
    bench.board.write(&keys_note(&bench.note()), b"no address", 0);
    bench.status(Status::default().after_success(NOW + 3, 7_000));
    assert!(!bench.look(NOW + 3));
    assert_eq!(bench.kids(), ["b"], "what cannot be read changes nothing");
}

#[test]
fn keys_stay_while_the_provider_is_down_and_not_for_ever() {
    let mut bench = Bench::new();
    bench.fetched(NOW, &[A]);
    bench.look(NOW);
    let down = bench.slot.status.after_failure(NOW + 59_000, 0);
    bench.status(down);
    assert!(!bench.look(NOW + 59_999));
    assert_eq!(bench.kids(), ["a"]);
    assert!(bench.slot.next_look(NOW + 59_999) <= NOW + 60_000, "their end is not missed");
    assert!(bench.look(NOW + 60_000), "what they verified is void");
    assert!(bench.slot.keys().is_none());
    assert!(!bench.look(NOW + 60_001));
    // The same set again: its note has not changed, and it is taken all the same.
    bench.status(down.after_success(NOW + 61_000, 7_000));
    assert!(!bench.look(NOW + 61_000));
    assert_eq!(bench.kids(), ["a"]);
}

#[test]
fn whoever_is_idle_looks_rarely_and_whoever_waits_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.slot.next_look(NOW), URGENT, "the note is to be made");
    bench.fetched(NOW, &[A]);
    bench.look(NOW);
    assert_eq!(bench.slot.next_look(NOW), NOW + 1_000);
    assert_eq!(bench.slot.next_look(NOW + 6_500), NOW + 7_000, "the refresh that was drawn");
    assert_eq!(bench.slot.next_look(NOW + 7_000), NOW + 7_000 + CROWDED_MS);
    bench.status(Status { lease: NOW + 11_000, ..bench.slot.status });
    bench.look(NOW + 7_000);
    assert_eq!(bench.slot.next_look(NOW + 7_000), NOW + 8_000, "another worker is at it");
    assert!(bench.slot.wait(true, NOW + 7_000, 1));
    assert_eq!(bench.slot.next_look(NOW + 7_000), URGENT);
    bench.fetched(NOW + 7_100, &[A]);
    bench.look(NOW + 7_100);
    assert!(!bench.slot.waiting(NOW + 7_100), "an outcome ends the wait");
}

#[test]
fn one_fetch_for_unknown_keys_in_a_cool_down() {
    let mut bench = Bench::new();
    bench.fetched(NOW, &[A]);
    bench.look(NOW);
    assert!(!bench.slot.settled(NOW + 1));
    assert!(bench.slot.wait(true, NOW + 1, 1));
    assert!(bench.slot.due_at(NOW + 1) <= NOW + 1, "the first unknown key is looked for at once");
    // Another worker was faster: its fetch answers for this one too.
    let forced = Status { forced: NOW + 1, ..bench.slot.status };
    bench.status(forced.after_success(NOW + 50, 7_000));
    bench.look(NOW + 60);
    assert!(bench.slot.settled(NOW + 60) && bench.slot.due_at(NOW + 60) > NOW + 5_000);
    assert!(!bench.slot.settled(NOW + 5_001));
    // One that failed counts too; it is tried again at its own pace.
    bench.status(Status { forced: NOW + 5_001, ..forced }.after_failure(NOW + 5_100, 0));
    bench.look(NOW + 5_100);
    assert!(bench.slot.settled(NOW + 5_200));
    assert_eq!(bench.slot.due_at(NOW + 5_200), NOW + 6_100);
}

#[test]
fn without_keys_a_waiting_request_shortens_the_pause_to_a_second() {
    let mut bench = Bench::new();
    let down = (0..6).fold(Status::default(), |status, _| status.after_failure(NOW, 0));
    bench.status(down);
    bench.look(NOW);
    assert_eq!(bench.slot.due_at(NOW), NOW + 30_000);
    assert!(bench.slot.next_look(NOW) <= NOW + 30_000);
    assert!(bench.slot.wait(false, NOW, 1));
    assert_eq!(bench.slot.due_at(NOW), NOW + 1_000);
    assert_eq!(bench.slot.next_look(NOW), NOW + 1_000, "and until then nobody looks");
}

#[test]
fn only_so_many_requests_of_one_issuer_wait() {
    let mut bench = Bench::new();
    let waits =
        |bench: &mut Bench, now_ms| (0..9).filter(|_| bench.slot.wait(false, now_ms, 4)).count();
    assert_eq!(waits(&mut bench, NOW), 4);
    assert_eq!(waits(&mut bench, NOW + KEY_WAIT_MS - 1), 0);
    assert_eq!(waits(&mut bench, NOW + KEY_WAIT_MS), 4);
}

#[test]
fn a_note_of_keys_is_an_address_and_a_set() {
    assert_eq!(unpack(&pack("u", b"{\n}")), Some((&b"u"[..], &b"{\n}"[..])));
    assert_eq!(unpack(b"no line"), None);
}
