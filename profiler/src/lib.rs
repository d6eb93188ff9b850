//! The command line and the sessions: the joints between `bpf`, `symbolizer` and `output`.
//!
//! *What it is.* [`run`] takes what was typed to an exit code. *What it does.* [`session`] is the recording:
//! samples are counted while the processes live, named afterwards, and written. *What it is not.* It reads no
//! kernel record, no ELF file and no format itself.
//!
//! Modules in reading order: [`args`] (what was typed), [`config`] (what is needed of it), `subject` and
//! `target` (whose samples), [`session`], `collect` (the loop), `aggregate` and `stacks`, `naming`, `assemble`,
//! `facts`, `summary`, [`push`] and `upload` (profiles to backends), [`exit`].
#![forbid(unsafe_code)]

mod aggregate;
pub mod args;
mod assemble;
mod browser;
pub mod caller;
mod collect;
mod command;
mod completeness;
pub mod config;
mod cputime;
mod debuginfod;
mod destinations;
pub mod doctor;
mod ends;
pub mod exit;
mod facts;
mod finish;
mod frameless;
mod gate;
mod interrupt;
mod kernel;
mod locations;
mod naming;
mod pages;
mod proc;
mod progress;
pub mod push;
mod quality;
pub mod report;
mod rest;
mod rights;
mod say;
pub mod session;
mod signals;
mod source;
mod stacks;
mod stats;
mod subject;
mod summary;
mod tape;
pub mod target;
#[cfg(test)]
mod testing;
mod unwinding;
mod upload;
mod watch;

use args::{Cli, Command};
use clap::Parser;
use config::Config;
use exit::{Ending, Failure, Kind};
use std::ffi::OsString;
use std::process::ExitCode;

/// Does what the command line says; errors are told on standard error.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            return typed_wrongly(&error);
        }
    };
    let result = match cli.command {
        Command::Record(args) => return record(*args),
        Command::ExecGate(args) => return gate::pass(&args),
        Command::Report(args) => report::run(&args),
        Command::Upload(args) => upload::run(*args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man { subcommand } => pages::man(subcommand.as_deref()),
    };
    end(result.map(|()| Ending::Done), false)
}

/// Tells what is wrong with the command line; or help and the version, which arrive here too.
fn typed_wrongly(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        say::line(text.strip_prefix("error: ").unwrap_or(&text).trim_end());
    } else {
        // Nobody is left to be told when this fails.
        drop(error.print());
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn record(args: args::RecordArgs) -> ExitCode {
    let command = !args.command.is_empty();
    end(Config::new(args).and_then(|config| session::record(&config)), command)
}

/// The exit code; `command`: whether it belongs to a command that was to be run.
fn end(result: Result<Ending, Failure>, command: bool) -> ExitCode {
    match result {
        Ok(ending) => ending.into(),
        Err(failure) => {
            say::line(&failure);
            ExitCode::from(code(failure.kind, command))
        }
    }
}

fn code(kind: Kind, command: bool) -> u8 {
    match kind {
        Kind::Usage | Kind::Command(_) | Kind::Interrupted(_) => kind.code(),
        _ if command => exit::COMMAND_FAILED,
        _ => kind.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_command_own_failures_are_125() {
        assert_eq!(code(Kind::NotPermitted, true), 125);
        assert_eq!(code(Kind::NotPermitted, false), 4);
        assert_eq!(code(Kind::Usage, true), 2);
        assert_eq!(code(Kind::Command(127), true), 127);
        assert_eq!(code(Kind::Interrupted(2), true), 130);
    }
}
