//! Work on two threads.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// The results of some work on each item, in the order of the items. `state` makes each thread's own state. A second thread helps if there
/// are several items and CPUs. More threads would disturb the profiled program.
pub(crate) fn each<S, T: Send, R: Send>(
    items: Vec<T>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
) -> Vec<R> {
    let several =
        items.len() > 1 && thread::available_parallelism().is_ok_and(|n| n > NonZero::<usize>::MIN);
    let queue = Mutex::new(items.into_iter().enumerate());
    let worker = || {
        let mut state = state();
        let mut done = Vec::new();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, item)) = next else { return done };
            done.push((at, work(&mut state, item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let other = several.then(|| Builder::new().spawn_scoped(scope, worker).ok()).flatten();
        let mut done = worker();
        if let Some(other) = other {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let squares = each((0..1_000u64).collect(), || (), |(), n| n * n);
        assert_eq!(squares, (0..1_000).map(|n| n * n).collect::<Vec<u64>>());
        assert_eq!(each(vec![3], || 1, |state, n| *state + n), [4]);
        assert!(each(Vec::<u8>::new(), || (), |(), n| n).is_empty());
    }
}
