//! Waiting until no program runs that began before.

use super::load::Loaded;
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

/// Which slots were seen free since a point in time: the run that had one then has ended, and later ones see all that was
/// written before that point.
#[derive(Debug)]
pub(crate) struct Seen {
    free: Vec<bool>,
}

impl Seen {
    /// Whether a slot was.
    pub(crate) fn free(&self, slot: u32) -> bool {
        self.free[slot as usize]
    }

    /// Slots whose run goes on.
    pub(crate) fn held(&self) -> u64 {
        self.free.iter().filter(|free| !**free).count() as u64
    }
}

/// Waits for the runs of the programs.
#[derive(Debug)]
pub(crate) struct GracePeriods {
    /// Only where a slot that is free says nothing.
    by_kernel: Option<KernelWait>,
    /// Slots that were not yet seen free since the last time that all had been.
    awaited: Vec<bool>,
}

impl GracePeriods {
    /// For so many slots. `ordered`: a program shows that it runs before it looks which generation is written, with a full
    /// barrier in between; so a slot that is once seen free will be used with the new one.
    pub(crate) fn new(slots: u32, ordered: bool) -> io::Result<Self> {
        let by_kernel = if ordered { None } else { Some(KernelWait::new()?) };
        Ok(Self { by_kernel, awaited: vec![true; slots as usize] })
    }

    /// Waits for all runs under way, but not longer than this where runs can be preempted; which slots were seen free.
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

    /// Whether every slot was seen free since this last said so. A piece of memory that no new run finds is nobody's when it has
    /// said so twice: the first time, a slot may have been seen before the piece was taken away.
    pub(crate) fn all_ended(&mut self) -> bool {
        if self.awaited.contains(&true) {
            return false;
        }
        self.awaited.fill(true);
        true
    }
}

/// Which of so many slots are seen free before this time is over.
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

/// An array of maps that nobody reads. Changing one from user space makes the kernel wait for the end of every
/// program that may still see the old entry, and that is every program that runs.
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

    /// Returns when every program that ran at the call has ended; sleeps some milliseconds.
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
            // The second one is given back soon, the third one is not.
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
        // Held again, but by another run.
        assert!(see([false, true]));
        assert!(!see([false, true]));
        assert!(see([true, true]));
    }
}
