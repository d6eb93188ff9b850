//! The command line and the sessions: the joints between `bpf`, `symbolizer` and `output`.
//!
//! *What it is.* [`run`] leads from the command line to an exit code. *What it does.* [`session`] is the recording: samples are counted
//! while the processes live, named afterwards, and written. *What it is not.* It reads no kernel record, no ELF file and no format
//! itself.
//!
//! Folders in reading order: [`host`] (the machine and the user), [`cli`] (the command line), [`target`] (the recorded tasks), `record`
//! (from samples to counted stacks), `unwinding` (unwind tables), `judge` (completeness),
//! `profile` (names, and the model), `tell` (files
//! and summary), [`push`] (backends), [`report`], [`doctor`]. [`session`] is a recording from end to end.
#![forbid(unsafe_code)]

pub mod cli;
pub mod doctor;
#[cfg_attr(not(feature = "push"), expect(dead_code, reason = "some of it serves sending alone"))]
pub mod host;
mod judge;
mod profile;
#[cfg_attr(not(feature = "push"), path = "push/left_out.rs")]
pub mod push;
mod record;
pub mod report;
pub mod session;
pub mod target;
mod tell;
mod unwinding;

#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use unwinding::fuzzing;

use clap::Parser;
use cli::args::{self, Cli, Command};
use cli::completions;
use cli::config::Config;
use cli::mistakes;
use host::console;
use host::exit::{self, Ending, Failure, Kind};
use host::privileges;
use push::Push;
use std::ffi::OsString;
use std::process::ExitCode;
use target::gate;

/// Runs a command line. Errors are printed on standard error.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => {
            return typed_wrongly(error, &words);
        }
    };
    if let Err(failure) = rights(&cli.command) {
        return end(Err(failure), false);
    }
    let result = match cli.command {
        Command::Record(args) => return record(*args),
        Command::ExecGate(args) => return gate::pass(&args),
        Command::AnswerNames => return host::naming::answering::run(),
        Command::LookAtFiles => return host::looking::run(),
        Command::Report(args) => report::run(&args),
        Command::Upload(args) => push::upload::run(*args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => completions::completions(shell),
        Command::Man { subcommand } => completions::man(subcommand.as_deref()),
    };
    end(result.map(|()| Ending::Done), false)
}

/// Gives up what the command does not need, before it does anything.
fn rights(command: &Command) -> Result<(), Failure> {
    privileges::check_ids()?;
    match command {
        Command::Record(_) | Command::Doctor(_) => Ok(()),
        Command::ExecGate(_)
        | Command::AnswerNames
        | Command::LookAtFiles
        | Command::Report(_)
        | Command::Upload(_)
        | Command::Completions { .. }
        | Command::Man { .. } => Ok(privileges::give_up()?),
    }
}

/// Prints the error of a command line, or help and the version, which clap also returns as errors.
fn typed_wrongly(error: clap::Error, words: &[OsString]) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if error.use_stderr() {
        console::line(mistakes::message(error, words));
    } else {
        // If this fails, there is no other place for the message.
        drop(error.print());
    }
    code
}

fn record(args: args::RecordArgs) -> ExitCode {
    let command = !args.command.is_empty();
    let receivers = args.push.clone();
    let settings = privileges::as_the_user(|| {
        let config = Config::new(args)?;
        let push = Push::new(&receivers, config.console)?;
        Ok((config, push))
    });
    end(settings.and_then(|(config, push)| session::record::record(&config, push)), command)
}

/// The exit code; `command`: whether it belongs to a command that was to be run.
fn end(result: Result<Ending, Failure>, command: bool) -> ExitCode {
    match result {
        Ok(ending) => ending.into(),
        Err(failure) => {
            console::line(&failure);
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
