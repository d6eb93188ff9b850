//! The options that apply to one format each.

use super::drawing::Drawing;
use crate::host::exit::Failure;
use output::Settings;

/// Options that apply to one format each.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct FormatArgs {
    /// Leave the labels (pid, tid, comm, thread) out of pprof files
    #[arg(long, help_heading = "Output")]
    pub no_labels: bool,

    /// Mark frames in folded stacks
    #[arg(
        long,
        help = "Mark frames in folded stacks: _[k] kernel, _[i] inlined, _[j] JIT, _[0] interpreted, _[g] guessed, _[m] caller may be missing, _[s] rule derived from disassembly",
        help_heading = "Output"
    )]
    pub annotate: bool,

    /// Options for drawing the graph
    #[command(flatten)]
    pub drawing: Drawing,
}

impl FormatArgs {
    /// The settings of all formats: the typed options, and `title` if no title was typed.
    pub(crate) fn settings(&self, title: Option<&str>) -> Result<Settings, Failure> {
        Ok(Settings {
            annotate: self.annotate,
            labels: self.labels(),
            drawing: self.drawing.settings(title)?,
            ..Settings::default()
        })
    }

    /// Whether samples have the labels `pid`, `tid` and `thread`.
    pub(crate) fn labels(&self) -> bool {
        !self.no_labels
    }
}
