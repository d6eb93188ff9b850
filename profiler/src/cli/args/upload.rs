//! The arguments of `bpflame upload`.

use super::push::PushArgs;
use std::path::PathBuf;

/// The arguments of `upload`, as typed.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("receivers").required(true).args(["push"]))]
pub struct UploadArgs {
    /// pprof files from any tool, compressed or not; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Options for sending the profiles.
    #[command(flatten)]
    pub push: PushArgs,

    /// Under sudo: write files that root owns
    #[arg(long)]
    pub root: bool,

    /// Print only errors
    #[arg(short = 'q', long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print more details
    #[arg(short = 'v', long)]
    pub verbose: bool,
}
