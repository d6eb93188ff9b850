//! The kernel side of bpflame: the programs that are loaded into the kernel, and the data that they return.
//!
//! Perf events on every CPU run a BPF program, which stores stacks and one small [`Sample`] for each run. perf's own
//! side-band records report mappings, forks, execs and exits. To record, open a [`SampleSource`], call
//! [`SampleSource::drain`] a few times a second, and call [`SampleSource::stop`] at the end. Every [`Window`] is sorted
//! and complete up to a point in time, and every loss is counted in [`Losses`]. This crate knows nothing of paths,
//! symbols and output formats.
//!
//! Modules in reading order: [`sample`] (the data), [`source`] (the seam), [`replay`] (the seam's second implementor), the live
//! [`Sampler`], the crate [`unwind`] (rules from section bytes), and [`kernel_names`]. With the feature `native-walk`, `native` runs the
//! sampling program on recorded machines.

mod capability;
mod error;
mod events;
mod names;
#[cfg(feature = "native-walk")]
pub mod native;
pub mod replay;
pub mod sample;
mod sampler;
mod skeleton;
pub mod source;

pub use error::Error;
pub use events::{Event, EventSpec, Rate, Unit};
pub use names::kernel_names;
pub use sample::{
    AddressSpace, Comm, Flags, Frame, FrameKind, KeptObject, Sample, SideBand, SideBandKind, Stack,
    StackId, Trust,
};
pub use sampler::{
    CodeMapping, Config, Cost, HotSpotBegin, HotSpotBlock, HotSpotHeap, HotSpotLayout, Installed,
    PythonLayout, PythonWay, RuntimeFacts, Sampler, SpaceName, Started, Tables, Target, Unwind,
    V8Layout, Way,
};
pub use source::{EventLosses, Losses, SampleSource, Window};
pub use unwind;
