//! Counts samples by key, and turns their addresses into places while the processes live.

#[cfg(test)]
mod tests;

use super::batch::{Applied, Marked};
use super::counts::{Key, StackCounts};
use super::run_time_code::{Codes, StackCode};
use super::stacks::Lost;
use bpf::{
    AddressSpace, Comm, Flags, Frame, FrameKind, KeptObject, Sample, SideBand, SideBandKind, Stack,
    StackId, Window,
};
use std::collections::{HashMap, HashSet};
use symbolizer::runtime::Remains;
use symbolizer::{Event, EventKind, FileId, Identity, Place, ProcessTable, Space};

/// The settings of the aggregator.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Whether threads are distinguished.
    pub threads: bool,
    /// Whether the time of each sample is kept.
    pub times: bool,
    /// The process that is the gate until it becomes the command. Samples of the gate do not count for the command.
    pub gate: Option<Gate>,
}

/// A process that waits to become the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Its process id.
    pub pid: u32,
    /// Its name while it waits.
    pub name: &'static [u8],
    /// Its name before that.
    pub first_name: &'static [u8],
}

/// The memory of a count in bytes, including the spare capacity of a growing table.
const COUNT: usize = 256;
/// The most objects whose process is not known yet.
const MOST_OPEN: usize = 256;
/// The memory of a time in bytes, in the same way.
const TIME: usize = 8;

/// Counts samples.
#[derive(Debug, Default)]
pub(crate) struct Aggregator {
    rules: Rules,
    /// Whether the gate has become the command.
    released: bool,
    /// The places that have been handed out as new.
    told: usize,
    /// What was kept of interpreters' objects, until it is handed out.
    kept: Vec<KeptObject>,
    result: StackCounts,
}

impl Aggregator {
    /// Nothing counted yet.
    pub(crate) fn new(rules: Rules) -> Self {
        let times = rules.times.then(HashMap::new);
        let result = StackCounts { times, ..StackCounts::default() };
        Self { rules, released: false, told: 0, kept: Vec::new(), result }
    }

    /// Counts a batch. Records and samples are applied in the order of their time, so that the table always shows the state at the
    /// sample's time.
    pub(crate) fn add(&mut self, batch: Marked<'_>, table: &mut ProcessTable) -> Applied {
        Applied::after(|| self.count_all(batch.batch(), batch.codes(), table))
    }

    fn count_all(&mut self, window: &Window, codes: &Codes, table: &mut ProcessTable) {
        self.add_stacks(window);
        self.kept.extend_from_slice(&window.kept);
        if window.side_band_lost {
            let time = window.side_band.first().map_or(0, |record| record.time);
            table.apply(&Event { time, pid: 0, tid: 0, kind: EventKind::Lost });
        }
        // The process may run another program by now. It must not be read for samples from before.
        let execs = window.side_band.iter().filter(|r| matches!(r.kind, SideBandKind::Exec { .. }));
        execs.for_each(|record| table.announce(&event(record)));
        let mut records = window.side_band.iter().peekable();
        for (number, sample) in window.samples.iter().enumerate() {
            while let Some(record) = records.next_if(|record| record.time <= sample.time) {
                self.apply(record, table);
            }
            self.count(sample, codes.of(number), table);
        }
        records.for_each(|record| self.apply(record, table));
    }

    /// Keeps a window's stacks, on the account of the process that was first sampled with each.
    fn add_stacks(&mut self, window: &Window) {
        let mut payers: HashMap<StackId, u32> = HashMap::new();
        for sample in &window.samples {
            payers.entry(sample.user).or_insert(sample.space.pid);
            payers.entry(sample.kernel).or_insert(sample.space.pid);
        }
        for stack in &window.stacks {
            self.result.stacks.pay(payers.get(&stack.id).copied().unwrap_or(0));
            self.result.stacks.add(stack);
        }
    }

    fn apply(&mut self, record: &SideBand, table: &mut ProcessTable) {
        table.apply(&event(record));
        if let SideBandKind::Exec { .. } = record.kind {
            self.released |= self.rules.gate.is_some_and(|gate| gate.pid == record.pid);
        }
    }

    /// Whether the gate was sampled, not the command. Before the gate names itself, it has the name of its own
    /// execution. A command may have the same name from its execution on.
    fn at_gate(&self, sample: &Sample) -> bool {
        let name = sample.comm.bytes();
        self.rules.gate.is_some_and(|gate| {
            gate.pid == sample.space.pid
                && (name == gate.name || !self.released && name == gate.first_name)
        })
    }

    fn count(&mut self, sample: &Sample, code: Option<&StackCode>, table: &mut ProcessTable) {
        if self.at_gate(sample) {
            return;
        }
        self.result.stacks.pay(sample.space.pid);
        let key = match self.key(sample, code, table) {
            Ok(key) => key,
            Err(Lost::Missing) => return self.result.stack_missing += 1,
            Err(Lost::Full) => return self.result.memory_full += 1,
        };
        self.result.counts.entry(key).or_default().add(sample.weight);
        self.result.add(sample);
        if sample.tid == sample.space.pid {
            self.result.main_names.insert(sample.tid, sample.comm);
        }
        let first = self.result.first.unwrap_or(sample.time);
        self.keep_time(key, sample.time.saturating_sub(first) / 1_000);
    }

