//! The arguments of `bpflame doctor`.

/// The arguments of `doctor`, as typed.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DoctorArgs {
    /// Also check this process
    #[arg(short = 'p', long = "pid", value_name = "PID", value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pub pid: Option<u32>,
}
