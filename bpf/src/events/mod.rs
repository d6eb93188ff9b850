//! What calls the sampling program: the nouns, and a file for each kind of source.

mod event;
pub(crate) mod perf;

pub use event::{Event, EventSpec, Rate, Unit};
