//! Loads the programs, with maps of the sizes that this machine needs.

use super::maps;
use super::memory::SharedMemory;
use super::program_info::{has_the_helpers_of_5_15, information};
use super::settings::{Settings, Target, Unwind};
use super::size::Sizes;
use super::tables::Tables;
use crate::events::perf::PerfEvent;
use crate::events::{Program, Source};
use crate::skeleton::sampler::types::{bss, slot};
use crate::skeleton::sampler::{OpenSamplerSkel, SamplerSkel, SamplerSkelBuilder};
use crate::{Error, capability};
use libbpf_rs::Link;
use libbpf_rs::libbpf_sys as sys;
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The loaded programs. The maps live as long as they are mapped, the programs as long as their descriptors.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The sampling programs: one for all events, or one for each.
    programs: Vec<OwnedFd>,
    /// Whether attachments pass the event's number to the program. Otherwise each event has a copy of the program.
    numbered: bool,
    /// The links of the programs that follow forks and forget address spaces.
    _links: Vec<Link>,
    pub(crate) logs: SharedMemory,
    pub(crate) slots: SharedMemory,
    bss: SharedMemory,
    /// The target: one byte for each id.
    targets: SharedMemory,
    /// The unwind tables, if stacks are walked by rules.
    pub(crate) tables: Option<Arc<Mutex<Tables>>>,
    pub(crate) sizes: Sizes,
    /// The time that loading took.
    pub(crate) took: Duration,
}

impl Loaded {
    /// Loads the programs of these events, and fills in the target.
    pub(crate) fn load(
        settings: &Settings,
        target: &Target,
        events: &[Source],
        sizes: Sizes,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
            return Err(Error::Kernel {
                lacks: "type information (BTF, CONFIG_DEBUG_INFO_BTF)".to_owned(),
            });
        }
        libbpf_rs::set_print(None);
        let numbered = has_the_helpers_of_5_15();
        if !numbered && uses(events, Program::Call) {
            return Err(Error::Kernel { lacks: "BPF cookies (Linux 5.15)".to_owned() });
        }
        let mut place = MaybeUninit::uninit();
        let mut skeleton = SamplerSkelBuilder::default().open(&mut place).map_err(refused)?;
        settings.fill(rodata(&mut skeleton), attached(0, &events[0]));
        choose(&mut skeleton, settings, target, (events, numbered));
        maps::size(&mut skeleton, sizes).map_err(refused)?;
        let skeleton = skeleton.load().map_err(refused)?;
        let mut loaded = Self::of(&skeleton, settings, target, sizes)?;
        loaded.numbered = numbered;
        for (number, event) in events.iter().enumerate() {
            loaded.programs.push(match (event.program, number) {
                (Program::Call, _) => owned(skeleton.progs.sample_call.as_fd())?,
                _ if numbered => owned(skeleton.progs.sample.as_fd())?,
                (_, 0) => owned(skeleton.progs.sample_helped.as_fd())?,
                _ => copy(&skeleton, settings, attached(number, event))?,
            });
        }
        loaded.took = began.elapsed();
        Ok(loaded)
    }

    /// Collects the maps and attaches the programs that stay attached.
    fn of(
        skeleton: &SamplerSkel<'_>,
        settings: &Settings,
        target: &Target,
        sizes: Sizes,
    ) -> Result<Self, Error> {
        let maps = &skeleton.maps;
        let map = |map: BorrowedFd<'_>, bytes| SharedMemory::map(map, bytes).map_err(unmapped);
        let by_rules = settings.unwind != Unwind::FramePointers;
        let loaded = Self {
            programs: Vec::new(),
            numbered: true,
            _links: links(skeleton, target, by_rules).map_err(refused)?,
            logs: map(maps.logs.as_fd(), sizes.log_bytes() * sizes.logs() as usize)?,
            slots: map(maps.slots.as_fd(), size_of::<slot>() * sizes.slots() as usize)?,
            bss: map(maps.bss.as_fd(), size_of::<bss>())?,
            targets: map(maps.targets.as_fd(), sizes.target_bytes())?,
            tables: by_rules
                .then(|| {
                    maps::tables(skeleton, settings.unwind_memory).map(|t| Arc::new(Mutex::new(t)))
                })
                .transpose()
                .map_err(unmapped)?,
            sizes,
            took: Duration::ZERO,
        };
        if let Target::Processes(list) | Target::Threads(list) = target {
            loaded.add_targets(list);
        }
        Ok(loaded)
    }

    /// Adds processes (or threads, if the target is threads) to the target.
    pub(crate) fn add_targets(&self, ids: &[u32]) {
        for id in ids.iter().filter(|id| (**id as usize) < self.sizes.target_bytes()) {
            self.targets.byte(*id as usize).store(1, Ordering::Relaxed);
        }
    }

    /// Makes a perf event run the program of an event.
    pub(crate) fn attach(&self, to: &mut PerfEvent, number: usize, of: &Source) -> io::Result<()> {
        let program = self.programs[number].as_fd();
        if self.numbered {
            to.attach(program, attached(number, of))
        } else {
            to.attach_without_number(program)
        }
    }

    /// The first sampling program.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.programs[0].as_fd()
    }

    /// The runs of the sampling programs and their nanoseconds; zero if the kernel does not count them.
    pub(crate) fn cost(&self) -> (u64, u64) {
        let mut programs: Vec<sys::bpf_prog_info> = self.programs.iter().map(information).collect();
        programs.sort_by_key(|program| program.id);
        programs.dedup_by_key(|program| program.id);
        let sum = |of: fn(&sys::bpf_prog_info) -> u64| programs.iter().map(of).sum();
        (sum(|program| program.run_cnt), sum(|program| program.run_time_ns))
    }

    /// The word whose lowest bit names the half of the logs that is being written.
    pub(crate) fn generation(&self) -> &std::sync::atomic::AtomicU64 {
        self.bss.word(offset_of!(bss, generation))
    }

    /// Whether a run in a slot that was once seen free sees everything written before. The programs have a full barrier
    /// between taking a slot and reading: on x86-64 always, elsewhere if they can compare and swap.
    pub(crate) fn runs_are_ordered(&self) -> bool {
        cfg!(target_arch = "x86_64") || self.numbered
    }

    /// Whether no run holds this slot.
    pub(crate) fn is_free(&self, slot_number: u32) -> bool {
        let at = slot_number as usize * size_of::<slot>() + offset_of!(slot, held);
        self.slots.word(at).load(Ordering::SeqCst) == 0
    }

    /// The offset of a slot's log in the mapping: first `used`, then the words.
    pub(crate) fn log_at(&self, generation: u64, slot: u32) -> usize {
        let half = (generation as usize & 1) * self.sizes.slots() as usize;
        (half + slot as usize) * self.sizes.log_bytes()
    }
}

