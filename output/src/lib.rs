//! The profile model, its encoders and its sinks.
//!
//! *What it is.* [`Profile`] uses pprof's nouns. [`Encode`] turns it into bytes of one format. A [`Sink`] writes bytes to a file or to
//! standard output. *What you must do.* Build a profile with [`ProfileBuilder`], open the sink before the recording, encode into it and
//! commit. *What it does.* The same profile gives the same bytes. *What it is not.* It knows nothing of BPF, of processes and of
//! symbolization.
//!
//! Modules in reading order: [`model`], [`encode`], [`formats`], [`sink`]. Formats share `tree` (the tree of calls), [`tell`] (a profile's
//! facts in words), [`text`] (names made harmless) and `protobuf` (writing of fields).
#![forbid(unsafe_code)]

pub mod encode;
mod error;
pub mod formats;
pub mod model;
mod protobuf;
pub mod sink;
pub mod tell;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
mod tree;

pub use encode::colors::Colors;
pub use encode::{Drawing, Encode, Format, Settings};
pub use error::Error;
pub use formats::folded::Folded;
pub use formats::otlp::Otlp;
pub use formats::pprof::Pprof;
pub use formats::svg::Svg;
pub use formats::table::Table;
pub use formats::{folded, otlp, pprof, svg, table};
pub use model::builder::ProfileBuilder;
pub use model::facts::Facts;
pub use model::profile::{
    FrameKind, FrameRef, Function, FunctionId, INTERPRETED, Label, LabelValue, Line, Location,
    LocationId, Mapping, MappingId, Marks, Profile, Sample, Trust, ValueType,
};
pub use model::{facts, lean, quality, timeline};
pub use sink::Sink;
