//! From counted stacks to a profile: `names`, `locations`, `assemble`; `service` (what a profile is of).

pub(crate) mod assemble;
mod locations;
pub(crate) mod names;
pub(crate) mod service;
