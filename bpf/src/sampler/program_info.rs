//! What the kernel says of programs.

use libbpf_rs::libbpf_sys as sys;
use std::os::fd::{AsRawFd, OwnedFd};

/// The kernel's information about a program; all zero if the kernel gives none.
pub(super) fn information(of: &OwnedFd) -> sys::bpf_prog_info {
    let mut info = sys::bpf_prog_info::default();
    let mut len = size_of_val(&info) as u32;
    // SAFETY: the descriptor is that of a program, and `info` has the stated size. The kernel fills in what fits.
    let answer =
        unsafe { sys::bpf_prog_get_info_by_fd(of.as_raw_fd(), &raw mut info, &raw mut len) };
    if answer == 0 { info } else { sys::bpf_prog_info::default() }
}

/// Whether programs may follow a task's pointers, ask for its saved registers, and get the number of their event.
pub(super) fn has_the_helpers_of_5_15() -> bool {
    let kind = sys::BPF_PROG_TYPE_PERF_EVENT;
    [sys::BPF_FUNC_task_pt_regs, sys::BPF_FUNC_get_attach_cookie].into_iter().all(|id| {
        // SAFETY: a probe of the kernel; no memory of this process is passed.
        unsafe { sys::libbpf_probe_bpf_helper(kind, id, std::ptr::null()) == 1 }
    })
}
