//! The arguments of `bpflame record`.

use super::drawing::Drawing;
use super::push::PushArgs;
use super::value::{self, CpuList, Wanted};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `record`, as typed.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("target").required(true).args(["processes", "threads", "all", "command", "replay"]))]
pub struct RecordArgs {
    /// Record these processes, by id or by name, separated by commas; a name selects every process of that name
    #[arg(short = 'p', long = "pid", value_name = "PID|NAME", value_delimiter = ',', value_parser = value::wanted)]
    pub processes: Vec<Wanted>,

    /// With -p: also record existing child processes; new ones are always recorded
    #[arg(long, requires = "processes", conflicts_with_all = ["all", "threads", "command"])]
    pub tree: bool,

    /// Record these threads, by id, separated by commas
    #[arg(short = 't', long = "tid", value_name = "TID", value_delimiter = ',', value_parser = value::id)]
    pub threads: Vec<u32>,

    /// Record the whole machine
    #[arg(short = 'a', long)]
    pub all: bool,

    /// Record on these CPUs only, as in 0-3,5
    #[arg(short = 'C', long = "cpu", value_name = "CPUS", value_parser = value::cpus)]
    pub cpus: Option<CpuList>,

    /// Stop recording after this time: 10, 10s, 1m, 500ms [default: a command until it exits, anything else until
    /// Ctrl-C, or for 10 s without a terminal]
    #[arg(short = 'd', long, value_name = "TIME", value_parser = value::duration)]
    pub duration: Option<Duration>,

    /// Event to sample, repeatable: profile (the timer, the default; profile:hz:N has its own rate), page-faults, minor-faults or
    /// major-faults (one sample for 100 faults; page-faults:N: one for N), uprobe:FILE:0xOFFSET (each call of the function at
    /// this offset of the file). Graphs show the first event; a pprof file has a column for each
    #[arg(short = 'e', long = "event", value_name = "EVENT")]
    pub events: Vec<String>,

    /// Samples of the timer per second on each CPU
    #[arg(short = 'F', long, value_name = "HERTZ", default_value = "99", value_parser = value::hertz)]
    pub frequency: u32,

    /// How to walk user stacks: auto (by unwind rules, and by frame pointers where there are none), fp (by frame pointers
    /// alone) or dwarf (by unwind rules alone)
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = value::unwind)]
    pub unwind: bpf::Unwind,

    /// Do not guess the callers of code without unwind rules: the stack ends there and counts as incomplete
    #[arg(long)]
    pub no_guess: bool,

    /// Memory limit for unwind tables, from 2M to 256M
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = value::unwind_memory)]
    pub unwind_memory: usize,

    /// Leave out kernel frames; every sample still counts
    #[arg(short = 'U', long)]
    pub user: bool,

    /// Leave out user frames; every sample still counts
    #[arg(short = 'K', long, conflicts_with = "user")]
    pub kernel: bool,

    /// Also record the idle task
    #[arg(short = 'I', long)]
    pub idle: bool,

    /// Also record bpflame itself
    #[arg(long)]
    pub include_self: bool,

    /// File to write, repeatable. The extension selects the format (.svg, .pb.gz, .pprof, .folded, .txt).
    /// `-` is standard output and needs --format. Without -o and --push, bpflame writes an SVG with a new name
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// Format of every -o: svg, pprof or folded
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<String>,

    /// Open the graph in the browser
    #[arg(long, help_heading = "Output")]
    pub open: bool,

    /// Write the figures of the recording as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub stats: Option<PathBuf>,

    /// Leave the labels (pid, tid, comm, thread) out of pprof files
    #[arg(long, help_heading = "Output")]
    pub no_labels: bool,

    /// Mark frames in folded stacks
    #[arg(
        long,
        help = "Mark frames in folded stacks: _[k] kernel, _[i] inlined, _[j] JIT, _[0] interpreted, _[g] guessed, _[m] caller may be missing, _[s] rule derived from disassembly",
        help_heading = "Output"
    )]
    pub annotate: bool,

    /// Options for drawing the graph
    #[command(flatten)]
    pub drawing: Drawing,

    /// Leave out inlined functions
    #[arg(long, help_heading = "Symbols")]
    pub no_inline: bool,

    /// Do not name user code: keep addresses and build IDs, for tools that name them elsewhere
    #[arg(long, help_heading = "Symbols")]
    pub no_symbolize: bool,

    /// Download debug files from the servers in DEBUGINFOD_URLS and /etc/debuginfod
    #[arg(long, help_heading = "Symbols")]
    pub debuginfod: bool,

    /// Options for sending the profile.
    #[command(flatten)]
    pub push: PushArgs,

    /// Under sudo: run the command as root, and let root own the files
    #[arg(long)]
    pub root: bool,

    /// Record even on a kernel that is known to freeze
    #[arg(long)]
    pub force: bool,

    /// Print only errors
    #[arg(short = 'q', long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more details
    #[arg(short = 'v', long)]
    pub verbose: bool,

    /// Take the samples from a stored recording
    #[arg(long, value_name = "FILE", hide = true)]
    pub replay: Option<PathBuf>,

    /// Store the recording
    #[arg(long, value_name = "FILE", hide = true)]
    pub save: Option<PathBuf>,

    /// Command to record, after --
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
