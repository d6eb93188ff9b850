//! The arguments of `bpflame upload`.

use super::push::PushArgs;
use std::path::PathBuf;

/// What was typed after `upload`.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("receivers").required(true).args(["push"]))]
pub struct UploadArgs {
    /// pprof files of any producer, compressed or not; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Where to, and how.
    #[command(flatten)]
    pub push: PushArgs,

    /// Under sudo: keep the files that are written as root
    #[arg(long)]
    pub root: bool,

    /// Say nothing but errors
    #[arg(short = 'q', long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say more
    #[arg(short = 'v', long)]
    pub verbose: bool,
}
