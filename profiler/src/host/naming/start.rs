//! Starts the process that makes names. It is bpflame again, with one end of a socket pair as its standard input, no variables and none of
//! bpflame's own files.

use crate::host::again::{self, OWN};
use crate::host::privileges::{give_up, has_borrowed};
use rustix::fs::{MemfdFlags, Mode, fchmod, memfd_create};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::Child;

/// Starts the process, without new privileges. The calling thread gives up its own for good, so it must end afterwards.
///
/// # Errors
/// It could not be started.
pub(crate) fn start() -> io::Result<(Child, UnixStream)> {
    let borrowed = has_borrowed();
    rustix::thread::set_no_new_privs(true)?;
    give_up()?;
    let copy = if borrowed { Some(unreadable()?) } else { None };
    let program = copy
        .as_ref()
        .map_or(String::from(OWN), |copy| format!("/proc/self/fd/{}", copy.as_raw_fd()));
    again::start(&program, "answer-names")
}

/// A copy of this program that its user may execute and not read. So the kernel lets nobody trace a process of it, from its first
/// instruction on: bpflame has capabilities that its user has not, and hands over files that its user may not read.
fn unreadable() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::EXEC;
    let made = memfd_create("bpflame", flags)
        // Before Linux 6.3, every memory file could be executed.
        .or_else(|_| memfd_create("bpflame", MemfdFlags::CLOEXEC))?;
    let mut copy = File::from(made);
    io::copy(&mut File::open(OWN)?, &mut copy)?;
    fchmod(&copy, Mode::XUSR | Mode::XGRP | Mode::XOTH)?;
    Ok(copy)
}
