//! `bpflame report`: a table or another format from a pprof file of any tool.
//!
//! In reading order: `read` (the file), `column` (the values to show), `group` (the label to group by), `naming` (locations that have only a build
//! ID and an address), `local` (their names from this machine), `convert` (files).

mod column;
mod convert;
mod group;
mod local;
mod naming;
pub(crate) mod read;
#[cfg(test)]
mod tests;

use crate::cli::args::ReportArgs;
use crate::cli::debuginfod;
use crate::host::console::Console;
use crate::host::exit::{Failure, Kind};
#[cfg(not(test))]
use crate::host::naming::start::start;
use crate::host::stdout;
use output::tell::counted;
use output::{Encode, Profile, Table};
#[cfg(not(test))]
use symbolizer::name::ask::namer::Namer;
use symbolizer::{NameOptions, Symbolize};

/// Prints a pprof file as a table, or writes it in other formats.
///
/// # Errors
/// [`Kind::Usage`] when an output has no format, a server is missing, or the sample type or the label to group by does not
/// exist; [`Kind::Failed`] when the
/// file is not a readable pprof file, or an output cannot be written.
pub fn run(args: &ReportArgs) -> Result<(), Failure> {
    let console = Console::new(args.quiet, false);
    let outputs = convert::open(args)?;
    let mut profile = read::profile(&args.file)?;
    profile.default_sample_type = column::choose(&profile, args.sample_type.as_deref())?;
    group::check(&profile, args.group_by.as_deref())?;
    if !args.no_symbolize {
        name(&mut profile, args, console)?;
    }
    if outputs.is_empty() {
        table(&profile, args)?;
    }
    for output in outputs {
        output.write(&profile, args)?;
    }
    Ok(())
}

/// Names the unnamed locations, and prints how many stay unnamed.
fn name(profile: &mut Profile, args: &ReportArgs, console: Console) -> Result<(), Failure> {
    let servers = debuginfod::servers(args.debuginfod)?;
    let options =
        NameOptions { no_inline: args.no_inline, debuginfod: servers, time: args.symbol_time };
    let mut names = local::Names::new(options, answers());
    let left = naming::name(profile, &mut |mapping, addresses| names.of(mapping, addresses));
    for (file, why) in left {
        console.note(format_args!(
            "{file}: {} without a name ({})",
            counted(why.addresses as u64, "address"),
            why.reason
        ));
    }
    for warning in names.symbolizer.warnings() {
        console.warn(format_args!("{}: {}", warning.file, warning.what));
    }
    Ok(())
}

/// The process that parses files. The program of a unit test cannot be one.
#[cfg(not(test))]
fn answers() -> Namer {
    Namer::begin(start)
}

fn table(profile: &Profile, args: &ReportArgs) -> Result<(), Failure> {
    let table = Table {
        rows: args.rows,
        sort: args.sort,
        column: Some(profile.default_sample_type),
        group: args.group_by.clone(),
    };
    let mut text = Vec::new();
    table
        .encode(profile, &mut text)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    stdout::print(&text)
}

#[cfg(test)]
fn answers() -> symbolizer::serve::Server {
    symbolizer::serve::Server::default()
}
