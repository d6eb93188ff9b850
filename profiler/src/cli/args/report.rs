//! The arguments of `bpflame report`.

use super::formats::FormatArgs;
use output::table::Sort;
use std::path::PathBuf;

/// The arguments of `report`, as typed.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the command line")]
pub struct ReportArgs {
    /// pprof file from any tool, compressed or not; `-` is standard input
    pub file: PathBuf,

    /// Number of functions in the table; 0 prints all
    #[arg(short = 'n', long, value_name = "LINES", default_value = "30")]
    pub rows: usize,

    /// Sort the table by: self (the function alone) or total (with all functions that it called)
    #[arg(long, value_name = "BY", default_value = "self", value_parser = str::parse::<Sort>)]
    pub sort: Sort,

    /// Values to show: cpu, samples or another sample type in the file, by name or by number from 0 [default: tables show the
    /// default of the file, graphs and folded stacks show samples, as those of record do]
    #[arg(long, value_name = "TYPE")]
    pub sample_type: Option<String>,

    /// Write this file instead of printing a table, repeatable. The extension selects the format (.svg, .pb.gz, .pprof,
    /// .folded, .txt). `-` is standard output and needs --format
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// Format of every -o: svg, pprof or folded
    #[arg(long, value_name = "FORMAT", requires = "output", help_heading = "Output")]
    pub format: Option<String>,

    /// Group samples by this label, such as comm in profiles of the whole machine: tables have a total and functions for each of its
    /// values, graphs and folded stacks have the value as the lowest frame. pprof files keep all labels
    #[arg(long, value_name = "LABEL")]
    pub group_by: Option<String>,

    /// Options that apply to one format each
    #[command(flatten)]
    pub formats: FormatArgs,

    /// Leave out inlined functions when names are looked up
    #[arg(long, help_heading = "Symbols")]
    pub no_inline: bool,

    /// Do not look up names for addresses that have none in the file
    #[arg(long, help_heading = "Symbols")]
    pub no_symbolize: bool,

    /// Download debug files from the servers in DEBUGINFOD_URLS and /etc/debuginfod
    #[arg(long, help_heading = "Symbols", conflicts_with = "no_symbolize")]
    pub debuginfod: bool,

    /// Time limit for finding names. What is not found by then stays an address
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::value::duration, help_heading = "Symbols")]
    pub symbol_time: std::time::Duration,

    /// Print only errors
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
