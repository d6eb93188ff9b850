//! Loading the programs, with maps of the sizes that this machine needs.

use super::memory::SharedMemory;
use super::size::{LEVELS, Sizes};
use super::tables::Tables;
use super::{Config, Target, Unwind};
use crate::skeleton::sampler::types::{
    bss, chunk, cpu, limits, rodata, rules, spaces, target_kind, unwind_limits, unwind_mode,
};
use crate::skeleton::sampler::{SamplerSkel, SamplerSkelBuilder};
use crate::{Error, capability};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, MapType};
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// The inode number of the first PID namespace.
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// The loaded programs. The maps live as long as they are mapped, the program as long as its descriptor.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) program: OwnedFd,
    /// Keeps the following of forks attached.
    _follow: Option<Link>,
    pub(crate) logs: SharedMemory,
    pub(crate) cpus: SharedMemory,
    bss: SharedMemory,
    /// Keeps the forgetting of address spaces attached.
    _forget: Option<Link>,
    /// A byte an id.
    targets: SharedMemory,
    /// Unwind tables, where stacks are walked by rules.
    pub(crate) tables: Option<Arc<Mutex<Tables>>>,
    pub(crate) sizes: Sizes,
}

impl Loaded {
    /// Loads the programs and fills in the target.
    pub(crate) fn load(config: &Config, sizes: Sizes) -> Result<Self, Error> {
        if !std::path::Path::new("/sys/kernel/btf/vmlinux").exists() {
            return Err(Error::Kernel {
                lacks: "type information (BTF, CONFIG_DEBUG_INFO_BTF)".to_owned(),
            });
        }
        libbpf_rs::set_print(None);
        let failed = |e: libbpf_rs::Error| refused("loading the BPF programs", &e);
        let mut place = MaybeUninit::uninit();
        let mut skeleton = SamplerSkelBuilder::default().open(&mut place).map_err(failed)?;
        let data = skeleton.maps.rodata_data.as_mut().expect("the programs have settings");
        settings(data, config, sizes)?;
        let direct = direct_task_access();
        skeleton.progs.sample.set_autoload(direct);
        skeleton.progs.sample_helped.set_autoload(!direct);
        skeleton.progs.follow.set_autoload(config.target != Target::Machine);
        skeleton.progs.forget.set_autoload(config.unwind != Unwind::FramePointers);
        size(&mut skeleton, sizes).map_err(failed)?;
        let skeleton = skeleton.load().map_err(failed)?;
        let program = if direct {
            skeleton.progs.sample.as_fd()
        } else {
            skeleton.progs.sample_helped.as_fd()
        };
        let follow = match config.target {
            Target::Machine => None,
            _ => Some(
                skeleton
                    .progs
                    .follow
                    .attach_raw_tracepoint("sched_process_fork")
                    .map_err(failed)?,
            ),
        };
        let forget = match config.unwind {
            Unwind::FramePointers => None,
            _ => Some(
                skeleton
                    .progs
                    .forget
                    .attach_raw_tracepoint("sched_process_exec")
                    .map_err(failed)?,
            ),
        };
        let mapped = |source| Error::Failed { step: "mapping the BPF maps", source };
        let targets = SharedMemory::map(skeleton.maps.targets.as_fd(), sizes.target_bytes())
            .map_err(mapped)?;
        let loaded = Self {
            program: program.try_clone_to_owned().map_err(mapped)?,
            _follow: follow,
            logs: SharedMemory::map(
                skeleton.maps.logs.as_fd(),
                sizes.log_bytes() * sizes.logs() as usize,
            )
            .map_err(mapped)?,
            cpus: SharedMemory::map(
                skeleton.maps.cpus.as_fd(),
                size_of::<cpu>() * sizes.cpus as usize,
            )
            .map_err(mapped)?,
            bss: SharedMemory::map(skeleton.maps.bss.as_fd(), size_of::<bss>()).map_err(mapped)?,
            targets,
            tables: (config.unwind != Unwind::FramePointers)
                .then(|| tables(&skeleton, config.unwind_memory).map(|t| Arc::new(Mutex::new(t))))
                .transpose()
                .map_err(mapped)?,
            _forget: forget,
            sizes,
        };
        if let Target::Processes(list) | Target::Threads(list) = &config.target {
            loaded.add_targets(list);
        }
        Ok(loaded)
    }

    /// Makes ids of processes (or of threads, where the target is threads) the target's.
    pub(crate) fn add_targets(&self, ids: &[u32]) {
        for id in ids.iter().filter(|id| (**id as usize) < self.sizes.target_bytes()) {
            self.targets.byte(*id as usize).store(1, Ordering::Relaxed);
        }
    }

    /// The word whose lowest bit names the half of the logs that is written.
    pub(crate) fn generation(&self) -> &std::sync::atomic::AtomicU64 {
        self.bss.word(offset_of!(bss, generation))
    }

