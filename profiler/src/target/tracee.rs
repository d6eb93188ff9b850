//! The recorded tasks: processes, threads, the machine, or a command that bpflame starts.

use crate::cli::target_spec::TargetSpec;
use crate::host::console::{self, Console};
use crate::host::exit::{Ending, Failure, Kind};
use crate::host::signals::Signals;
use crate::host::sudo_user::SudoUser;
use crate::target::command::{self, NotRun};
use crate::target::resolved::ResolvedTarget;
use crate::target::watch::Watch;
use signal_hook::consts::SIGINT;
use std::time::Duration;

/// If the command ends within this time, bpflame does not print that it waits for it.
const PATIENCE: Duration = Duration::from_millis(300);

/// The most searches for children that were born before births were followed. Each search finds the children of the
/// processes that the previous one found.
const LOOKS: usize = 4;

/// The target, with the command if there is one.
#[derive(Debug)]
pub(crate) struct Tracee {
    /// The resolved target.
    pub target: ResolvedTarget,
    command: Option<command::Started>,
    program: Option<String>,
}

impl Tracee {
    /// Finds the target. A command is started as this user and held at its gate. With `needs_mappings`, a target whose
    /// mappings may not be read is refused.
    pub(crate) fn find(
        spec: &TargetSpec,
        user: Option<&SudoUser>,
        needs_mappings: bool,
    ) -> Result<Self, Failure> {
        let target = match spec {
            TargetSpec::Machine => ResolvedTarget::machine(),
            TargetSpec::Threads(tids) => ResolvedTarget::threads(tids)?,
            TargetSpec::Processes { wanted, tree } => ResolvedTarget::processes(wanted, *tree)?,
            TargetSpec::Command(words) => {
                let started = command::Started::at_gate(words, user).map_err(|error| {
                    Failure::new(Kind::Failed, format!("starting a process failed: {error}"))
                })?;
                let target = ResolvedTarget::command(started.pid(), &started.name());
                return Ok(Self { target, command: Some(started), program: None });
            }
        };
        if let Some(pid) = target.unreadable().filter(|_| needs_mappings) {
            return Err(Failure::new(
                Kind::NotPermitted,
                format!("reading the mappings of process {pid} requires CAP_SYS_PTRACE"),
            )
            .cure("run it with sudo, or record only kernel frames with -K"));
        }
        let program = target.processes.first().and_then(|pid| program(*pid));
        Ok(Self { target, command: None, program })
    }

    /// Adds the children that were born between the first search for processes and the opening of the source, which
    /// follows births from then on. `born` gets their ids.
    pub(crate) fn add_newborn(&mut self, spec: &TargetSpec, mut born: impl FnMut(&[u32])) {
        for _ in 0..LOOKS {
            let newborn = self.target.newborn(spec);
            if newborn.is_empty() {
                return;
            }
            born(&newborn);
        }
    }

    /// The process that is the gate and becomes the command.
    pub(crate) fn gate(&self) -> Option<u32> {
        self.command.as_ref().map(command::Started::pid)
    }

    /// Lets the command run.
    pub(crate) fn release(&mut self) -> Result<(), Failure> {
        let Some(command) = &mut self.command else { return Ok(()) };
        let failed = |not_run: NotRun| Failure::new(Kind::Command(not_run.code), not_run.message);
        command.release().map_err(failed)?;
        self.program = program(command.pid());
        Ok(())
    }

    /// The path of the recorded program; if there are several, that of the first.
    pub(crate) fn program(&self) -> Option<String> {
        self.program.clone()
    }

    /// Passes a signal on to the command, unless the terminal already sent it.
    pub(crate) fn pass_on(&self, signal: i32) {
        if let Some(command) = self.command.as_ref().filter(|_| signal != SIGINT) {
            command.terminate();
        }
    }

    /// The end of the run. It waits for the command's exit code. A command without samples is no failure, but it has no
    /// files, so the message is always printed.
    pub(crate) fn ending(
        &mut self,
        told: Result<(), Failure>,
        signals: &mut Signals,
        console: Console,
    ) -> Result<Ending, Failure> {
        let Some(command) = &mut self.command else { return told.map(|()| Ending::Done) };
        match told {
            Err(failure) if failure.kind == Kind::NoSamples => console::line(failure),
            told => told?,
        }
        let mut watch = Watch::new(&[command.pid()]);
        let mut patience = PATIENCE;
        loop {
            if let Some(code) = command.ended()? {
                return Ok(Ending::Command(code));
            }
            watch.wait(signals, patience, patience, &[]);
            if signals.take().is_some_and(|signal| signal != SIGINT) {
                command.terminate();
            }
            if patience == PATIENCE {
                console.note(format_args!("waiting for {} to exit", self.target.title));
            }
            patience = Duration::from_secs(3600);
        }
    }
}

fn program(pid: u32) -> Option<String> {
    let path = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(path.to_string_lossy().into_owned())
}
