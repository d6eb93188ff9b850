//! From counted stacks to a profile: `names`, `locations`, `assemble`.

pub(crate) mod assemble;
mod locations;
pub(crate) mod names;
