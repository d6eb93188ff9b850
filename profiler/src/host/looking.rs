//! The process that looks into file systems that may not answer. It is bpflame again, with one end of a socket pair as its standard input,
//! no variables and none of bpflame's own files. It has the rights of the user: where bpflame has capabilities of its file, none of them.

use crate::host::exit::COMMAND_FAILED;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use symbolizer::foreign::serve;

/// Starts the process.
///
/// # Errors
/// It could not be started.
pub(crate) fn start() -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new("/proc/self/exe")
        .arg0("bpflame")
        .arg("look-at-files")
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for bpflame. This process ends when nobody asks any more.
        .process_group(0)
        .spawn()?;
    Ok((child, ours))
}

/// Looks where it is asked to, until nobody asks any more.
pub(crate) fn run() -> ExitCode {
    match look() {
        Ok(()) => ExitCode::SUCCESS,
        // The other side sees the end, which says all. There is no other receiver.
        Err(_) => ExitCode::from(COMMAND_FAILED),
    }
}

fn look() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    serve::run(socket)
}
