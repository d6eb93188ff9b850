//! The process that looks into file systems that may not answer. It has the rights of the user: where bpflame has capabilities of its file, none
//! of them.

use crate::host::again;
use crate::host::exit::COMMAND_FAILED;
use crate::host::priority;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitCode};
use symbolizer::foreign::serve;

/// Starts the process.
///
/// # Errors
/// It could not be started.
pub(crate) fn start() -> io::Result<(Child, UnixStream)> {
    again::start(again::OWN, "look-at-files")
}

/// Looks where it is asked to, until nobody asks any more.
pub(crate) fn run() -> ExitCode {
    priority::usual();
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
