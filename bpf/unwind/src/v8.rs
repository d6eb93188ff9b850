//! V8's own code, which has no rules in its file: where it runs with the frame of a JavaScript function, and where a function gives up
//! its frame for another one.

mod built_in;
mod frames;
mod rules;
mod tails;

use crate::table::{Code, Source};
use std::ops::Range;

/// The parts of V8's code that run with the frame of a JavaScript function.
#[derive(Clone, Debug, Default)]
pub struct Parts(frames::Parts);

impl Parts {
    /// The parts in these stretches of code, which are bytes and a virtual address.
    pub fn of(stretches: &[(&[u8], u64)]) -> Self {
        Self(frames::Parts::of(stretches))
    }

    /// The addresses at which such a frame is whole, sorted.
    pub fn whole(&self) -> &[Range<u64>] {
        &self.0.whole
    }

    /// The rules of the parts. They come before those from disassembly, which takes them for functions with a frame of their own.
    pub fn rules(&self, code: &Code) -> Source {
        let mut source = Source::new(code);
        self.0.add_to(&mut source);
        source
    }
}

/// Rules for the built-in functions: those in the stretch of code that has the parts.
pub fn built_in(parts: &Parts, stretches: &[(&[u8], u64)], code: &Code) -> Source {
    let mut source = Source::new(code);
    for &stretch in stretches {
        let has = |range: &Range<u64>| {
            let inside = range.start.checked_sub(stretch.1);
            inside.is_some_and(|inside| inside < stretch.0.len() as u64)
        };
        if parts.whole().iter().any(has) {
            built_in::add_to(&mut source, stretch);
        }
    }
    source
}

/// Rules for the tail calls in these stretches of code, for places that disassembly has left open.
pub fn tails(stretches: &[(&[u8], u64)], code: &Code) -> Source {
    let mut source = Source::new(code);
    tails::add_to(&mut source, stretches);
    source
}

#[cfg(test)]
mod tests;
