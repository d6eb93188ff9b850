//! Where the files of one process are looked for.

use super::maps::Told;
use super::open::{self, Opened};
use super::roots::{Root, Roots};
use super::task::Task;
use crate::place::Reason;

/// One process, as the place that files are opened from. Nothing of it is touched before the first file
/// that is not known yet.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pid: u32,
    /// Its directory in `/proc`, once it was asked for; `Some(None)` if it is gone.
    task: Option<Option<Task>>,
    /// Its root as far as it is known, and whether it was seen since its last exec.
    root: &'a mut (Option<Root>, bool),
    roots: &'a mut Roots,
}

impl<'a> Source<'a> {
    /// `gone`: the process ended.
    pub(crate) fn new(
        pid: u32,
        gone: bool,
        root: &'a mut (Option<Root>, bool),
        roots: &'a mut Roots,
    ) -> Self {
        Self { pid, task: gone.then_some(None), root, roots }
    }

    /// The process, if it lives.
    pub(crate) fn task(&mut self) -> Option<&Task> {
        self.task.get_or_insert_with(|| Task::open(self.pid).ok()).as_ref()
    }

    /// The process's root; if it is gone, its parent's, else bpflame's own.
    pub(crate) fn root(&mut self) -> Option<Root> {
        if !self.root.1 {
            let task = self.task.get_or_insert_with(|| Task::open(self.pid).ok());
            if let Some(root) = task.as_ref().and_then(|task| self.roots.of(task)) {
                *self.root = (Some(root), true);
            }
        }
        self.root.0.clone().or_else(|| self.roots.own())
    }

    /// Opens a mapped file: through the mapping, by its path, or as the process's program.
    pub(crate) fn open(&mut self, told: &Told<'_>) -> Result<Opened, Reason> {
        if let Some(task) = self.task()
            && let Ok(opened) = open::by_mapping(task, told)
        {
            return Ok(opened);
        }
        let root = self.root().ok_or(Reason::FileGone)?;
        let found = open::by_path(&root.directory, told);
        match self.task() {
            Some(task) if found.is_err() => open::by_program(task, told).or(found),
            _ => found,
        }
    }
}
