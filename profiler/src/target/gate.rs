//! The process that becomes the command: it waits until the sampler stands, becomes the user who called
//! sudo, and executes the command. Nothing of it is left but its process id.
//!
//! Its standard input is one end of a socket pair. Through it come one byte, which opens the gate, and the
//! command's real standard input; an error of the execution goes back as four bytes. The socket is closed by a
//! successful execution, so the other side reads either an end or an error.

use crate::cli::args::GateArgs;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Gid, Uid};
use std::ffi::OsString;
use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The gate's name while it waits: samples under it are not the command's.
pub(crate) const NAME: &[u8] = b"bpflame-gate";

/// The name it has before that: of `/proc/self/exe`, by which it is executed.
pub(crate) const FIRST_NAME: &[u8] = b"exe";

/// Waits, and becomes the command. Returns only where that failed.
pub(crate) fn pass(args: &GateArgs) -> ExitCode {
    // The other side knows why; this process has nothing to say where nobody listens.
    if let Ok(mut socket) = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) {
        let error = wait(&socket).and_then(|stdin| become_command(args, &stdin)).err();
        let number = error.and_then(|e| e.raw_os_error()).unwrap_or(Errno::IO.raw_os_error());
        drop(socket.write_all(&number.to_ne_bytes()));
    }
    ExitCode::from(crate::host::exit::COMMAND_FAILED)
}

/// Waits for the byte, and takes the command's standard input.
fn wait(socket: &UnixStream) -> io::Result<OwnedFd> {
    rustix::thread::set_name(c"bpflame-gate")?;
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let stdin = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    match stdin {
        Some(stdin) if got.bytes == 1 => Ok(stdin),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn become_command(args: &GateArgs, stdin: &OwnedFd) -> io::Result<()> {
    rustix::stdio::dup2_stdin(stdin)?;
    // Single-threaded: what the system calls change for a thread, they change for the process.
    if let (Some(uid), Some(gid)) = (args.uid, args.gid) {
        let groups: Vec<Gid> = args.groups.iter().copied().map(Gid::from_raw).collect();
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_gid(Gid::from_raw(gid))?;
        rustix::thread::set_thread_uid(Uid::from_raw(uid))?;
    }
    let (program, arguments) = args.command.split_first().ok_or(io::ErrorKind::NotFound)?;
    Err(execute(program, arguments))
}

fn execute(program: &OsString, arguments: &[OsString]) -> io::Error {
    Command::new(program).args(arguments).exec()
}
