//! The events that call the sampling program: the vocabulary, and one file for each kind of source.

mod event;
pub(crate) mod perf;

pub use event::{Event, EventSpec, Rate, Unit};
