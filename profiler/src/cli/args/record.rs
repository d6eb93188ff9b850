//! The arguments of `bpflame record`.

use super::PushArgs;
use super::drawing::Drawing;
use super::value::{self, CpuList, Wanted};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What was typed after `record`.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("target").required(true).args(["processes", "threads", "all", "command", "replay"]))]
pub struct RecordArgs {
    /// Processes, by id or by name (every process of that name)
    #[arg(short = 'p', long = "pid", value_name = "PID|NAME", value_delimiter = ',', value_parser = value::wanted)]
    pub processes: Vec<Wanted>,

    /// With -p: the children that already exist, too
    #[arg(long, requires = "processes", conflicts_with_all = ["all", "threads", "command"])]
    pub tree: bool,

    /// Threads, by id
    #[arg(short = 't', long = "tid", value_name = "TID", value_delimiter = ',', value_parser = value::id)]
    pub threads: Vec<u32>,

    /// The whole machine
    #[arg(short = 'a', long)]
    pub all: bool,

    /// Only these CPUs, as in 0-3,5
    #[arg(short = 'C', long = "cpu", value_name = "CPUS", value_parser = value::cpus)]
    pub cpus: Option<CpuList>,

    /// How long: 10, 10s, 1m, 500ms. Without it a command is recorded until it exits, anything else until
    /// Ctrl-C on a terminal and for 10 s elsewhere
    #[arg(short = 'd', long, value_name = "TIME", value_parser = value::duration)]
    pub duration: Option<Duration>,

    /// Samples a second and CPU
    #[arg(short = 'F', long, value_name = "HERTZ", default_value = "99", value_parser = value::hertz)]
    pub frequency: u32,

    /// How user stacks are walked: by the unwind rules of each file and elsewhere by frame pointer (auto), by frame pointer
    /// alone (fp), by rules alone (dwarf)
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = value::unwind)]
    pub unwind: bpf::Unwind,

    /// Where code has no unwind rule, its callers are not guessed: the stack ends there, and that is counted
    #[arg(long)]
    pub no_guess: bool,

    /// The most memory for unwind tables: 64M, 1G
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = value::unwind_memory)]
    pub unwind_memory: usize,

    /// Only user frames; all samples are kept
    #[arg(short = 'U', long)]
    pub user: bool,

    /// Only kernel frames; all samples are kept
    #[arg(short = 'K', long, conflicts_with = "user")]
    pub kernel: bool,

    /// The idle task, too
    #[arg(short = 'I', long)]
    pub idle: bool,

    /// bpflame's own samples, too
    #[arg(long)]
    pub include_self: bool,

    /// Where to write, repeatable; the extension picks the format (.svg, .pb.gz, .pprof, .folded, .txt);
    /// `-` is standard output and needs --format. Without it, and without --push: an SVG with a name of its own
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// The format of every -o: svg, pprof or folded
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<String>,

    /// Show the graph in the browser
    #[arg(long, help_heading = "Output")]
    pub open: bool,

    /// Write the run's figures as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub stats: Option<PathBuf>,

    /// No labels (pid, tid, comm, thread) in pprof files
    #[arg(long, help_heading = "Output")]
    pub no_labels: bool,

    /// Mark frames in folded stacks
    #[arg(
        long,
        help = "Mark kernel, inlined and JIT frames (_[k], _[i], _[j]) in folded stacks",
        help_heading = "Output"
    )]
    pub annotate: bool,

    /// How the graph is drawn
    #[command(flatten)]
    pub drawing: Drawing,

    /// Leave inlined functions out
    #[arg(long, help_heading = "Symbols")]
    pub no_inline: bool,

    /// Leave the addresses of user files raw, to be named elsewhere by build ID
    #[arg(long, help_heading = "Symbols")]
    pub no_symbolize: bool,

    /// Fetch debug files from the servers of DEBUGINFOD_URLS and /etc/debuginfod
    #[arg(long, help_heading = "Symbols")]
    pub debuginfod: bool,

    /// Where the profile is sent.
    #[command(flatten)]
    pub push: PushArgs,

    /// Under sudo: run the command, and keep the files, as root
    #[arg(long)]
    pub root: bool,

    /// Record on kernels that are known to freeze
    #[arg(long)]
    pub force: bool,

    /// Say nothing but errors
    #[arg(short = 'q', long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more
    #[arg(short = 'v', long)]
    pub verbose: bool,

    /// Take the samples from a stored recording
    #[arg(long, value_name = "FILE", hide = true)]
    pub replay: Option<PathBuf>,

    /// Store the recording
    #[arg(long, value_name = "FILE", hide = true)]
    pub save: Option<PathBuf>,

    /// The command to record, after --
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
