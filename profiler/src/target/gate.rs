//! The process that becomes the command. It waits until the sampler is ready, becomes the user who called sudo, and executes the
//! command, without a capability of bpflame's file and with the variables that the dynamic linker took away from bpflame. Only its process id remains.
//!
//! Its standard input is one end of a socket pair. One byte on the socket opens the gate and carries the command's real standard
//! input. A failed execution sends its error back as four bytes. A successful execution closes the socket. So the other side reads
//! either the end or an error.

use crate::cli::args::GateArgs;
use crate::host::privileges::environment;
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

/// The variables of the command, and their values.
type Environment = Vec<(OsString, OsString)>;

/// The name of the gate while it waits. Samples under this name are not the command's.
pub(crate) const NAME: &[u8] = b"bpflame-gate";

/// The name of the gate before that. It is executed as `/proc/self/exe`.
pub(crate) const FIRST_NAME: &[u8] = b"exe";

/// Waits, and becomes the command. Returns only if that failed.
pub(crate) fn pass(args: &GateArgs) -> ExitCode {
    let environment = environment();
    // The other side knows the cause. If it no longer listens, the error has no other receiver.
    if let Ok(mut socket) = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) {
        let error = wait(&socket).and_then(|stdin| become_command(args, &stdin, environment)).err();
        let number = error.and_then(|e| e.raw_os_error()).unwrap_or(Errno::IO.raw_os_error());
        drop(socket.write_all(&number.to_ne_bytes()));
    }
    ExitCode::from(crate::host::exit::COMMAND_FAILED)
}

/// Waits for the byte and receives the command's standard input.
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

fn become_command(args: &GateArgs, stdin: &OwnedFd, environment: Environment) -> io::Result<()> {
    rustix::stdio::dup2_stdin(stdin)?;
    // There is only one thread here. So these system calls change the whole process.
    if let (Some(uid), Some(gid)) = (args.uid, args.gid) {
        let groups: Vec<Gid> = args.groups.iter().copied().map(Gid::from_raw).collect();
        rustix::thread::set_thread_groups(&groups)?;
        rustix::thread::set_thread_gid(Gid::from_raw(gid))?;
        rustix::thread::set_thread_uid(Uid::from_raw(uid))?;
    }
    let (program, arguments) = args.command.split_first().ok_or(io::ErrorKind::NotFound)?;
    Err(Command::new(program).args(arguments).env_clear().envs(environment).exec())
}
