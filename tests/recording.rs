//! A recording made by the built binary, in both forms.

use crate::folded::Folded;
use crate::lab::{self, Ended};
use crate::pprof_file::PprofFile;
use std::path::Path;

/// The results of a recording.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) ended: Ended,
    pub(crate) folded: Folded,
    pub(crate) pprof: PprofFile,
    pub(crate) svg: String,
}

impl Recording {
    /// Runs `bpflame record` with these words (split at spaces) before the outputs, and a command (or nothing) behind
    /// them. It must end well.
    pub(crate) fn make(options: &str, command: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("there is room for a directory");
        let mut to_run = lab::command(["record"]);
        // Some programs write where they stand.
        to_run.current_dir(directory.path());
        to_run.args(options.split_whitespace()).args(outputs(directory.path()));
        if !command.is_empty() {
            to_run.arg("--").args(command);
        }
        let ended = lab::finish(&mut to_run).with_code(0);
        Self::read(ended, directory.path())
    }

    /// Reads the files of [`outputs`].
    pub(crate) fn read(ended: Ended, directory: &Path) -> Self {
        Self {
            folded: Folded::read(&directory.join("out.folded")),
            pprof: PprofFile::read(&directory.join("out.pb.gz")),
            svg: std::fs::read_to_string(directory.join("out.svg")).expect("the SVG is there"),
            ended,
        }
    }

    /// Percent of the user stacks that are complete without a guess, and with one, as the summary line has them.
    pub(crate) fn whole(&self) -> [f64; 2] {
        let said = &self.ended.err;
        let (_, line) = said.split_once(", stacks ").expect(said);
        let words: Vec<&str> = line.splitn(9, ' ').collect();
        // 98.6 % complete, 1.0 % with a guess: beside 0 and 100 stand "<0.1" and ">99.9".
        [0, 3].map(|at| words[at].trim_start_matches(['<', '>']).parse().expect(said))
    }
}

/// Options that write all forms into a directory.
pub(crate) fn outputs(directory: &Path) -> Vec<String> {
    let output = |name| [String::from("-o"), directory.join(name).display().to_string()];
    ["out.folded", "out.pb.gz", "out.svg"].into_iter().flat_map(output).collect()
}