fn uses(events: &[Source], program: Program) -> bool {
    events.iter().any(|event| event.program == program)
}

/// The value that an attachment passes to the program.
fn attached(number: usize, event: &Source) -> u64 {
    number as u64 | event.bits
}

fn rodata<'a>(
    skeleton: &'a mut OpenSamplerSkel<'_>,
) -> &'a mut crate::skeleton::sampler::types::rodata {
    skeleton.maps.rodata_data.as_mut().expect("the programs have settings")
}

/// Chooses the programs to load. `numbered`: attachments name their event.
fn choose(
    skeleton: &mut OpenSamplerSkel<'_>,
    settings: &Settings,
    target: &Target,
    (events, numbered): (&[Source], bool),
) {
    let programs = &mut skeleton.progs;
    programs.sample.set_autoload(numbered && uses(events, Program::PerfEvent));
    programs.sample_call.set_autoload(uses(events, Program::Call));
    programs.sample_helped.set_autoload(!numbered);
    programs.follow.set_autoload(*target != Target::Machine);
    programs.forget.set_autoload(settings.unwind != Unwind::FramePointers);
}

fn links(
    skeleton: &SamplerSkel<'_>,
    target: &Target,
    by_rules: bool,
) -> libbpf_rs::Result<Vec<Link>> {
    let programs = &skeleton.progs;
    let mut links = Vec::new();
    if *target != Target::Machine {
        links.push(programs.follow.attach_raw_tracepoint("sched_process_fork")?);
    }
    if by_rules {
        links.push(programs.forget.attach_raw_tracepoint("sched_process_exec")?);
    }
    Ok(links)
}

/// A copy of the program with the same maps, for an event whose attachment cannot pass its number.
fn copy(first: &SamplerSkel<'_>, settings: &Settings, attached: u64) -> Result<OwnedFd, Error> {
    let mut place = MaybeUninit::uninit();
    let mut skeleton = SamplerSkelBuilder::default().open(&mut place).map_err(refused)?;
    settings.fill(rodata(&mut skeleton), attached);
    let programs = &mut skeleton.progs;
    for other in [
        &mut programs.sample,
        &mut programs.sample_call,
        &mut programs.follow,
        &mut programs.forget,
    ] {
        other.set_autoload(false);
    }
    maps::share(&mut skeleton, first).map_err(refused)?;
    let skeleton = skeleton.load().map_err(refused)?;
    owned(skeleton.progs.sample_helped.as_fd())
}

fn owned(program: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    program.try_clone_to_owned().map_err(unmapped)
}

fn unmapped(source: io::Error) -> Error {
    Error::Failed { step: "mapping the BPF maps", source }
}

/// A libbpf error with the kernel's error number.
fn refused(error: libbpf_rs::Error) -> Error {
    let number = match error.kind() {
        libbpf_rs::ErrorKind::PermissionDenied => Some(libc::EPERM),
        _ => None,
    };
    let source =
        number.map_or_else(|| io::Error::other(format!("{error:#}")), io::Error::from_raw_os_error);
    capability::refused("loading the BPF programs", source)
}
