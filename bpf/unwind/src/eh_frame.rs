//! From the bytes of `.eh_frame` or `.debug_frame` to rules over address ranges.
//!
//! gimli reads the entries and their instructions; this module follows the four columns that a walk needs. Every entry is read once,
//! and a common entry once for all entries that refer to it. The number of instructions is bounded by the section's bytes, so that a
//! hostile section costs no more than an honest one of its size.

mod columns;
mod entries;
mod express;
mod pass;
mod section;

pub use section::{Figures, FrameKind, FrameRules, Frames, Stopped};

use gimli::{DebugFrame, EhFrame, LittleEndian};

use crate::table::Code;

impl Frames<'_> {
    /// The rules of all entries that lie in the code.
    pub fn rules(&self, code: &Code) -> FrameRules {
        match self.kind {
            FrameKind::Eh => {
                let mut section = EhFrame::new(self.bytes, LittleEndian);
                section.set_address_size(8);
                pass::read(self, &section, code)
            }
            FrameKind::Debug => {
                let mut section = DebugFrame::new(self.bytes, LittleEndian);
                section.set_address_size(8);
                pass::read(self, &section, code)
            }
        }
    }
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
