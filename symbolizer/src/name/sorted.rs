//! Places by kind, so that each file and each other source of names is asked once.

use super::Named;
use crate::place::{Check, FileId, Place};
use crate::runtime::{Code, Object};
use std::collections::BTreeMap;

/// The places of one call by kind, each with its index.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) files: BTreeMap<FileId, Wanted>,
    /// Code made at run time, by address space.
    pub(super) jit: BTreeMap<u32, Wanted<Code>>,
    /// The objects of interpreters, by address space and runtime.
    pub(super) interpreted: BTreeMap<(u32, u8), Wanted<Object>>,
    pub(super) kernel: Wanted,
    pub(super) vdso: Wanted,
}

impl Sorted {
    /// Sorts the places that have no name yet. Those that are unknown get their reason at once.
    pub(super) fn of(places: &[Place], all: &mut [Option<Named>]) -> Self {
        let mut sorted = Self::default();
        let open: Vec<usize> = (0..places.len()).filter(|&index| all[index].is_none()).collect();
        for index in open {
            match places[index] {
                Place::File { file, address } => {
                    sorted.files.entry(file).or_default().0.push((address, index));
                }
                Place::Jit { check: Check::Lost(reason), .. } => {
                    all[index] = Some(Named::nameless("[jit]", reason));
                }
                Place::Jit { space, address, check } => {
                    let code = Code { address, check };
                    sorted.jit.entry(space).or_default().0.push((code, index));
                }
                Place::Interpreted { space, runtime, object, position, check } => {
                    let object = Object { address: object, position, check };
                    sorted.interpreted.entry((space, runtime)).or_default().0.push((object, index));
                }
                Place::Kernel { address } => sorted.kernel.0.push((address, index)),
                Place::Vdso { offset } => sorted.vdso.0.push((offset, index)),
                Place::Unknown { reason, .. } => all[index] = Some(Named::nameless("", reason)),
            }
        }
        sorted
    }
}

/// Addresses or objects of one kind, each with the index of its place.
#[derive(Debug)]
pub(super) struct Wanted<T = u64>(Vec<(T, usize)>);

impl<T> Default for Wanted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Ord> Wanted<T> {
    /// Addresses in the order of their places.
    pub(super) fn of(addresses: &[T]) -> Self {
        Self(addresses.iter().copied().zip(0..).collect())
    }

    /// The number of places.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The addresses sorted, each once.
    pub(super) fn addresses(&mut self) -> Vec<T> {
        self.0.sort_unstable();
        let mut addresses: Vec<T> = self.0.iter().map(|&(address, _)| address).collect();
        addresses.dedup();
        addresses
    }

    /// Gives each place the name of its address.
    pub(super) fn give(&self, addresses: &[T], names: &[Named], all: &mut [Option<Named>]) {
        for &(address, index) in &self.0 {
            let name = addresses.binary_search(&address).ok().and_then(|at| names.get(at));
            all[index] = name.cloned();
        }
    }
}
