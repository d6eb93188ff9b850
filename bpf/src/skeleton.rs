//! The code that the build generates from `kernel/`: the programs, and Rust types for the shared structures.
#![expect(
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]

pub(crate) mod sampler {
    include!(concat!(env!("OUT_DIR"), "/sampler.skel.rs"));
}

pub(crate) mod names {
    include!(concat!(env!("OUT_DIR"), "/names.skel.rs"));
}
