//! The places in which the files of one process are searched.

use super::maps::Told;
use super::open::{self, Opened};
use super::roots::{Root, Roots};
use super::task::{Start, Task};
use crate::place::Reason;

/// One process, as the place to open files from. Nothing of it is read before the first unknown file.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// The process's pid and start, until it is looked up; `None` if it has ended.
    living: Option<(u32, Start)>,
    /// Its directory in `/proc`, after it was found.
    task: Option<Task>,
    /// Its root if it is known, and whether it was seen since the last exec.
    root: &'a mut (Option<Root>, bool),
    roots: &'a mut Roots,
}

impl<'a> Source<'a> {
    /// A source for a process with this pid and start, if it is not known to have ended.
    pub(crate) fn new(
        living: Option<(u32, Start)>,
        root: &'a mut (Option<Root>, bool),
        roots: &'a mut Roots,
    ) -> Self {
        Self { living, task: None, root, roots }
    }

    /// The process, if it lives and is still the same.
    pub(crate) fn task(&mut self) -> Option<&Task> {
        if let Some((pid, start)) = self.living.take() {
            self.task = Task::open_started(pid, start);
        }
        self.task.as_ref()
    }

    /// The root of the process. If the process has ended: its parent's, else bpflame's own.
    pub(crate) fn root(&mut self) -> Option<Root> {
        if !self.root.1 {
            self.task();
            if let Some(root) = self.task.as_ref().and_then(|task| self.roots.of(task)) {
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
        if found.is_ok() {
            return found;
        }
        match self.task() {
            Some(task) => open::by_program(task, told).or(found),
            None => self.open_elsewhere(told).ok_or(()).or(found),
        }
    }

    /// Opens a memory file, which has no path: through the mapping, or as the process's program.
    pub(crate) fn open_memory(&mut self, told: &Told<'_>) -> Option<Opened> {
        let task = self.task()?;
        open::by_mapping(task, told).or_else(|_| open::by_program(task, told)).ok()
    }

    /// Searches other known roots. The process entered a container and ended before it was seen there, so its root is
    /// most likely one that other processes have.
    fn open_elsewhere(&mut self, told: &Told<'_>) -> Option<Opened> {
        self.roots.latest().find_map(|root| open::by_path_exactly(&root.directory, told).ok())
    }
}
