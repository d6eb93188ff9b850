//! A command that bpflame starts. It waits at its gate until the sampler is ready; then bpflame waits for its end.

use crate::cli::secrets::SECRETS;
use crate::host::exit::{COMMAND_FAILED, NOT_EXECUTABLE, NOT_FOUND};
use crate::host::privileges::environment;
use crate::host::sudo_user::SudoUser;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A command of the user, before and after its gate. If it is dropped before [`Started::release`], the command never
/// runs.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    gate: Option<UnixStream>,
    program: PathBuf,
}

/// The reason why a command did not run.
#[derive(Debug)]
pub(crate) struct NotRun {
    /// The exit code, as with `env` and `timeout`: 125, 126, 127.
    pub code: u8,
    /// The reason as a sentence.
    pub message: String,
}

impl Started {
    /// Starts the process and holds it at the gate.
    pub(crate) fn at_gate(command: &[OsString], sudo_user: Option<&SudoUser>) -> io::Result<Self> {
        let (gate, theirs) = UnixStream::pair()?;
        let mut gated = Command::new("/proc/self/exe");
        gated.arg0("bpflame").arg("exec-gate").stdin(Stdio::from(OwnedFd::from(theirs)));
        gated.envs(environment().into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
        for secret in SECRETS {
            gated.env_remove(secret);
        }
        if let Some(user) = sudo_user {
            let groups: Vec<String> = user.groups().iter().map(u32::to_string).collect();
            gated.args([format!("--uid={}", user.uid), format!("--gid={}", user.gid)]);
            gated.arg(format!("--groups={}", groups.join(",")));
            gated.envs(user.environment());
        }
        let child = gated.arg("--").args(command).spawn()?;
        let program = command.first().map(PathBuf::from).unwrap_or_default();
        Ok(Self { child, gate: Some(gate), program })
    }

    /// Its process id, the same before and after the gate.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The program's name.
    pub(crate) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Opens the gate. Returns when the command runs, or with the reason why it does not.
    pub(crate) fn release(&mut self) -> Result<(), NotRun> {
        let Some(mut gate) = self.gate.take() else { return Ok(()) };
        let name = self.program.display();
        let failed = |error: io::Error| NotRun {
            code: COMMAND_FAILED,
            message: format!("{name} could not be started: {error}"),
        };
        hand_over_stdin(&gate).map_err(failed)?;
        let mut answer = Vec::new();
        Read::by_ref(&mut gate).take(4).read_to_end(&mut answer).map_err(failed)?;
        let Ok(number) = <[u8; 4]>::try_from(answer) else { return Ok(()) };
        let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
        drop(self.child.wait());
        Err(match error.kind() {
            io::ErrorKind::NotFound => {
                NotRun { code: NOT_FOUND, message: format!("{name}: command not found") }
            }
            _ => NotRun {
                code: NOT_EXECUTABLE,
                message: format!("{name} cannot be executed: {error}"),
            },
        })
    }

    /// The exit code of the command if it has ended: its own, or 128 + the signal.
    pub(crate) fn ended(&mut self) -> io::Result<Option<u8>> {
        Ok(self.child.try_wait()?.map(code))
    }

    /// Asks the command to end.
    pub(crate) fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            // The command may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The command is still at the gate. The closed socket makes it end.
        if self.gate.take().is_some() {
            drop(self.child.wait());
        }
    }
}

fn hand_over_stdin(gate: &UnixStream) -> io::Result<()> {
    let stdin = io::stdin();
    let fds = [stdin.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(gate, &[IoSlice::new(b"\n")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code & 0xff).unwrap_or(COMMAND_FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_shell_s() {
        assert_eq!(code(ExitStatus::from_raw(0)), 0);
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(ExitStatus::from_raw(9)), 137);
    }
}
