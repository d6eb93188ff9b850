//! Shell completions and manual pages.

use crate::cli::args::{Cli, Shell};
use crate::host::exit::{Failure, Kind};
use crate::host::stdout;
use clap::CommandFactory;

/// Prints a shell's completions on standard output.
///
/// # Errors
/// When writing to standard output fails.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bpflame", &mut text);
    stdout::print(&text)
}

/// Prints the manual page of bpflame or of a subcommand on standard output.
///
/// # Errors
/// When there is no such subcommand, or writing to standard output fails.
pub(crate) fn man(subcommand: Option<&str>) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let page = match subcommand {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).filter(|found| !found.is_hide_set());
            let found = found.ok_or_else(|| {
                Failure::new(Kind::Usage, format!("there is no subcommand {name}"))
                    .cure("`bpflame help` lists them")
            })?;
            found.clone()
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).expect("a vector takes everything");
    stdout::print(&text)
}