    /// Keeps the time of a sample, if times are kept and there is room.
    fn keep_time(&mut self, key: Key, time: u64) {
        let StackCounts { times: Some(times), stacks, .. } = &mut self.result else { return };
        let room = if times.contains_key(&key) { TIME } else { COUNT };
        if stacks.take(room) {
            times.entry(key).or_default().push(time);
        }
    }

    /// The key, with room for its count.
    fn key(
        &mut self,
        sample: &Sample,
        code: Option<&StackCode>,
        table: &mut ProcessTable,
    ) -> Result<Key, Lost> {
        let nobody = sample.flags.has(Flags::IDLE) || sample.flags.has(Flags::FOREIGN);
        let space = (!nobody).then(|| table.space(identity(sample), sample.time));
        let user = match (space, sample.user) {
            (_, StackId(0)) | (None, _) => None,
            (Some(space), id) => {
                let locate = |frame| locate(table, space, frame);
                Some(self.result.stacks.user(space, id, code, locate)?)
            }
        };
        let kernel = match sample.kernel {
            StackId(0) => None,
            id => Some(self.result.stacks.kernel(id)?),
        };
        let (tid, comm) =
            if self.rules.threads { (sample.tid, sample.comm) } else { (0, Comm::default()) };
        let pid = sample.space.pid;
        let (event, flags) = (sample.event, sample.flags);
        let key = Key { space, pid, user, kernel, tid, comm, event, flags };
        let room = self.result.counts.contains_key(&key) || self.result.stacks.take(COUNT);
        if room { Ok(key) } else { Err(Lost::Full) }
    }

    /// The places that have come since the last call.
    pub(crate) fn new_places(&mut self) -> &[Place] {
        let places = self.result.stacks.places();
        let told = std::mem::replace(&mut self.told, places.len());
        &places[told.min(places.len())..]
    }

    /// What was kept of interpreters' objects since the last call, by the place of the object. The process of an object whose sample is still
    /// held back is not known yet.
    pub(crate) fn kept(&mut self, table: &ProcessTable) -> Vec<(Place, Remains)> {
        let (mut known, mut open) = (Vec::new(), Vec::new());
        for object in self.kept.drain(..) {
            match table.space_of(of_space(&object.space)) {
                Some(space) => known.push((place(space, &object), Remains(object.parts))),
                None => open.push(object),
            }
        }
        open.truncate(MOST_OPEN);
        self.kept = open;
        known
    }

    /// Samples counted so far.
    pub(crate) fn samples(&self) -> u64 {
        self.result.samples
    }

    /// Hands the counts over and begins again. It keeps the stacks of the last batch, because later samples may have
    /// them.
    pub(crate) fn cut(&mut self, last: &[Stack]) -> StackCounts {
        let counts = std::mem::replace(&mut self.result, Self::new(self.rules).result);
        self.told = 0;
        last.iter().for_each(|stack| self.result.stacks.add(stack));
        counts
    }

    /// The address spaces and files that the counts so far refer to.
    pub(crate) fn refers_to(&self) -> (HashSet<u32>, HashSet<FileId>) {
        let file = |place: &Place| match place {
            Place::File { file, .. } => Some(*file),
            _ => None,
        };
        let spaces = self.result.counts.keys().filter_map(|key| Some(key.space?.index));
        (spaces.collect(), self.result.stacks.places().iter().filter_map(file).collect())
    }

    /// The counts.
    pub(crate) fn finish(self) -> StackCounts {
        self.result
    }
}

fn identity(sample: &Sample) -> Identity {
    of_space(&sample.space)
}

fn of_space(space: &AddressSpace) -> Identity {
    Identity { pid: space.pid, start: space.start, exec: space.exec }
}

/// The place of an interpreter's object, whatever the position in it.
fn place(space: u32, object: &KeptObject) -> Place {
    let KeptObject { runtime, address, check, .. } = *object;
    Place::Interpreted { space, runtime, object: address, check, position: 0 }
}

/// The record in the process table's terms.
fn event(record: &SideBand) -> Event {
    let kind = match &record.kind {
        SideBandKind::Mmap { start, len, offset, device, inode, path } => EventKind::Mmap {
            start: *start,
            len: *len,
            offset: *offset,
            device: *device,
            inode: *inode,
            path: path.clone(),
        },
        SideBandKind::Exec { comm } => EventKind::Exec { comm: comm.bytes().to_vec() },
        SideBandKind::Rename { comm } => EventKind::Rename { comm: comm.bytes().to_vec() },
        SideBandKind::Fork { parent_pid, .. } => EventKind::Fork { parent: *parent_pid },
        SideBandKind::Exit => EventKind::Exit,
    };
    Event { time: record.time, pid: record.pid, tid: record.tid, kind }
}

/// The place of a frame of a user stack.
fn locate(table: &mut ProcessTable, space: Space, frame: Frame) -> Place {
    match frame.kind {
        FrameKind::Instruction | FrameKind::Return => table.locate(space, frame.lookup()),
        FrameKind::Interpreted { runtime, position, check } => {
            table.interpreted(space, runtime, frame.address, position, check)
        }
    }
}
