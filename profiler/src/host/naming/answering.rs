//! The life of the process that makes names.

use super::sandbox;
use crate::host::exit::COMMAND_FAILED;
use crate::host::priority;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use symbolizer::serve::process;

/// Gives up all rights and answers questions until nobody asks any more.
pub(crate) fn run() -> ExitCode {
    priority::usual();
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        // The other side sees the end, which says all. There is no other receiver.
        Err(_) => ExitCode::from(COMMAND_FAILED),
    }
}

fn answer() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    // The kernel's facts about this process are read once, which the sandbox would refuse.
    let _ = rustix::param::page_size();
    sandbox::enter()?;
    process::run(socket)
}
