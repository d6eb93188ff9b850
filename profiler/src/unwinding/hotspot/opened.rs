//! The open files of a virtual machine.

use crate::host::proc;
use std::fs::File;
use std::sync::Arc;
use symbolizer::{CodeMemory, FileId, ProcessTable};

/// The virtual machine's library.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library {
    pub(super) file: FileId,
    /// The address in memory minus the virtual address.
    pub(super) bias: u64,
}

/// The open files of a process.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) memory: Arc<File>,
    pub(super) library: Arc<File>,
}

impl Opened {
    /// Opens the files; `None` if the process's memory may not be read, or its library was not opened.
    pub(super) fn of(code: &CodeMemory, library: Library, table: &ProcessTable) -> Option<Self> {
        let library = table.file(library.file)?.handle.clone()?;
        let memory = File::open(format!("/proc/{}/mem", code.pid)).ok()?;
        // The opened files belong to this process if the process id still does.
        let start = code.start.map(|start| start / proc::START_UNIT);
        if start.is_some_and(|start| proc::start(code.pid) != Some(start)) {
            return None;
        }
        Some(Self { memory: Arc::new(memory), library })
    }
}
