//! What stacks are worth: `recording` (what is known of them), `completeness` (a stack's), `ends` (functions that nobody calls), `leaves` (whether a leaf's caller may
//! be missing), `quality` (all of it, in figures).

pub(crate) mod completeness;
mod ends;
pub(crate) mod leaves;
pub(crate) mod quality;
pub(crate) mod recording;
#[cfg(test)]
pub(crate) mod testing;
