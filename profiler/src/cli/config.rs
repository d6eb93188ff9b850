//! The settings of a recording, made from the command line.

#[cfg(test)]
mod tests;

use crate::cli::args::{FormatArgs, RecordArgs, Wanted};
use crate::cli::debuginfod;
use crate::cli::outputs::{self, Place};
use crate::cli::target_spec::TargetSpec;
use crate::host::console::Console;
use crate::host::exit::{Failure, Kind};
use crate::host::sudo_user::SudoUser;
use bpf::EventSpec;
use output::{Format, svg};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use symbolizer::NameOptions;

/// The end of a recording, if nothing else ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this duration.
    Time(Duration),
    /// When the command exits.
    Command,
    /// At Ctrl-C, or when all recorded processes have ended.
    Interrupt,
    /// After this default duration, because none was given and there is no terminal for Ctrl-C.
    Default(Duration),
}

impl Until {
    /// The duration, if it is fixed.
    pub(crate) fn time(self) -> Option<Duration> {
        match self {
            Self::Time(time) | Self::Default(time) => Some(time),
            Self::Command | Self::Interrupt => None,
        }
    }
}

/// The settings of a recording, with a struct for each concern.
#[derive(Clone, Debug)]
pub struct Config {
    /// The target, as typed.
    pub target: TargetSpec,
    /// The sampling settings.
    pub sampling: Sampling,
    /// The end of the recording.
    pub until: Until,
    /// Options for naming addresses.
    pub naming: Naming,
    /// The files to write.
    pub outputs: Outputs,
    /// Saved recordings.
    pub stored: Stored,
    /// The user who runs the command and owns the files, if it is not bpflame's own user.
    pub sudo_user: Option<SudoUser>,
    /// The messages to print.
    pub console: Console,
}

/// The sampling settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Sampling {
    /// The sampled CPUs; `None`: all.
    pub cpus: Option<Vec<u32>>,
    /// The sampled events, one at least.
    pub events: Vec<EventSpec>,
    /// The mode of walking user stacks.
    pub unwind: bpf::Unwind,
    /// Memory limit for unwind tables, in bytes.
    pub unwind_memory: usize,
    /// Whether callers are guessed in code without rules.
    pub guess: bool,
    /// Whether user stacks are recorded.
    pub user: bool,
    /// Whether kernel stacks are recorded.
    pub kernel: bool,
    /// Whether the idle task is sampled.
    pub idle: bool,
    /// Whether bpflame's own samples are kept.
    pub include_self: bool,
    /// Whether to record on a kernel that may freeze.
    pub force: bool,
}

/// Options for naming addresses.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Whether addresses in user files are named.
    pub symbolize: bool,
    /// Whether interpreters' own frames are shown beside those that they run.
    pub native: bool,
    /// Options for naming them.
    pub options: NameOptions,
}

/// The files to write.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// The files with their formats; empty: one SVG with a new name, unless the profile is sent.
    pub list: Vec<(Place, Format)>,
    /// Options that apply to one format each.
    pub formats: FormatArgs,
    /// Whether the graph is opened in the browser.
    pub open: bool,
    /// The file for the figures.
    pub stats: Option<PathBuf>,
}

/// Saved recordings.
#[derive(Clone, Debug)]
pub struct Stored {
    /// A saved recording to replay.
    pub replay: Option<PathBuf>,
    /// The file to save the recording in.
    pub save: Option<PathBuf>,
    /// Whether the kernel's addresses are saved as they are.
    pub kernel_addresses: bool,
}

impl Outputs {
    /// Whether a format asks for the time of each sample.
    pub(crate) fn times(&self) -> bool {
        self.list.iter().any(|(_, format)| format.times)
    }
}

