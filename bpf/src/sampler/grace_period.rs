//! Waits for the end of all runs that began before a point in time.

use super::load::Loaded;
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

/// The slots that were seen free since a point in time. The run that held such a slot has ended, and later runs see
/// everything that was written before that point.
#[derive(Debug)]
pub(crate) struct Seen {
    free: Vec<bool>,
}

impl Seen {
    /// Whether a slot was seen free.
    pub(crate) fn free(&self, slot: u32) -> bool {
        self.free[slot as usize]
    }

    /// The number of slots whose runs are still under way.
    pub(crate) fn held(&self) -> u64 {
        self.free.iter().filter(|free| !**free).count() as u64
    }
}

/// Waits for the ends of runs.
#[derive(Debug)]
pub(crate) struct GracePeriods {
    /// Waits through the kernel; only used if a free slot proves nothing.
    by_kernel: Option<KernelWait>,
    /// The slots that were not yet seen free since all of them last had been.
    awaited: Vec<bool>,
}

impl GracePeriods {
    /// For this many slots. With `ordered`, a program takes its slot before it reads the generation, with a full
    /// barrier in between. So a slot that was once seen free will use the new generation.
    pub(crate) fn new(slots: u32, ordered: bool) -> io::Result<Self> {
        let by_kernel = if ordered { None } else { Some(KernelWait::new()?) };
        Ok(Self { by_kernel, awaited: vec![true; slots as usize] })
    }

    /// Waits for all runs under way; at most for `patience` if runs can be preempted. Returns the slots that were seen
    /// free.
    pub(crate) fn wait(&mut self, loaded: &Loaded, patience: Duration) -> io::Result<Seen> {
        let slots = self.awaited.len() as u32;
        let free = match &self.by_kernel {
            Some(kernel) => kernel.wait().map(|()| vec![true; slots as usize])?,
            None => watch(slots, patience, |slot| loaded.is_free(slot)),
        };
        for (awaited, free) in self.awaited.iter_mut().zip(&free) {
            *awaited &= !free;
        }
        Ok(Seen { free })
    }

    /// Whether every slot was seen free since this last returned true. Memory that no new run can find is unused after
    /// it has returned true twice: before the first time, a slot may have been seen free before the memory was taken
    /// away.
    pub(crate) fn all_ended(&mut self) -> bool {
        if self.awaited.contains(&true) {
            return false;
        }
        self.awaited.fill(true);
        true
    }
}

/// Watches slots until all are free, or the time is over. Returns which were seen free.
fn watch(slots: u32, patience: Duration, is_free: impl Fn(u32) -> bool) -> Vec<bool> {
    let begin = Instant::now();
    let soon = |slot| loop {
        if is_free(slot) {
            return true;
        }
        if begin.elapsed() > patience {
            return false;
        }
        std::thread::yield_now();
    };
    (0..slots).map(soon).collect()
}

/// An array of maps that nobody reads. When user space changes an entry, the kernel waits for every program that may
/// still see the old entry, which is every running program.
#[derive(Debug)]
struct KernelWait {
    outer: MapHandle,
    inner: MapHandle,
}

impl KernelWait {
    fn new() -> io::Result<Self> {
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_rs::libbpf_sys::bpf_map_create_opts>() as u64,
            ..Default::default()
        };
        let inner = MapHandle::create(MapType::Array, Some("quiet_inner"), 4, 4, 1, &options)
            .map_err(io::Error::other)?;
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
            inner_map_fd: inner.as_fd().as_raw_fd() as u32,
            ..options
        };
        let outer = MapHandle::create(MapType::ArrayOfMaps, Some("quiet"), 4, 4, 1, &options)
            .map_err(io::Error::other)?;
        Ok(Self { outer, inner })
    }

    /// Returns when every program that ran at the time of the call has ended. This takes some milliseconds.
    fn wait(&self) -> io::Result<()> {
        let inner = self.inner.as_fd().as_raw_fd().to_ne_bytes();
        self.outer.update(&0_u32.to_ne_bytes(), &inner, MapFlags::ANY).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_slot_that_stays_held_is_not_waited_for_any_longer() {
        let looks = Cell::new(0);
        let is_free = |slot| {
            looks.set(looks.get() + 1);
            // The second slot is freed soon, the third one is not.
            slot == 0 || slot == 1 && looks.get() > 3
        };
        let begin = Instant::now();
        assert_eq!(watch(3, Duration::from_millis(500), is_free), [true, true, false]);
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn all_have_ended_once_each_was_seen_free() {
        let mut periods = GracePeriods::new(2, true).unwrap();
        let mut see = |free: [bool; 2]| {
            for (awaited, free) in periods.awaited.iter_mut().zip(free) {
                *awaited &= !free;
            }
            periods.all_ended()
        };
        assert!(!see([true, false]));
        // The slot is held again, but by another run.
        assert!(see([false, true]));
        assert!(!see([false, true]));
        assert!(see([true, true]));
    }
}
