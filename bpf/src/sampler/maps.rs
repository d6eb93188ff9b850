//! The maps of the programs: their sizes, one set for all copies of a program, and those of the unwind tables.

use super::memory::SharedMemory;
use super::size::Sizes;
use super::tables::Tables;
use crate::skeleton::sampler::types::{chunk, rules, spaces, unwind_limits};
use crate::skeleton::sampler::{OpenSamplerSkel, SamplerSkel};
use libbpf_rs::libbpf_sys as sys;
use libbpf_rs::{MapCore, MapFlags, MapHandle, MapType};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Gives the maps the sizes that this machine needs.
pub(super) fn size(skeleton: &mut OpenSamplerSkel<'_>, sizes: Sizes) -> libbpf_rs::Result<()> {
    skeleton.maps.logs.set_value_size(sizes.log_bytes() as u32)?;
    skeleton.maps.logs.set_max_entries(sizes.logs())?;
    skeleton.maps.slots.set_max_entries(sizes.slots())?;
    skeleton.maps.caches.set_max_entries(sizes.slots())?;
    skeleton.maps.targets.set_max_entries(sizes.id_entries)
}

/// Shares all maps but the settings.
pub(super) fn share(to: &mut OpenSamplerSkel<'_>, from: &SamplerSkel<'_>) -> libbpf_rs::Result<()> {
    let (to, from) = (&mut to.maps, &from.maps);
    to.logs.reuse_fd(from.logs.as_fd())?;
    to.slots.reuse_fd(from.slots.as_fd())?;
    to.targets.reuse_fd(from.targets.as_fd())?;
    to.bss.reuse_fd(from.bss.as_fd())?;
    to.caches.reuse_fd(from.caches.as_fd())?;
    to.arena.reuse_fd(from.arena.as_fd())?;
    to.rules.reuse_fd(from.rules.as_fd())?;
    to.spaces.reuse_fd(from.spaces.as_fd())
}

/// The maps of the tables.
pub(super) fn tables(skeleton: &SamplerSkel<'_>, memory: usize) -> io::Result<Tables> {
    let chunk_bytes = size_of::<chunk>();
    let arena = MapHandle::try_from(&skeleton.maps.arena).map_err(io::Error::other)?;
    let make = move |number: u32| {
        let options = sys::bpf_map_create_opts {
            sz: size_of::<sys::bpf_map_create_opts>() as u64,
            map_flags: sys::BPF_F_MMAPABLE,
            ..Default::default()
        };
        let size = chunk_bytes as u32;
        let chunk = MapHandle::create(MapType::Array, Some("chunk"), 4, size, 1, &options)
            .map_err(io::Error::other)?;
        let memory = SharedMemory::map(chunk.as_fd(), chunk_bytes)?;
        let descriptor = chunk.as_fd().as_raw_fd().to_ne_bytes();
        arena
            .update(&number.to_ne_bytes(), &descriptor, MapFlags::ANY)
            .map_err(io::Error::other)?;
        Ok(memory)
    };
    let most = (memory / chunk_bytes).min(unwind_limits::MOST_CHUNKS.0 as usize) as u32;
    Ok(Tables::new(
        most,
        make,
        SharedMemory::map(skeleton.maps.rules.as_fd(), size_of::<rules>())?,
        SharedMemory::map(skeleton.maps.spaces.as_fd(), size_of::<spaces>())?,
    ))
}
