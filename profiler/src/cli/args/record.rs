//! The arguments of `bpflame record`.

use super::formats::FormatArgs;
use super::push::PushArgs;
use super::value::{self, CpuList, Wanted};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `record`, as typed.
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "bpflame record [OPTIONS] -p <PID|NAME>\n       bpflame record [OPTIONS] -t <TID>\n       bpflame record [OPTIONS] -a\n       bpflame record [OPTIONS] -- <COMMAND>..."
)]
#[command(group = clap::ArgGroup::new("target").required(true).args(["processes", "threads", "all", "command", "replay"]))]
pub struct RecordArgs {
    /// Record these processes, by id or name, separated by commas; a name selects all processes with that name
    #[arg(short = 'p', long = "pid", value_name = "PID|NAME", value_delimiter = ',', value_parser = value::wanted)]
    pub processes: Vec<Wanted>,

    /// With -p: also record child processes that already run; children that start later are always recorded
    #[arg(long, requires = "processes", conflicts_with_all = ["all", "threads", "command"])]
    pub tree: bool,

    /// Record these threads, by thread id, separated by commas
    #[arg(short = 't', long = "tid", value_name = "TID", value_delimiter = ',', value_parser = value::id)]
    pub threads: Vec<u32>,

    /// Record the whole machine
    #[arg(short = 'a', long)]
    pub all: bool,

    /// Record on these CPUs only, as in 0-3,5
    #[arg(short = 'C', long = "cpu", value_name = "CPUS", value_parser = value::cpus)]
    pub cpus: Option<CpuList>,

    /// Stop recording after this time, as in 10, 10s, 1m, 500ms [default: when the command exits; without a command at Ctrl-C, or
    /// after 10s if there is no terminal]
    #[arg(short = 'd', long, value_name = "TIME", value_parser = value::duration)]
    pub duration: Option<Duration>,

    /// Event to sample, repeatable. profile: CPU time, by a timer (the default); profile:hz:N: with a rate of its own. page-faults,
    /// minor-faults, major-faults: every 100th fault; page-faults:N: every Nth. uprobe:FILE:0xOFFSET: each call of the function at
    /// this offset in FILE, as in uprobe:/usr/bin/app:0x1150 (readelf -lW FILE shows which offset an address has).
    /// Graphs and folded stacks show one event, the first that has samples; pprof files contain all
    #[arg(short = 'e', long = "event", value_name = "EVENT")]
    pub events: Vec<String>,

    /// Rate of the timer: samples per second on each CPU [default: 99]
    #[arg(short = 'F', long, value_name = "HERTZ", value_parser = value::hertz)]
    pub frequency: Option<u32>,

    /// How to find callers in user code: auto (by unwind rules; in code without rules, mostly by frame pointers), fp (by frame
    /// pointers alone) or dwarf (by unwind rules alone)
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = value::unwind)]
    pub unwind: bpf::Unwind,

    /// Do not guess callers in code without unwind rules: end the stack there and count it as incomplete
    #[arg(long)]
    pub no_guess: bool,

    /// Memory limit for unwind tables, from 2M to 256M
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = value::unwind_memory)]
    pub unwind_memory: usize,

    /// Record user frames only. A sample in the kernel is shown at the user function that called the kernel
    #[arg(short = 'U', long)]
    pub user: bool,

    /// Record kernel frames only. A sample in user code is shown as one frame, "user" in brackets
    #[arg(short = 'K', long, conflicts_with = "user")]
    pub kernel: bool,

    /// Also record idle CPUs (the kernel's idle task)
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

    /// Write the figures of the recording to this file, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub stats: Option<PathBuf>,

    /// Options that apply to one format each
    #[command(flatten)]
    pub formats: FormatArgs,

    /// Leave out inlined functions
    #[arg(long, help_heading = "Symbols")]
    pub no_inline: bool,

    /// Also show the frames of an interpreter's own loop, beside those of the functions that it runs
    #[arg(long, help_heading = "Symbols")]
    pub native: bool,

    /// Do not look up names of user functions: keep addresses and build IDs, for tools that look them up elsewhere
    #[arg(long, help_heading = "Symbols")]
    pub no_symbolize: bool,

    /// Download debug files from the servers in DEBUGINFOD_URLS and /etc/debuginfod
    #[arg(long, help_heading = "Symbols")]
    pub debuginfod: bool,

    /// Time limit for finding names after the recording. What is not found by then stays an address
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = value::duration, help_heading = "Symbols")]
    pub symbol_time: Duration,

    /// Options for sending the profile.
    #[command(flatten)]
    pub push: PushArgs,

    /// Under sudo: run the command as root, and write files that root owns
    #[arg(long)]
    pub root: bool,

    /// Record even on Linux 5.19 to 6.1.35, 6.2 and 6.3.0 to 6.3.9, which can freeze while BPF programs read user memory
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

    /// Store the kernel's addresses as they are, to compare them with those of other tools
    #[arg(long, requires = "save", hide = true)]
    pub save_kernel_addresses: bool,

    /// Command to record, after --
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
