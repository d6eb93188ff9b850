//! What a Java virtual machine says of itself.

use symbolizer::foreign::FarMemory;
use symbolizer::runtime::hotspot::Description;
use symbolizer::runtime::{Memory, Running};
use symbolizer::{ProcessTable, Runtime};

/// The memory of its process.
struct Far(FarMemory);

impl Memory for Far {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        // The kernel takes an offset as signed.
        let is_user = address >> 63 == 0;
        is_user && self.0.fill(address, bytes)
    }
}

/// The description of the virtual machine in an address space. `None`: its memory may not be read. `Some(None)`: it has none.
pub(super) fn description(table: &ProcessTable, space: u32) -> Option<Option<Description>> {
    let image = table.runtime_image(space, Runtime::HOTSPOT.number())?;
    let memory = Far(table.far_memory_of(space)?);
    Some(Description::of(&Running { memory: &memory, image }))
}
