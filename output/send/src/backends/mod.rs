//! The backends, a folder each: bodies, limits, and the meaning of answers.

pub(crate) mod otlp;
pub(crate) mod parca;
pub(crate) mod pyroscope;
mod told;
