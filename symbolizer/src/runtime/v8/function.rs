//! Functions, by the information that all closures of one share.

use super::heap::{Heap, Pointer, small};
use super::layout::fixed;
use super::script::Scripts;

/// The most characters of a function's name.
const MOST_NAME: u64 = 1024;
/// A function that has neither a name nor an inferred one, as developer tools show it.
const ANONYMOUS: &str = "(anonymous)";

/// From so many names on, a scope has a table of them elsewhere.
const NAMES_APART: u64 = 75;
/// The most names in a scope.
const MOST_NAMES: u64 = 1 << 16;

/// The bits of a scope's flags.
const KIND: u32 = 0xf;
const HAS_CLASS: u32 = 1 << 10;
const HAS_NAME: u32 = 3 << 12;
const HAS_INFERRED: u32 = 1 << 14;

/// The offsets in a scope.
const FLAGS: u64 = 8;
const COUNT: u64 = 24;
const SLOTS: u64 = 32;

/// The information that all closures of a function share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    pub(super) object: Pointer,
    pub(super) script: Pointer,
}

/// What a function's source says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Its name.
    pub(super) name: String,
    /// The character at which its parameters begin.
    pub(super) start: Option<u32>,
}

impl Shared {
    /// The information, if the object is one of a function with a script.
    pub(super) fn of(heap: &Heap<'_>, object: Pointer) -> Option<Self> {
        let (types, offsets) = (heap.layout.types, heap.layout.shared);
        let object = heap.of_kind(object, types.shared)?;
        let script = heap.of_kind(heap.object(object, offsets.script)?, types.script)?;
        Some(Self { object, script })
    }

    /// What stays when the objects move: the numbers of the script and of the function in it.
    pub(super) fn numbers(self, heap: &Heap<'_>) -> Option<(i32, i32)> {
        let literal = heap.number(self.object, heap.layout.shared.literal)?;
        Some((Scripts::id(heap, self.script)?, literal as i32))
    }

    /// The function's name and place.
    pub(super) fn facts(self, heap: &Heap<'_>) -> Facts {
        let found = heap.object(self.object, heap.layout.shared.name);
        let scope = found.and_then(|object| heap.of_kind(object, heap.layout.types.scope));
        let (name, inferred, start) = match (scope, found) {
            (Some(scope), _) => scope_facts(heap, scope).unwrap_or_default(),
            (None, found) => {
                let (inferred, start) = self.uncompiled(heap).unwrap_or_default();
                (found, inferred, start)
            }
        };
        let text = |object: Option<Pointer>| {
            let object = object.filter(|object| heap.is_text(*object));
            heap.text(object?, MOST_NAME).filter(|text| !text.is_empty())
        };
        let name = text(name).or_else(|| text(inferred));
        Facts { name: name.unwrap_or_else(|| ANONYMOUS.to_owned()), start }
    }

    /// The inferred name and the start of a function that has no bytecode, or no more.
    fn uncompiled(self, heap: &Heap<'_>) -> Option<(Option<Pointer>, Option<u32>)> {
        let data = heap.object(self.object, heap.layout.shared.data)?;
        if !heap.layout.types.uncompiled.contains(&heap.kind(data)?) {
            return None;
        }
        Some((
            heap.object(data, fixed::UNCOMPILED_NAME),
            heap.number(data, fixed::UNCOMPILED_START).filter(|start| *start <= i32::MAX as u32),
        ))
    }
}

/// A name, an inferred name, and the start of a function.
type ScopeFacts = (Option<Pointer>, Option<Pointer>, Option<u32>);

/// The facts in a function's scope. Its fields follow each other, and its flags say which of them there are.
fn scope_facts(heap: &Heap<'_>, scope: Pointer) -> Option<ScopeFacts> {
    let rules = heap.layout.scope;
    let flags = if rules.positions_first {
        heap.number(scope, FLAGS)?
    } else {
        heap.small(scope, FLAGS)? as u32
    };
    let names =
        u64::try_from(heap.small(scope, COUNT)?).ok().filter(|count| *count <= MOST_NAMES)?;
    let present = |bits: u32, slots: u64| if flags & bits != 0 { slots } else { 0 };
    let module = u64::from(flags & KIND == rules.module);
    let inline = if names < NAMES_APART { names } else { 1 };
    let positions = if rules.positions_first { 2 } else { 0 };
    let slot = |index: u64| heap.field(scope, SLOTS + 8 * index);

    let name = positions + module + inline + names + present(HAS_CLASS, 1);
    let inferred = name + present(HAS_NAME, 2);
    let start = if rules.positions_first { 0 } else { inferred + present(HAS_INFERRED, 1) };
    Some((
        slot(name).and_then(Pointer::of).filter(|_| flags & HAS_NAME != 0),
        slot(inferred).and_then(Pointer::of).filter(|_| flags & HAS_INFERRED != 0),
        slot(start).and_then(small).and_then(|start| u32::try_from(start).ok()),
    ))
}
