//! The side-band records of all CPUs.

use super::ring::{self, Ring};
use super::scope::Scope;
use super::settings::Target;
use super::side_band::Decoded;
use crate::events::perf;
use crate::sample::SideBand;
use crate::{Error, Window, capability};
use std::os::fd::BorrowedFd;

/// The bytes of side-band records that wake the reader, because new mappings may need tables. A starting program writes
/// more, a thread less.
const NEW_MAPPINGS: u32 = 512;

/// A ring for each CPU, and the records that wait for their time.
#[derive(Debug)]
pub(super) struct Rings {
    rings: Vec<(u32, Ring)>,
    /// Pages of a ring.
    pages: usize,
    /// The bytes of records that wake the reader.
    wake_after: u32,
    scope: Scope,
    held: Vec<SideBand>,
    lost: u64,
    malformed: u64,
    /// Whether a CPU came online and its side-band records from before its ring are missing.
    gap: bool,
}

impl Rings {
    /// No ring yet. `wake`: new mappings wake the reader.
    pub(super) fn new(target: &Target, pages: usize, wake: bool) -> Self {
        Self {
            rings: Vec::new(),
            pages,
            wake_after: if wake { NEW_MAPPINGS } else { u32::MAX },
            scope: Scope::new(target),
            held: Vec::new(),
            lost: 0,
            malformed: 0,
            gap: false,
        }
    }

    /// More processes of the target.
    pub(super) fn add_targets(&mut self, ids: &[u32]) {
        self.scope.add(ids);
    }

    /// Makes the ring of a CPU.
    pub(super) fn add(&mut self, cpu: u32) -> Result<(), Error> {
        let event = ring::side_band(cpu, self.wake_after).map_err(|e| perf::explain(e, 0))?;
        let ring = Ring::map(event, self.pages).map_err(capability::locked_memory)?;
        self.rings.push((cpu, ring));
        Ok(())
    }

    /// Drops the rings of CPUs that are offline, or were meanwhile.
    pub(super) fn keep(&mut self, online: &[u32]) {
        self.rings.retain_mut(|(cpu, ring)| ring.went_on() && online.contains(cpu));
    }

    /// Makes the ring of a CPU that came online, if it has none.
    pub(super) fn restore(&mut self, cpu: u32) {
        if !self.rings.iter().any(|(c, _)| *c == cpu) {
            // Without a ring, the CPU is tried again, and `/proc` is read again until the ring exists.
            let _ = self.add(cpu);
            self.gap = true;
        }
    }

    /// Moves the side-band records up to `until` into the window. Later records are held back.
    pub(super) fn take(&mut self, window: &mut Window, until: u64) {
        let mut decoded = Decoded::default();
        let mut bytes = Vec::new();
        for (_, ring) in &self.rings {
            bytes.clear();
            ring.take(&mut bytes);
            decoded.decode(&bytes);
        }
        self.lost += decoded.lost;
        self.malformed += decoded.malformed;
        window.side_band_lost = decoded.lost > 0 || std::mem::take(&mut self.gap);
        self.held.append(&mut decoded.records);
        self.held.sort_by_key(|r| r.time);
        let ready = self.held.partition_point(|r| r.time <= until);
        window.side_band.extend(self.held.drain(..ready).filter(|r| self.scope.wants(r)));
    }

    /// Ends the recording of records; those in the rings can still be taken.
    pub(super) fn disable(&self) {
        for (_, ring) in &self.rings {
            let _ = ring.disable();
        }
    }

    /// The descriptors that wake when there are records.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.rings.iter().map(|(_, ring)| ring.descriptor())
    }

    /// Bytes of memory of all rings.
    pub(super) fn bytes(&self) -> usize {
        self.rings.iter().map(|(_, ring)| ring.bytes()).sum()
    }

    /// The records that the kernel dropped.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// The records that could not be read.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed
    }
}
