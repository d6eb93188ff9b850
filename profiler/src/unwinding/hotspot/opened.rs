//! The open files of a virtual machine.

use crate::host::proc;
use std::fs::File;
use std::sync::Arc;
use symbolizer::foreign::FarMemory;
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
    pub(super) memory: Arc<FarMemory>,
    /// The same memory, for looks that are waited for.
    pub(super) beside: Arc<FarMemory>,
    pub(super) library: Arc<File>,
}

impl Opened {
    /// Opens the files; `None` if the process's memory may not be read, or its library was not opened.
    pub(super) fn of(code: &CodeMemory, library: Library, table: &ProcessTable) -> Option<Self> {
        let library = table.file(library.file)?.handle.clone()?;
        let [memory, beside] = table.far_memory(code.pid).ok()?.map(Arc::new);
        // The opened files belong to this process if the process id still does.
        let start = code.start.map(|start| start / proc::START_UNIT);
        if start.is_some_and(|start| proc::start(code.pid) != Some(start)) {
            return None;
        }
        Some(Self { memory, beside, library })
    }
}
