//! The `bpflame` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    profiler::run(std::env::args_os())
}
