//! A seeded source of choices: the same seed makes the same case on every machine. It is no
//! source of secrets. Called by everything that generates.

/// Choices from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The choices of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed for choices of their own, so that more or fewer of them change nothing else.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        let number = self.next().checked_rem(end).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    }

    /// True in so many of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them; the type's default where there is none.
    pub fn pick<T: Clone + Default>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len());
        from.get(at).cloned().unwrap_or_default()
    }

    /// One of them, each as often as its weight says.
    pub fn weighted<T: Copy + Default>(&mut self, from: &[(usize, T)]) -> T {
        let sum = from.iter().fold(0_usize, |sum, (weight, _)| sum.saturating_add(*weight));
        let mut left = self.below(sum);
        for (weight, value) in from {
            if left < *weight {
                return *value;
            }
            left = left.saturating_sub(*weight);
        }
        T::default()
    }

    /// Up to `most` different ones, in their order.
    pub fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut wanted = self.below(most.saturating_add(1)).min(from.len());
        let mut left = from.len();
        let mut chosen = Vec::new();
        for value in from {
            if self.below(left) < wanted {
                chosen.push(value.clone());
                wanted = wanted.saturating_sub(1);
            }
            left = left.saturating_sub(1);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_choices() {
        let roll = |seed| {
            let mut dice = Dice::new(seed);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(roll(7), roll(7));
        assert_ne!(roll(7), roll(8));
    }

    #[test]
    fn choices_stay_within_their_bounds() {
        let mut dice = Dice::new(1);
        for _ in 0..1000 {
            assert!(dice.below(3) < 3);
            assert_eq!(dice.below(0), 0);
            assert!(dice.some(&[1, 2, 3, 4], 2).len() <= 2);
            assert_eq!(dice.weighted(&[(0, "never"), (1, "always")]), "always");
        }
    }
}