impl Config {
    /// Turns the command line into settings.
    ///
    /// # Errors
    /// [`Kind::Usage`] when an output has no format, or no debuginfod server is known.
    pub fn new(args: RecordArgs) -> Result<Self, Failure> {
        let list = outputs(&args)?;
        let servers = debuginfod::servers(args.debuginfod)?;
        Ok(Self {
            until: until(&args, std::io::stderr().is_terminal()),
            target: target(args.command, args.threads, args.processes, args.tree),
            sampling: Sampling {
                cpus: args.cpus.map(|list| list.0),
                events: events(&args.events, args.frequency)?,
                unwind: unwind(args.unwind)?,
                unwind_memory: args.unwind_memory,
                guess: !args.no_guess,
                user: !args.kernel,
                kernel: !args.user,
                idle: args.idle,
                include_self: args.include_self,
                force: args.force,
            },
            naming: Naming {
                symbolize: !args.no_symbolize,
                native: args.native,
                options: NameOptions {
                    no_inline: args.no_inline,
                    debuginfod: servers,
                    time: args.symbol_time,
                },
            },
            outputs: Outputs { list, formats: args.formats, open: args.open, stats: args.stats },
            stored: Stored {
                replay: args.replay,
                save: args.save,
                kernel_addresses: args.save_kernel_addresses,
            },
            sudo_user: if args.root { None } else { SudoUser::behind_sudo() },
            console: Console::new(args.quiet, args.verbose),
        })
    }

    /// The user and group id that own the files, if they are not bpflame's own.
    pub(crate) fn owner(&self) -> Option<(u32, u32)> {
        self.sudo_user.as_ref().map(SudoUser::ids)
    }
}

/// The rate of the timer if none was typed; `docs/accuracy.md` says why.
const DEFAULT_RATE: u32 = 99;

/// The events that were named; if none were, the timer. `hertz` is the rate that was typed for it.
fn events(named: &[String], hertz: Option<u32>) -> Result<Vec<EventSpec>, Failure> {
    let rate = hertz.unwrap_or(DEFAULT_RATE);
    if named.is_empty() {
        return Ok(vec![EventSpec::timer(rate)]);
    }
    let mut events: Vec<EventSpec> = Vec::new();
    let mut takes_rate = false;
    for name in named {
        let parse = |hertz| EventSpec::parse(name, hertz);
        let event =
            parse(rate).map_err(|why| Failure::new(Kind::Usage, format!("-e {name}: {why}")))?;
        if events.iter().any(|other| other.name == event.name) {
            return Err(Failure::new(Kind::Usage, format!("-e names {} twice", event.name)));
        }
        takes_rate |= parse(rate.wrapping_add(1)).as_ref() != Ok(&event);
        events.push(event);
    }
    if let Some(hertz) = hertz.filter(|_| !takes_rate) {
        let message = format!("-F {hertz} has no effect on -e {}", named.join(" -e "));
        return Err(Failure::new(Kind::Usage, message)
            .cure("leave out -F, or name the timer as -e profile"));
    }
    Ok(events)
}

/// The target that was typed. If none was, it is the whole machine.
fn target(
    command: Vec<OsString>,
    threads: Vec<u32>,
    wanted: Vec<Wanted>,
    tree: bool,
) -> TargetSpec {
    if !command.is_empty() {
        TargetSpec::Command(command)
    } else if !threads.is_empty() {
        TargetSpec::Threads(threads)
    } else if !wanted.is_empty() {
        TargetSpec::Processes { wanted, tree }
    } else {
        TargetSpec::Machine
    }
}

/// The duration of a recording without `-d` and without a terminal for Ctrl-C.
const DEFAULT_TIME: Duration = Duration::from_secs(10);

/// The mode of walking stacks on this architecture: rules are made for x86-64 only.
fn unwind(asked: bpf::Unwind) -> Result<bpf::Unwind, Failure> {
    match asked {
        asked if cfg!(target_arch = "x86_64") => Ok(asked),
        bpf::Unwind::Rules => {
            Err(Failure::new(Kind::Usage, "--unwind dwarf works on x86-64 only; use --unwind fp"))
        }
        bpf::Unwind::Auto | bpf::Unwind::FramePointers => Ok(bpf::Unwind::FramePointers),
    }
}

fn until(args: &RecordArgs, terminal: bool) -> Until {
    match args.duration {
        Some(time) => Until::Time(time),
        None if !args.command.is_empty() => Until::Command,
        None if terminal || args.replay.is_some() => Until::Interrupt,
        None => Until::Default(DEFAULT_TIME),
    }
}

fn outputs(args: &RecordArgs) -> Result<Vec<(Place, Format)>, Failure> {
    if args.output.is_empty() && args.format.as_deref().is_some_and(|name| name != svg::FORMAT.name)
    {
        return Err(Failure::new(Kind::Usage, "--format needs -o")
            .cure("add -o - to write to standard output"));
    }
    outputs::outputs(&args.output, args.format.as_deref())
}
