//! The arguments of `bpflame doctor`.

use super::value::{self, Wanted};

/// The arguments of `doctor`, as typed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// Also check these processes, by id or name, separated by commas; a name selects all processes with that name
    #[arg(short = 'p', long = "pid", value_name = "PID|NAME", value_delimiter = ',', value_parser = value::wanted)]
    pub processes: Vec<Wanted>,
}
