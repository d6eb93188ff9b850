//! The places in which the files of one process are searched.

use super::maps::Told;
use super::open::{self, Opened};
use super::roots::{Root, Roots};
use super::task::{Start, Task};
use crate::foreign::Looked;
use crate::place::Reason;
use std::fs::File;
use std::path::Path;

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
        self.task();
        if let Some(task) = &self.task {
            match open::by_mapping(task, told, &mut self.roots.foreign) {
                Err(reason) if reason != Reason::FileSystem => {}
                settled => return settled,
            }
        }
        let root = self.root().ok_or(Reason::FileGone)?;
        let found = open::by_path(&root.directory, told, &mut self.roots.foreign);
        if found.is_ok() {
            return found;
        }
        match &self.task {
            Some(task) => open::by_program(task, told, &mut self.roots.foreign).or(found),
            None => self.open_elsewhere(told).ok_or(()).or(found),
        }
    }

    /// Opens a memory file, which has no path: through the mapping, or as the process's program.
    pub(crate) fn open_memory(&mut self, told: &Told<'_>) -> Option<Opened> {
        self.task();
        let (task, foreign) = (self.task.as_ref()?, &mut self.roots.foreign);
        open::by_mapping(task, told, foreign)
            .or_else(|_| open::by_program(task, told, foreign))
            .ok()
    }

    /// Opens a regular file by its path below the root of the process.
    pub(crate) fn open_regular(&mut self, path: &Path) -> Option<Result<(File, Looked), Reason>> {
        let root = self.root()?;
        Some(open::regular(&root.directory, path, &mut self.roots.foreign))
    }

    /// Searches other known roots. The process entered a container and ended before it was seen there, so its root is
    /// most likely one that other processes have.
    fn open_elsewhere(&mut self, told: &Told<'_>) -> Option<Opened> {
        let latest = self.roots.latest();
        let foreign = &mut self.roots.foreign;
        latest.iter().find_map(|root| open::by_path_exactly(&root.directory, told, foreign).ok())
    }
}
