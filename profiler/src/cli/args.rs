//! The command line as it is typed. [`crate::cli::config`] turns it into settings.

mod doctor;
mod drawing;
mod formats;
mod push;
mod record;
mod report;
mod upload;
mod value;

pub use doctor::DoctorArgs;
pub use drawing::Drawing;
pub use formats::FormatArgs;
pub use push::PushArgs;
pub use record::RecordArgs;
pub use report::ReportArgs;
pub use upload::UploadArgs;
pub use value::{CpuList, Wanted};

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::sync::LazyLock;

#[cfg(feature = "completions")]
pub use clap_complete::Shell;
/// A shell's name, in a build without completions.
#[cfg(not(feature = "completions"))]
pub type Shell = String;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "bpflame", version, long_version = LONG_VERSION.as_str(), about, propagate_version = false)]
#[command(
    about = "Shows which functions use the CPU time of a process, a command or the whole machine"
)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\nlicence: Apache-2.0 OR MIT\nwrites: svg, pprof (.pb.gz), folded stacks\n\
         sends: {}\n`bpflame doctor` checks what this machine lacks",
        env!("CARGO_PKG_VERSION"),
        sends()
    )
});

/// The backends that this build sends profiles to.
fn sends() -> String {
    if !cfg!(feature = "push") {
        return String::from("nothing (left out of this build)");
    }
    format!(
        "Pyroscope (push.v1), Parca (WriteRaw), OTLP profiles (v1development, opentelemetry-proto {})",
        output::otlp::PROTO_VERSION
    )
}

const EXIT_CODES: &str = "\
Exit codes: 0 success, 1 failure or not delivered, 2 wrong usage, 3 no samples, 4 not permitted, 5 the kernel lacks a feature, \
6 no such process or thread. `record -- COMMAND` exits with the exit code of the command (128 + N if signal N killed it); or with \
125 if bpflame itself failed, 126 if the command is not executable, 127 if the command was not found.";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record a process, a command or the whole machine
    Record(Box<RecordArgs>),
    /// Print a pprof file as a table, or convert it
    Report(Box<ReportArgs>),
    /// Send pprof files to profiling backends
    Upload(Box<UploadArgs>),
    /// List what is missing for recordings on this machine, with the commands that fix it
    Doctor(DoctorArgs),
    /// Print shell completions
    Completions {
        /// Shell to print completions for
        shell: Shell,
    },
    /// Print a manual page
    Man {
        /// Subcommand to print the page of [default: the page of bpflame itself]
        subcommand: Option<String>,
    },
    /// Waits for the sampler, then becomes the command (used by `record -- COMMAND`)
    #[command(hide = true)]
    ExecGate(GateArgs),
    /// Makes names without any rights (used by `record` and `report`)
    #[command(hide = true)]
    AnswerNames,
    /// Looks into file systems that may not answer (used by `record` and `doctor`)
    #[command(hide = true)]
    LookAtFiles,
}

/// Arguments from `record` to the process that becomes the command.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    /// The user to become
    #[arg(long)]
    pub uid: Option<u32>,
    /// The group to become
    #[arg(long)]
    pub gid: Option<u32>,
    /// The supplementary groups to have
    #[arg(long, value_delimiter = ',')]
    pub groups: Vec<u32>,
    /// The command
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::time::Duration;

    fn record(line: &str) -> Result<RecordArgs, clap::Error> {
        let words = ["bpflame", "record"].into_iter().chain(line.split_whitespace());
        match Cli::try_parse_from(words)?.command {
            Command::Record(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_process_with_outputs() {
        let args = record("-p 17,redis-server -d 10s -F 199 -o a.svg -o b.pb.gz --tree").unwrap();
        assert_eq!(args.processes, [Wanted::Pid(17), Wanted::Name(String::from("redis-server"))]);
        assert_eq!(args.duration, Some(Duration::from_secs(10)));
        assert_eq!(args.frequency, Some(199));
        assert_eq!(args.output.len(), 2);
        assert!(args.tree);
    }

    #[test]
    fn a_command_keeps_its_own_options() {
        let args = record("-F 49 -- ls -l -- x").unwrap();
        assert_eq!(args.command, ["ls", "-l", "--", "x"]);
        assert_eq!(args.frequency, Some(49));
    }

    #[test]
    fn exactly_one_target() {
        assert!(record("").is_err());
        assert!(record("-a -p 1").is_err());
        assert!(record("-p 1 -t 2").is_err());
        assert!(record("-a -- ls").is_err());
        assert!(record("-t 5,6 -a").is_err());
        assert!(record("--tree -a").is_err());
    }

    #[test]
    fn user_only_and_kernel_only_exclude_each_other() {
        assert!(record("-a -U -K").is_err());
        assert!(record("-a -U").is_ok());
        assert!(record("-a -K").is_ok());
    }

    #[test]
    fn frequency_zero_is_a_usage_error() {
        assert_eq!(record("-a -F 0").unwrap_err().exit_code(), 2);
    }
}
