//! When each issuer is looked at next: what a tick costs follows from how many are due, not from how many there are.
//! A heap with leftovers: an entry counts only while it is the issuer's newest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A time before all others: whoever has it is first in the next tick.
pub(super) const URGENT: u64 = 0;

/// Next times by index.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Time, turn, index: of equal times, who came first.
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// The turn that counts; none: not scheduled.
    newest: Vec<Option<(u64, u64)>>,
    turn: u64,
}

impl Schedule {
    /// For so many issuers, none of them scheduled.
    pub(super) fn new(count: usize) -> Self {
        Self { newest: vec![None; count], ..Self::default() }
    }

    /// Schedules anew, in place of what was before.
    pub(super) fn set(&mut self, index: usize, when_ms: u64) {
        let Some(newest) = self.newest.get_mut(index) else { return };
        if newest.is_some_and(|(planned, _)| planned == when_ms) {
            return;
        }
        *newest = Some((when_ms, self.turn));
        self.heap.push(Reverse((when_ms, self.turn, index)));
        self.turn = self.turn.wrapping_add(1);
    }

    /// The next that is due. It is not scheduled any more then.
    pub(super) fn pop(&mut self, now_ms: u64) -> Option<usize> {
        while self.heap.peek().is_some_and(|Reverse((when, _, _))| *when <= now_ms) {
            let Reverse((when, turn, index)) = self.heap.pop()?;
            if let Some(newest) = self.newest.get_mut(index)
                && *newest == Some((when, turn))
            {
                *newest = None;
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Schedule, URGENT};

    const NONE: [usize; 0] = [];

    fn due(schedule: &mut Schedule, now_ms: u64) -> Vec<usize> {
        std::iter::from_fn(|| schedule.pop(now_ms)).collect()
    }

    #[test]
    fn due_in_order_of_time_and_then_of_turn() {
        let mut schedule = Schedule::new(4);
        for (index, when) in [(0, 30), (1, 10), (2, 10), (3, 99)] {
            schedule.set(index, when);
        }
        assert_eq!(due(&mut schedule, 9), NONE);
        assert_eq!(due(&mut schedule, 30), [1, 2, 0]);
        assert_eq!(due(&mut schedule, 30), NONE);
        schedule.set(9, 0);
        assert_eq!(due(&mut schedule, 99), [3]);
    }

    #[test]
    fn the_newest_time_counts() {
        let mut schedule = Schedule::new(2);
        schedule.set(0, 50);
        schedule.set(1, 40);
        schedule.set(0, URGENT);
        schedule.set(0, URGENT);
        assert_eq!(due(&mut schedule, 45), [0, 1]);
        schedule.set(1, 10);
        schedule.set(1, 90);
        assert_eq!(due(&mut schedule, 60), NONE, "what was before is void");
        assert_eq!(due(&mut schedule, 90), [1]);
    }
}
