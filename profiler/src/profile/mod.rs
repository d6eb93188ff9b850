//! From counted stacks to a profile: `names`, `locations`, `labels`, `columns`, `facts` (everything that is known of the
//! recording) with `advice` (problems and their cures), `head` (everything but columns and samples), `assemble`.

mod advice;
pub(crate) mod assemble;
pub(crate) mod columns;
pub(crate) mod facts;
mod head;
mod labels;
mod locations;
pub(crate) mod names;
