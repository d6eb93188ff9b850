//! Objects of V8's heap, read from the memory of its process. Each read may fail, and each type may be wrong.

use super::super::reader::Memory;
use super::layout::{Layout, fixed};

/// The heap of a process.
#[derive(Clone, Copy)]
pub(super) struct Heap<'a> {
    pub(super) memory: &'a dyn Memory,
    pub(super) layout: &'a Layout,
}

/// An object of the heap: a tagged pointer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Pointer(u64);

impl Pointer {
    /// The object that a word points to, strongly or weakly.
    pub(super) fn of(word: u64) -> Option<Self> {
        (word & 1 == 1 && word >> 47 == 0).then_some(Self(word & !2))
    }

    /// The address of the object.
    pub(super) fn address(self) -> u64 {
        self.0 - 1
    }
}

/// The small integer in a word.
pub(super) fn small(word: u64) -> Option<i32> {
    (word as u32 == 0).then_some((word >> 32) as i32)
}

impl Heap<'_> {
    /// A field of an object.
    pub(super) fn field(&self, object: Pointer, offset: u64) -> Option<u64> {
        self.memory.word(object.address().checked_add(offset)?)
    }

    /// The object in a field.
    pub(super) fn object(&self, object: Pointer, offset: u64) -> Option<Pointer> {
        Pointer::of(self.field(object, offset)?)
    }

    /// The small integer in a field.
    pub(super) fn small(&self, object: Pointer, offset: u64) -> Option<i32> {
        small(self.field(object, offset)?)
    }

    /// The 32-bit number in a field.
    pub(super) fn number(&self, object: Pointer, offset: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        let at = object.address().checked_add(offset)?;
        self.memory.fill(at, &mut bytes).then(|| u32::from_le_bytes(bytes))
    }

    /// The number of the type of an object.
    pub(super) fn kind(&self, object: Pointer) -> Option<u16> {
        let map = self.object(object, 0)?;
        Some(self.number(map, fixed::MAP_TYPE)? as u16)
    }

    /// The object, if it is of this type.
    pub(super) fn of_kind(&self, object: Pointer, kind: u16) -> Option<Pointer> {
        (self.kind(object)? == kind).then_some(object)
    }

    /// The number of elements of an array.
    pub(super) fn length(&self, array: Pointer) -> Option<u64> {
        u64::try_from(self.small(array, fixed::LENGTH)?).ok()
    }

    /// An element of an array.
    pub(super) fn element(&self, array: Pointer, index: u64) -> Option<u64> {
        if index >= self.length(array)? {
            return None;
        }
        self.field(array, fixed::ELEMENTS.checked_add(index.checked_mul(8)?)?)
    }

    /// The bytes of an array of bytes, if they are at most `most`.
    pub(super) fn bytes(&self, array: Pointer, most: u64) -> Option<Vec<u8>> {
        let length = self.length(array).filter(|length| *length <= most)?;
        self.read(array.address().checked_add(fixed::ELEMENTS)?, length)
    }

    /// Bytes from an address on. The caller bounds the length.
    pub(super) fn read(&self, at: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.memory.fill(at, &mut bytes).then_some(bytes)
    }
}
