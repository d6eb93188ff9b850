//! What the build generated from `kernel/`: the programs, and Rust types for the structures of `sampler.h`.
#![expect(
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated"
)]
include!(concat!(env!("OUT_DIR"), "/sampler.skel.rs"));
