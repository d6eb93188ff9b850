//! What a Java virtual machine says of itself.

use std::fs::File;
use std::os::unix::fs::FileExt;
use symbolizer::runtime::hotspot::Description;
use symbolizer::runtime::{Memory, Running};
use symbolizer::{ProcessTable, Runtime};

/// An open `/proc/PID/mem`.
struct Opened(File);

impl Memory for Opened {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        // The kernel takes an offset as signed.
        let is_user = address >> 63 == 0;
        is_user && self.0.read_exact_at(bytes, address).is_ok()
    }
}

/// The description of the virtual machine in an address space. `None`: its memory may not be read. `Some(None)`: it has none.
pub(super) fn description(table: &ProcessTable, space: u32) -> Option<Option<Description>> {
    let image = table.runtime_image(space, Runtime::HOTSPOT.number())?;
    let memory = Opened(table.memory(space)?);
    Some(Description::of(&Running { memory: &memory, image }))
}
