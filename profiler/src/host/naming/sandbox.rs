//! What the process that makes names gives up: its user, its capabilities, and most system calls.
//!
//! What is left: to read files that it was given or that everybody may read, memory, and the socket to the process that started it.

use rustix::process::{
    DumpableBehavior, Gid, Resource, Rlimit, Uid, getuid, set_dumpable_behavior, setrlimit,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, no_new_privs, set_capabilities, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use std::io;

/// The user and group that own nothing.
const NOBODY: u32 = 65534;
/// The CPU seconds after which the process ends, if nobody has ended it before.
const MOST_CPU: u64 = 600;

/// Gives up what is not needed, for good. The process has one thread.
///
/// # Errors
/// The kernel refused something. Then nothing may be read.
pub(super) fn enter() -> io::Result<()> {
    if !no_new_privs()? {
        return Err(io::Error::other("it was not started by bpflame"));
    }
    if getuid().is_root() {
        become_nobody();
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    // Whoever has its user's id can neither trace it nor read its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let most =
        |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    most(Resource::Core, 0)?;
    most(Resource::Cpu, MOST_CPU)?;
    apply_filter(&filter().map_err(io::Error::other)?).map_err(io::Error::other)
}

/// Becomes the user who owns nothing. In a user namespace without that user, it stays who it is, without a capability.
fn become_nobody() {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    // Each step may be refused where ids are not mapped. The capabilities are given up in any case.
    let _ = set_thread_groups(&[]);
    let _ = set_thread_res_gid(group, group, group);
    let _ = set_thread_res_uid(user, user, user);
}

/// System calls on what is open already, on memory, and on the process itself.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_memfd_create,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Further names of the same, on this architecture alone.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] =
    &[libc::SYS_access, libc::SYS_lstat, libc::SYS_poll, libc::SYS_readlink, libc::SYS_stat];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// Files are opened for reading only. What is not allowed fails, as if the user were not permitted to.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(OLDER).map(|&call| (call, Vec::new())).collect();
    let writes = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
    let reads = |argument| {
        let wanted = SeccompCmpOp::MaskedEq(writes);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, wanted, libc::O_RDONLY as u64)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    rules.insert(libc::SYS_openat, vec![reads(2)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![reads(1)?]);
    // Its own limits, not those of others with its user's id.
    let own = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![own])?]);
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::net::TcpListener;
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    /// The filter is for the thread that applies it, and for those that it starts.
    #[test]
    fn within_the_sandbox_one_can_read_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "text").unwrap();
        std::thread::spawn(move || {
            let parent = rustix::process::getppid();
            rustix::thread::set_no_new_privs(true).unwrap();
            apply_filter(&filter().unwrap()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "text");
            File::options().append(true).open(&path).unwrap_err();
            File::create(path.with_extension("new")).unwrap_err();
            fs::remove_file(&path).unwrap_err();
            Command::new("/bin/true").spawn().unwrap_err();
            TcpListener::bind("127.0.0.1:0").unwrap_err();
            UnixStream::pair().unwrap_err();
            let none = Rlimit { current: Some(0), maximum: Some(0) };
            rustix::process::prlimit(parent, Resource::Core, none).unwrap_err();
            setrlimit(Resource::Core, none).unwrap();
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM)
                .unwrap_err();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn nobody_enters_who_could_gain_privileges_again() {
        let entered = std::thread::spawn(enter).join().unwrap();
        assert!(entered.unwrap_err().to_string().contains("not started by bpflame"));
    }
}
