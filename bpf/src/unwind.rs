//! Unwind rules from the bytes of a file's sections; pure, apart from the kernel.

mod leaf;

pub use leaf::{CfaBase, FrameSections};
