//! Loading the programs, with maps of the sizes that this machine needs.

use super::memory::SharedMemory;
use super::size::{LEVELS, Sizes};
use super::skeleton::SamplerSkelBuilder;
use super::skeleton::types::{bss, cpu, limits, rodata, target_kind};
use super::{Config, Target, capability};
use crate::Error;
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{Link, MapCore, MapFlags};
use std::collections::BTreeMap;
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

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
        size(&mut skeleton, sizes).map_err(failed)?;
        let skeleton = skeleton.load().map_err(failed)?;
        insert_targets(&skeleton.maps.targets, &config.target).map_err(failed)?;
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
        let mapped = |source| Error::Failed { step: "mapping the BPF maps", source };
        Ok(Self {
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
            sizes,
        })
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
    skeleton: &mut super::skeleton::OpenSamplerSkel<'_>,
    sizes: Sizes,
) -> libbpf_rs::Result<()> {
    skeleton.maps.logs.set_value_size(sizes.log_bytes() as u32)?;
    skeleton.maps.logs.set_max_entries(sizes.logs())?;
    skeleton.maps.cpus.set_max_entries(sizes.cpus)?;
    skeleton.maps.targets.set_max_entries(sizes.id_entries)
}

fn insert_targets(map: &impl MapCore, target: &Target) -> libbpf_rs::Result<()> {
    if let Target::Processes(list) | Target::Threads(list) = target {
        for (entry, ids) in by_entry(list) {
            map.update(&entry.to_ne_bytes(), &ids, MapFlags::ANY)?;
        }
    }
    Ok(())
}

/// The entries of the map of ids that hold these ids.
fn by_entry(list: &[u32]) -> BTreeMap<u32, Vec<u8>> {
    let an_entry = limits::IDS_AN_ENTRY.0;
    let mut entries = BTreeMap::new();
    for id in list {
        let ids = entries.entry(id / an_entry).or_insert_with(|| vec![0; an_entry as usize]);
        ids[(id % an_entry) as usize] = 1;
    }
    entries
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
    data.seed = seed();
    data.target_kind = match config.target {
        Target::Machine => target_kind::TARGET_MACHINE.0,
        Target::Processes(_) => target_kind::TARGET_PROCESSES.0,
        Target::Threads(_) => target_kind::TARGET_THREADS.0,
    };
    data.excluded_pid = config.exclude.unwrap_or(0);
    data.want_user = config.user;
    data.want_kernel = config.kernel;
    data.want_idle = config.idle;
    Ok(())
}

/// Keeps a profiled process from choosing stacks whose ids collide.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_a_kernel_has_its_place() {
        // PID_MAX_LIMIT of 64-bit kernels.
        let last = (1 << 22) - 1;
        let entries = by_entry(&[1, 4095, 4096, last]);
        let set = |entry: u32| entries[&entry].iter().filter(|byte| **byte == 1).count();
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [0, 1, last / 4096]);
        assert_eq!((set(0), set(1), set(last / 4096)), (2, 1, 1));
        assert_eq!((entries[&0][1], entries[&0][4095], entries[&1][0]), (1, 1, 1));
        assert!(last / 4096 < limits::ID_ENTRIES.0, "inside the map");
    }
}
