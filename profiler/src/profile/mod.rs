//! From counted stacks to a profile: `names`, `locations`, `columns`, `facts` (what is known of the recording) with `advice` (what its
//! user should mend), `head` (everything but columns and samples), `assemble`.

mod advice;
pub(crate) mod assemble;
pub(crate) mod columns;
pub(crate) mod facts;
mod head;
mod locations;
pub(crate) mod names;
