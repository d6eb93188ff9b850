//! How far stacks can be trusted: `recording` (the inputs), `completeness` (of one stack), `ends` (functions that
//! nobody calls), `leaves` (whether a leaf's caller may be missing), `quality` (the figures of a recording),
//! `shown` (the frames of a stack that are shown).

pub(crate) mod completeness;
mod ends;
pub(crate) mod leaves;
pub(crate) mod quality;
pub(crate) mod recording;
pub(crate) mod shown;
#[cfg(test)]
pub(crate) mod testing;
