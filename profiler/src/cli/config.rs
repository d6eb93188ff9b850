//! The settings of a recording, made from the command line.

use crate::cli::args::{Drawing, RecordArgs};
use crate::cli::debuginfod;
use crate::host::console::Console;
use crate::host::exit::{Failure, Kind};
use crate::host::sudo_user::SudoUser;
use crate::push::Push;
use crate::target::resolved::TargetSpec;
use output::Format;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;
use symbolizer::NameOptions;

/// The end of a recording, if nothing else ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This long.
    Time(Duration),
    /// The command exits.
    Command,
    /// Ctrl-C, or the end of all that is recorded.
    Interrupt,
    /// Like `Time`: no duration was given, and there is no terminal for Ctrl-C.
    Default(Duration),
}

/// The destination of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// A recording's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The target, as typed.
    pub target: TargetSpec,
    /// The sampled CPUs; `None`: all.
    pub cpus: Option<Vec<u32>>,
    /// Samples per second on each CPU.
    pub frequency: u32,
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
    /// The end of the recording.
    pub until: Until,
    /// The files to write, with their formats; empty: one SVG with a new name, unless the profile is sent.
    pub outputs: Vec<(Place, Format)>,
    /// The backends to send the profile to.
    pub push: Option<Push>,
    /// Options for drawing graphs.
    pub drawing: Drawing,
    /// Whether folded stacks are marked.
    pub annotate: bool,
    /// Whether pprof samples are labelled.
    pub labels: bool,
    /// Whether the graph is opened in the browser.
    pub open: bool,
    /// The file for the figures.
    pub stats: Option<PathBuf>,
    /// Whether addresses in user files are named.
    pub symbolize: bool,
    /// Options for naming them.
    pub names: NameOptions,
    /// The user who runs the command and owns the files, if it is not bpflame's own user.
    pub sudo_user: Option<SudoUser>,
    /// Whether to record on a kernel that may freeze.
    pub force: bool,
    /// Whether only errors are printed.
    pub quiet: bool,
    /// Whether more details are printed.
    pub verbose: bool,
    /// A saved recording to replay.
    pub replay: Option<PathBuf>,
    /// The file to save the recording in.
    pub save: Option<PathBuf>,
}

impl Config {
    /// Turns the command line into settings.
    ///
    /// # Errors
    /// [`Kind::Usage`] when an output has no format; [`Kind::Failed`] when a file with a secret cannot be read.
    pub fn new(args: RecordArgs) -> Result<Self, Failure> {
        let outputs = outputs(&args)?;
        let servers = debuginfod::servers(args.debuginfod);
        if args.debuginfod && servers.is_empty() {
            return Err(Failure::new(Kind::Usage, "--debuginfod needs a server")
                .cure("set DEBUGINFOD_URLS, as in DEBUGINFOD_URLS=https://debuginfod.debian.net"));
        }
        Ok(Self {
            until: until(&args, std::io::stderr().is_terminal()),
            outputs,
            push: Push::new(&args.push, Console::new(args.quiet, args.verbose))?,
            drawing: args.drawing,
            target: if !args.command.is_empty() {
                TargetSpec::Command(args.command)
            } else if !args.threads.is_empty() {
                TargetSpec::Threads(args.threads)
            } else if !args.processes.is_empty() {
                TargetSpec::Processes { wanted: args.processes, tree: args.tree }
            } else {
                TargetSpec::Machine
            },
            cpus: args.cpus.map(|list| list.0),
            frequency: args.frequency,
            unwind: unwind(args.unwind)?,
            unwind_memory: args.unwind_memory,
            guess: !args.no_guess,
            user: !args.kernel,
            kernel: !args.user,
            idle: args.idle,
            include_self: args.include_self,
            annotate: args.annotate,
            labels: !args.no_labels,
            open: args.open,
            stats: args.stats,
            symbolize: !args.no_symbolize,
            names: NameOptions { no_inline: args.no_inline, debuginfod: servers },
            sudo_user: if args.root { None } else { SudoUser::behind_sudo() },
            force: args.force,
            quiet: args.quiet,
            verbose: args.verbose,
            replay: args.replay,
            save: args.save,
        })
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
    let usage = |message: String| Failure::new(Kind::Usage, message);
    let format = args.format.as_deref().map(str::parse::<Format>).transpose();
    let format = format.map_err(|error| usage(error.to_string()))?;
    if args.output.is_empty() && format.is_some_and(|format| format != Format::Svg) {
        return Err(
            usage(String::from("--format needs -o")).cure("add -o - to write to standard output")
        );
    }
    let to_stdout = |path: &&PathBuf| path.as_os_str() == "-";
    if args.output.iter().filter(to_stdout).count() > 1 {
        return Err(usage(String::from("only one output can go to standard output")));
    }
    let output = |path: &PathBuf| match (to_stdout(&path), format) {
        (true, Some(format)) => Ok((Place::Stdout, format)),
        (true, None) => Err(usage(String::from("-o - needs a format"))
            .cure(format!("add --format, one of {}", Format::NAMES.join(", ")))),
        (false, Some(format)) => Ok((Place::File(path.clone()), format)),
        (false, None) => {
            let format = Format::from_path(path).map_err(|error| {
                usage(error.to_string())
                    .cure(format!("or name it with --format {}", Format::NAMES.join("|")))
            })?;
            Ok((Place::File(path.clone()), format))
        }
    };
    args.output.iter().map(output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use clap::Parser;

    fn args(line: &str) -> RecordArgs {
        let words = ["bpflame", "record"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words).unwrap().command {
            Command::Record(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn extensions_pick_formats() {
        let config = Config::new(args("-a -o a.svg -o b.pb.gz -o c.txt")).unwrap();
        let formats: Vec<Format> = config.outputs.iter().map(|(_, format)| *format).collect();
        assert_eq!(formats, [Format::Svg, Format::Pprof, Format::Folded]);
    }

    #[test]
    fn a_format_is_needed_where_no_extension_tells() {
        for wrong in
            ["-a -o -", "-a -o x.png", "-a -o x", "-a --format png -o x", "-a --format folded"]
        {
            assert_eq!(Config::new(args(wrong)).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
        let config = Config::new(args("-a -o - --format folded")).unwrap();
        assert_eq!(config.outputs, [(Place::Stdout, Format::Folded)]);
        assert!(Config::new(args("-a -o - -o - --format folded")).is_err());
    }

    #[test]
    fn until_when() {
        let ten = Duration::from_secs(10);
        assert_eq!(until(&args("-a -d 10"), true), Until::Time(ten));
        assert_eq!(until(&args("-d 10 -- ls"), true), Until::Time(ten));
        assert_eq!(until(&args("-- ls"), true), Until::Command);
        assert_eq!(until(&args("-a"), true), Until::Interrupt);
        assert_eq!(until(&args("-a"), false), Until::Default(ten));
    }

    #[test]
    fn only_user_and_only_kernel() {
        let config = |line| Config::new(args(line)).unwrap();
        assert!(config("-a").user && config("-a").kernel);
        assert!(config("-a -U").user && !config("-a -U").kernel);
        assert!(!config("-a -K").user && config("-a -K").kernel);
    }
}
