//! The arguments of `bpflame report`.

use crate::cli::args::Drawing;
use output::table::Sort;
use std::path::PathBuf;

/// What was typed after `report`.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the command line")]
pub struct ReportArgs {
    /// A pprof file of any producer, compressed or not; `-` is standard input
    pub file: PathBuf,

    /// Lines of the table; 0: all
    #[arg(short = 'n', long, value_name = "LINES", default_value = "30")]
    pub rows: usize,

    /// What the table is sorted by: self or total
    #[arg(long, value_name = "BY", default_value = "self", value_parser = str::parse::<Sort>)]
    pub sort: Sort,

    /// Which values: cpu, samples, or another sample type of the file, by name or by position from 0. Without it: the
    /// one that the file shows by default
    #[arg(long, value_name = "TYPE")]
    pub sample_type: Option<String>,

    /// Convert instead of printing a table, repeatable; the extension picks the format (.svg, .pb.gz, .pprof,
    /// .folded, .txt); `-` is standard output and needs --format
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// The format of every -o: svg, pprof or folded
    #[arg(long, value_name = "FORMAT", requires = "output", help_heading = "Output")]
    pub format: Option<String>,

    /// The label whose value becomes the frame at the root, as comm in profiles of the whole machine
    #[arg(long, value_name = "LABEL", help_heading = "Output")]
    pub group_by: Option<String>,

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

    /// Leave inlined functions out where addresses are named
    #[arg(long, help_heading = "Symbols")]
    pub no_inline: bool,

    /// Leave addresses without a name as they are
    #[arg(long, help_heading = "Symbols")]
    pub no_symbolize: bool,

    /// Fetch debug files from the servers of DEBUGINFOD_URLS and /etc/debuginfod
    #[arg(long, help_heading = "Symbols", conflicts_with = "no_symbolize")]
    pub debuginfod: bool,

    /// Say nothing but errors
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ReportArgs,
    }

    fn parse(line: &str) -> Result<ReportArgs, clap::Error> {
        Line::try_parse_from(std::iter::once("report").chain(line.split_whitespace()))
            .map(|line| line.args)
    }

    #[test]
    fn defaults_and_choices() {
        let args = parse("x.pb.gz").unwrap();
        assert_eq!((args.rows, args.sort), (30, Sort::Own));
        assert_eq!(parse("x --sort total -n 5").unwrap().sort, Sort::Total);
        assert!(parse("").is_err());
        assert!(parse("x --sort name").is_err());
        assert!(parse("x --format svg").is_err(), "a format is for -o");
    }
}
