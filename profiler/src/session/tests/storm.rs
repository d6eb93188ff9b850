//! Ten thousand cuts over a storm of processes and files need no more memory and descriptors than two thousand.

use super::cuts::Random;
use super::session;
use crate::host::own_usage::OwnUsage;
use crate::judge::leaves::leaves;
use crate::judge::quality::Judged;
use crate::judge::recording::Recording;
use crate::profile::assemble::{Shown, assemble};
use crate::profile::columns::Columns;
use crate::profile::names;
use crate::record::testing::stack;
use bpf::{
    AddressSpace, Comm, Error, Losses, Sample, SampleSource, SideBand, SideBandKind, StackId,
    Window,
};
use output::Profile;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use symbolizer::serve::Server;
use symbolizer::{Held, LocalSymbolizer, NameOptions, ProcessTable};

/// This variable is set in a process that runs the storm alone, because memory and descriptors are counted for a whole
/// process.
const ALONE: &str = "BPFLAME_TEST_STORM";
/// Process ids above every limit of the kernel's.
const NOBODY: u32 = 1 << 23;

/// In each batch, this process executes another program with files of its own, and has children that live only for an
/// instant.
struct Storm {
    folder: PathBuf,
    random: Random,
    round: u64,
    kept: Vec<PathBuf>,
}

impl Storm {
    /// A new file, mapped at the `nth` place.
    fn mapped(&mut self, nth: u64) -> SideBandKind {
        let path = self.folder.join(format!("{}-{nth}", self.round));
        std::fs::write(&path, program()).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let device = metadata.dev();
        self.kept.push(path.clone());
        if self.kept.len() > 20 {
            std::fs::remove_file(self.kept.remove(0)).unwrap();
        }
        SideBandKind::Mmap {
            start: 0x10_0000 * (nth + 1),
            len: 0x1000,
            offset: 0,
            device: (rustix::fs::major(device), rustix::fs::minor(device)),
            inode: metadata.ino(),
            path: path.to_string_lossy().into_owned().into_bytes(),
        }
    }
}

impl SampleSource for Storm {
    fn drain(&mut self, batch: &mut Window) -> Result<(), Error> {
        batch.clear();
        self.round += 1;
        let (own, comm) = (std::process::id(), Comm::from_bytes(b"storm"));
        let mut time = crate::host::clock::monotonic();
        let mut record = |pid, kind| {
            time += 1;
            batch.side_band.push(SideBand { time, pid, tid: pid, kind });
        };
        record(own, SideBandKind::Exec { comm });
        for nth in 0..3 {
            record(own, self.mapped(nth));
        }
        let first = NOBODY + (self.round as u32 % 10_000) * 8;
        for child in first..first + 8 {
            record(child, SideBandKind::Fork { parent_pid: own, parent_tid: own });
        }
        let mut samples = Vec::new();
        for pid in (first..first + 8).chain([own; 4]) {
            let id = self.round * 100 + self.random.below(6) + 1;
            let address = 0x10_0000 * (self.random.below(4) + 1) + self.random.below(64) * 16;
            if batch.stacks.iter().all(|stack| stack.id != StackId(id)) {
                batch.stacks.push(stack(id, &[address, address + 0x20]));
            }
            let space = AddressSpace { pid, start: u64::from(pid), exec: self.round };
            samples.push(Sample {
                space,
                tid: pid,
                comm,
                ..crate::record::testing::sample(time + 1, id, 0)
            });
        }
        for child in first..first + 8 {
            let exit = SideBandKind::Exit;
            batch.side_band.push(SideBand { time: time + 2, pid: child, tid: child, kind: exit });
        }
        batch.samples = samples;
        Ok(())
    }

    fn stop(&mut self, batch: &mut Window) -> Result<(), Error> {
        batch.clear();
        Ok(())
    }

    fn forget_stacks(&mut self) {}

    fn losses(&self) -> Losses {
        Losses::default()
    }

