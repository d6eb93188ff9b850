//! Tests of the whole: the manifests ([`layering`]), messages and exit codes ([`cli`]), the pipeline from stored
//! samples ([`replay`]), its files in other readers ([`readers`]), and recordings of real processes ([`live`], as root).
//!
//! The harness is its own, because a test may find at run time that it cannot run here, and is then counted as
//! skipped with its reason. One test runs at a time unless asked otherwise: recordings measure, and what runs
//! beside them disturbs them. As something may run beside them all the same, a live test that fails runs once more:
//! "repeated: NAME" stands in the log and beside the closing line, and what fails twice fails.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a test that is repeated is told")]

mod cli;
mod folded;
mod harness;
mod lab;
mod layering;
mod live;
mod pprof_file;
mod readers;
mod receiver;
mod recording;
mod replay;

use harness::{Skip, tests, trial};
use libtest_mimic::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(1);
    let mut modules =
        vec![("layering", layering::tests()), ("replay", replay::tests()), ("cli", cli::tests())];
    modules.push(("cli::report", cli::report::tests()));
    modules.push(("push", cli::push::tests()));
    modules.push(("push::files", cli::push::files::tests()));
    modules.push(("push::secrets", cli::push::secrets::tests()));
    modules.push(("readers", readers::tests()));
    modules.extend(live::modules());
    let trials = modules
        .into_iter()
        .flat_map(|(module, tests)| tests.into_iter().map(move |(name, test)| (module, name, test)))
        .map(|(module, name, test)| trial(format!("{module}::{name}"), test))
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
