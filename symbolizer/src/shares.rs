//! Shares of a pool that all processes draw from.

use std::collections::HashMap;

/// What each process has taken of a pool. A process gets more only while at least a seventh of what it has is left. So one process gets seven
/// eighths of a pool, two get seven fifteenths each, and something is left for the next one however many they are. A pool is in any unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    all: usize,
    /// By process id. A process keeps its account over an exec.
    of: HashMap<u32, usize>,
}

impl Shares {
    /// What a process has at most, as a multiple of what is left.
    const PART: usize = 7;

    /// The most that a process may still take of a pool of this size.
    pub fn room(&self, pid: u32, pool: usize) -> usize {
        let left = pool.saturating_sub(self.all).saturating_mul(Self::PART);
        left.saturating_sub(self.of(pid)).div_ceil(Self::PART + 1)
    }

    /// The amount that a process has.
    pub fn of(&self, pid: u32) -> usize {
        self.of.get(&pid).copied().unwrap_or(0)
    }

    /// The amount that all processes have.
    pub fn all(&self) -> usize {
        self.all
    }

    /// Notes that a process has taken something.
    pub fn take(&mut self, pid: u32, amount: usize) {
        self.all += amount;
        *self.of.entry(pid).or_default() += amount;
    }

    /// Takes something if a process may have it. Returns whether it may.
    pub fn try_take(&mut self, pid: u32, amount: usize, pool: usize) -> bool {
        let fits = amount <= self.room(pid, pool);
        if fits {
            self.take(pid, amount);
        }
        fits
    }

    /// Notes that a process has given something back.
    pub fn give(&mut self, pid: u32, amount: usize) {
        let Some(own) = self.of.get_mut(&pid) else { return };
        let amount = amount.min(*own);
        *own -= amount;
        self.all -= amount;
        if *own == 0 {
            self.of.remove(&pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: usize = 7_200;

    /// Takes one by one as much as a process gets.
    fn greedy(shares: &mut Shares, pid: u32) -> usize {
        while shares.try_take(pid, 1, POOL) {}
        shares.of(pid)
    }

    #[test]
    fn one_gets_most_of_a_pool_and_the_next_still_has_room() {
        let mut shares = Shares::default();
        assert_eq!(shares.room(1, POOL), 6_300);
        assert_eq!(greedy(&mut shares, 1), 6_300);
        assert_eq!(shares.room(2, POOL), 788);
        assert!(shares.try_take(2, 500, POOL));
        assert_eq!(greedy(&mut shares, 1), 6_300, "it gets no more");
    }

    #[test]
    fn those_that_take_in_turns_get_the_same_and_leave_as_much() {
        let mut shares = Shares::default();
        for _ in 0..POOL {
            for pid in 1..=5 {
                shares.try_take(pid, 1, POOL);
            }
        }
        assert_eq!([1, 2, 3, 4, 5].map(|pid| shares.of(pid)), [1_400; 5]);
        assert_eq!(POOL - shares.all(), 200);
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let mut shares = Shares::default();
        shares.take(1, POOL);
        assert_eq!((shares.room(1, POOL), shares.room(2, POOL)), (0, 0));
        shares.give(1, POOL);
        shares.give(1, 5);
        assert_eq!(shares, Shares::default());
    }

    #[test]
    fn the_last_of_a_pool_can_be_had() {
        let mut shares = Shares::default();
        assert!(shares.try_take(1, 1, 1));
        assert!(!shares.try_take(2, 1, 1));
        shares.take(1, 6);
        assert!(!shares.try_take(1, 1, 8), "the last one is for others");
        assert!(shares.try_take(2, 1, 8));
    }
}