    fn finished(&self) -> bool {
        false
    }
}

/// The smallest program: a header, and a segment with code.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x1000];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"\x7fELF\x02\x01\x01");
    for (at, value) in [(16, 3_u16), (18, 62), (52, 64), (54, 56), (56, 1), (58, 64)] {
        put(at, &value.to_le_bytes());
    }
    put(32, &64_u64.to_le_bytes());
    // Loaded, executable, as long as the file.
    put(64, &1_u32.to_le_bytes());
    put(68, &5_u32.to_le_bytes());
    put(96, &0x1000_u64.to_le_bytes());
    put(104, &0x1000_u64.to_le_bytes());
    bytes
}

/// The resources that are in use at a time.
#[derive(Debug)]
struct Level {
    held: Held,
    memory: u64,
    names: usize,
    descriptors: usize,
}

fn storm() {
    let folder = tempfile::tempdir().unwrap();
    let (random, kept) = (Random::new(1), Vec::new());
    let source = Storm { folder: folder.path().to_owned(), random, round: 0, kept };
    let mut session = session(source, &[]);
    session.table = ProcessTable::new();
    let mut symbolizer = LocalSymbolizer::new(NameOptions::default(), Server::default());
    let mut early = None;
    let (mut samples, mut in_files) = (0, 0);
    for round in 1..=10_000 {
        let cut = session.cut().unwrap();
        symbolizer.begin_cut();
        let (counts, table) = (&cut.counts, &mut session.table);
        let (named, _) = names::name(&mut symbolizer, &counts.stacks, table);
        let leaves = leaves(&counts.stacks, table);
        let recording = Recording { counts, table, named: &named, leaves: &leaves };
        let quality = Judged::of(&recording).quality;
        let columns = Columns::of(&session.started.events, counts, None);
        let profile = assemble(
            &recording,
            &columns,
            Shown { labels: true, native: false },
            Profile::default(),
        );
        samples += quality.samples;
        in_files += profile.mappings.len();
        session.retire();
        if round == 2_000 || round == 10_000 {
            let mut own = OwnUsage::begin();
            own.look();
            let level = Level {
                held: session.table.held(),
                memory: own.anonymous,
                names: symbolizer.kept_bytes(),
                descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            };
            early = match early {
                None => Some(level),
                Some(early) => return flat(&early, &level, samples, in_files),
            };
        }
    }
}

fn flat(early: &Level, late: &Level, samples: u64, in_files: usize) {
    assert_eq!(samples, 10_000 * 12, "all were counted");
    assert!(in_files > 10_000, "some lie in files: {in_files}");
    assert!(early.held.descriptors > 0 && early.names > 0, "the files are read");
    let more = |late: usize, early: usize| late > early + early / 10 + 8;
    assert!(!more(late.held.spaces, early.held.spaces), "address spaces: {early:?}, {late:?}");
    assert!(!more(late.held.processes, early.held.processes), "processes: {early:?}, {late:?}");
    assert!(!more(late.held.files, early.held.files), "files: {early:?}, {late:?}");
    assert!(
        !more(late.held.descriptors, early.held.descriptors),
        "descriptors of the table: {early:?}, {late:?}"
    );
    assert!(!more(late.descriptors, early.descriptors), "descriptors: {early:?}, {late:?}");
    let without_names = |level: &Level| level.memory.saturating_sub(level.names as u64);
    let grown = without_names(late).saturating_sub(without_names(early));
    assert!(grown < 4 << 20, "{grown} bytes more");
}

#[test]
fn ten_thousand_cuts_take_no_more_than_two_thousand() {
    if std::env::var_os(ALONE).is_some() {
        return storm();
    }
    let name = "session::tests::storm::ten_thousand_cuts_take_no_more_than_two_thousand";
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
    let done = alone.output().unwrap();
    let [said, why] = [&done.stdout, &done.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(done.status.success() && said.contains("1 passed"), "{said}{why}");
}
