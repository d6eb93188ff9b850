//! bpflame again, as a process that answers: one end of a socket pair is its standard input. It has no variables and none of bpflame's own
//! files.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// This program, by a path that does not change when the file is replaced.
pub(crate) const OWN: &str = "/proc/self/exe";

/// Starts `program` with a hidden subcommand.
///
/// # Errors
/// It could not be started.
pub(crate) fn start(program: &str, subcommand: &str) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(program)
        .arg0("bpflame")
        .arg(subcommand)
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