    /// Where a log begins in the mapping: `used`, then the words.
    pub(crate) fn log_at(&self, generation: u64, cpu: u32) -> usize {
        let key = (generation as usize & 1) * (self.sizes.cpus * LEVELS) as usize
            + (cpu * LEVELS) as usize;
        key * self.sizes.log_bytes()
    }
}

fn size(
    skeleton: &mut crate::skeleton::sampler::OpenSamplerSkel<'_>,
    sizes: Sizes,
) -> libbpf_rs::Result<()> {
    skeleton.maps.logs.set_value_size(sizes.log_bytes() as u32)?;
    skeleton.maps.logs.set_max_entries(sizes.logs())?;
    skeleton.maps.cpus.set_max_entries(sizes.cpus)?;
    skeleton.maps.caches.set_max_entries(sizes.cpus * LEVELS)?;
    skeleton.maps.targets.set_max_entries(sizes.id_entries)
}

/// The tables' maps.
fn tables(skeleton: &SamplerSkel<'_>, memory: usize) -> io::Result<Tables> {
    let chunk_bytes = size_of::<chunk>();
    let arena = MapHandle::try_from(&skeleton.maps.arena).map_err(io::Error::other)?;
    let make = move |number: u32| {
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_rs::libbpf_sys::bpf_map_create_opts>() as u64,
            map_flags: libbpf_rs::libbpf_sys::BPF_F_MMAPABLE,
            ..Default::default()
        };
        let size = chunk_bytes as u32;
        let chunk = MapHandle::create(MapType::Array, Some("chunk"), 4, size, 1, &options)
            .map_err(io::Error::other)?;
        let memory = SharedMemory::map(chunk.as_fd(), chunk_bytes)?;
        let descriptor = chunk.as_fd().as_raw_fd().to_ne_bytes();
        arena
            .update(&number.to_ne_bytes(), &descriptor, MapFlags::ANY)
            .map_err(io::Error::other)?;
        Ok(memory)
    };
    let most = (memory / chunk_bytes).min(unwind_limits::MOST_CHUNKS.0 as usize) as u32;
    Ok(Tables::new(
        most,
        make,
        SharedMemory::map(skeleton.maps.rules.as_fd(), size_of::<rules>())?,
        SharedMemory::map(skeleton.maps.spaces.as_fd(), size_of::<spaces>())?,
    ))
}

fn settings(data: &mut rodata, config: &Config, sizes: Sizes) -> Result<(), Error> {
    let namespace = std::fs::metadata("/proc/self/ns/pid")
        .map_err(|source| Error::Failed { step: "reading /proc/self/ns/pid", source })?
        .ino();
    data.namespace_inum = namespace as u32;
    data.namespace_is_first = namespace == FIRST_PID_NAMESPACE;
    data.log_mask = sizes.log_words - 1;
    data.logs_a_generation = sizes.cpus * LEVELS;
    data.levels = LEVELS;
    data.seed = random();
    data.multiplier = random() | 1;
    data.kernel_depth = kernel_depth();
    data.target_kind = match config.target {
        Target::Machine => target_kind::TARGET_MACHINE.0,
        Target::Processes(_) => target_kind::TARGET_PROCESSES.0,
        Target::Threads(_) => target_kind::TARGET_THREADS.0,
    };
    data.excluded_pid = config.exclude.unwrap_or(0);
    data.want_user = config.user;
    data.want_kernel = config.kernel;
    data.want_idle = config.idle;
    data.want_guess = config.guess;
    data.unwind_mode = match config.unwind {
        Unwind::FramePointers => unwind_mode::UNWIND_FRAME_POINTERS.0,
        Unwind::Auto => unwind_mode::UNWIND_AUTO.0,
        Unwind::Rules => unwind_mode::UNWIND_RULES.0,
    };
    Ok(())
}

/// A number that a profiled process does not know.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// The most frames of a kernel stack that this kernel gives (`kernel.perf_event_max_stack`).
fn kernel_depth() -> u32 {
    let text = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_stack").unwrap_or_default();
    text.trim().parse().unwrap_or(u32::MAX).min(limits::KERNEL_FRAMES.0)
}

/// Whether programs may follow a task's pointers and ask for its saved registers (5.15).
fn direct_task_access() -> bool {
    let id = libbpf_rs::libbpf_sys::BPF_FUNC_task_pt_regs;
    let kind = libbpf_rs::libbpf_sys::BPF_PROG_TYPE_PERF_EVENT;
    // SAFETY: a probe of the kernel; it takes no memory of ours.
    unsafe { libbpf_rs::libbpf_sys::libbpf_probe_bpf_helper(kind, id, std::ptr::null()) == 1 }
}

/// A libbpf error, with the number that the kernel gave.
fn refused(step: &'static str, error: &libbpf_rs::Error) -> Error {
    let number = match error.kind() {
        libbpf_rs::ErrorKind::PermissionDenied => Some(libc::EPERM),
        _ => None,
    };
    let source =
        number.map_or_else(|| io::Error::other(format!("{error:#}")), io::Error::from_raw_os_error);
    capability::refused(step, source)
}
