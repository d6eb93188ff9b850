//! The profile model, its encoders and its sinks.
//!
//! *What it is.* [`Profile`] uses pprof's nouns; [`Encode`] turns it into bytes of one format; a [`Sink`]
//! takes bytes to a file or to standard output. *What you must do.* Build a profile with
//! [`ProfileBuilder`], open the sink before the recording, encode into it and commit. *What it does.* The
//! same profile gives the same bytes. *What it is not.* It knows nothing of BPF, of processes as such and
//! of symbolization.
//!
//! Modules in reading order: [`profile`], [`encode`], [`mod@format`], [`pprof`], [`folded`], [`svg`], [`table`], [`otlp`],
//! [`lean`], [`sink`].
#![forbid(unsafe_code)]

mod builder;
mod check;
pub mod encode;
mod error;
pub mod folded;
pub mod format;
#[cfg(test)]
mod golden;
pub mod lean;
pub mod otlp;
pub mod pprof;
pub mod profile;
pub mod sink;
mod subset;
pub mod svg;
pub mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
mod tree;

pub use builder::ProfileBuilder;
pub use encode::Encode;
pub use error::Error;
pub use folded::Folded;
pub use format::Format;
pub use otlp::Otlp;
pub use pprof::Pprof;
pub use profile::{
    FrameKind, FrameRef, Function, FunctionId, INTERPRETED, Label, LabelValue, Line, Location,
    LocationId, Mapping, MappingId, Marks, Profile, Sample, Trust, ValueType,
};
pub use sink::Sink;
pub use svg::Svg;
pub use table::Table;
