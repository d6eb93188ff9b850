//! Waiting until no program runs that began before.

use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// An array of maps that nobody reads. Changing one from user space makes the kernel wait for the end of every
/// program that may still see the old entry, and that is every program that runs.
#[derive(Debug)]
pub(crate) struct Quiet {
    outer: MapHandle,
    inner: MapHandle,
}

impl Quiet {
    pub(crate) fn new() -> io::Result<Self> {
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
            sz: size_of::<libbpf_rs::libbpf_sys::bpf_map_create_opts>() as u64,
            ..Default::default()
        };
        let inner = MapHandle::create(MapType::Array, Some("quiet_inner"), 4, 4, 1, &options)
            .map_err(io::Error::other)?;
        let options = libbpf_rs::libbpf_sys::bpf_map_create_opts {
            inner_map_fd: inner.as_fd().as_raw_fd() as u32,
            ..options
        };
        let outer = MapHandle::create(MapType::ArrayOfMaps, Some("quiet"), 4, 4, 1, &options)
            .map_err(io::Error::other)?;
        Ok(Self { outer, inner })
    }

    /// Returns when every program that ran at the call has ended; sleeps some milliseconds.
    pub(crate) fn wait(&self) -> io::Result<()> {
        let inner = self.inner.as_fd().as_raw_fd().to_ne_bytes();
        self.outer.update(&0_u32.to_ne_bytes(), &inner, MapFlags::ANY).map_err(io::Error::other)
    }
}
