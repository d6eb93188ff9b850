//! Names of code that a runtime interprets or has compiled.

use super::Named;
use super::ask::{Question, Runs};
use super::early::{AT_ONCE, Early, object_of};
use super::sorted::Sorted;
use crate::place::{Check, Jit, Place, Reason};
use crate::process::ProcessTable;
use crate::runtime::Code;

/// Asks a question, and returns the names.
type Ask<'a> = dyn FnMut(&Question<'_>) -> Vec<Named> + 'a;

/// Names places that nobody could name, because their process has ended, by the functions that were read at other positions. Else their reason
/// is that of the time when the process lived.
pub(super) fn elsewhere(early: &Early, places: &[Place], all: &mut [Named]) {
    let open = |(place, named): &(&Place, &mut Named)| {
        named.reason.is_some() && object_of(place).is_some()
    };
    let open: Vec<_> = places.iter().zip(all).filter(open).collect();
    if open.is_empty() {
        return;
    }
    let functions = early.functions();
    for (place, named) in open {
        let known = object_of(place).and_then(|object| functions.get(&object));
        let failed = || early.failure(place).filter(|_| named.reason == Some(Reason::ProcessGone));
        if let Some(known) = known.or_else(failed) {
            named.clone_from(known);
        }
    }
}

/// Names the places in run-time code, and those that interpreters run.
pub(super) fn names(
    ask: &mut Ask<'_>,
    table: &ProcessTable,
    early: &Early,
    sorted: &mut Sorted,
    all: &mut [Option<Named>],
) {
    for (space, wanted) in &mut sorted.jit {
        let code = wanted.addresses();
        let names = compiled(ask, table, *space, &code);
        wanted.give(&code, &names, all);
    }
    for ((space, runtime), wanted) in &mut sorted.interpreted {
        let objects = wanted.addresses();
        let (memory, found) = (table.memory(*space), table.runtime_file(*space, *runtime));
        let file = found.and_then(|(_, file)| table.file(file)?.handle.as_deref());
        let image = found.map_or(0, |(image, _)| image);
        let of = Runs { runtime: *runtime, memory: memory.as_ref(), image, file };
        let mut names = Vec::with_capacity(objects.len());
        for objects in objects.chunks(AT_ONCE) {
            let remains = early.remains((*space, *runtime), objects);
            names.extend(ask(&Question::Objects { of, objects, remains: &remains }));
        }
        wanted.give(&objects, &names, all);
    }
}

/// The names of code that a runtime has compiled: from the memory of its process, else from its perf map.
fn compiled(ask: &mut Ask<'_>, table: &ProcessTable, space: u32, code: &[Code]) -> Vec<Named> {
    let runtime = table.runtime_of(space).filter(|runtime| runtime.names_code());
    let memory = runtime.and_then(|_| table.memory(space));
    let (Some(runtime), Some(memory)) = (runtime, memory) else {
        let addresses: Vec<u64> = code.iter().map(|code| code.address).collect();
        let mut names = map(ask, table.jit(space), &addresses);
        // This runtime needs no map. Its process was gone.
        let gone = runtime.is_some() && table.has_ended(space);
        for named in names.iter_mut().filter(|named| gone && named.reason == Some(Reason::NoJitMap))
        {
            named.reason = Some(Reason::ProcessGone);
        }
        return names;
    };
    let image = table.runtime_image(space, runtime.number()).unwrap_or(0);
    let of = Runs { runtime: runtime.number(), memory: Some(&memory), image, file: None };
    let mut names = Vec::with_capacity(code.len());
    for code in code.chunks(AT_ONCE) {
        names.extend(ask(&Question::Code { of, code }));
    }
    // A map does not tell which code was there at the time of a sample.
    let open = |&at: &usize| match names[at].reason {
        Some(Reason::ObjectGone) => code[at].check == Check::None,
        reason => reason.is_some(),
    };
    let open: Vec<usize> = (0..names.len()).filter(open).collect();
    let rest: Vec<u64> = open.iter().map(|&at| code[at].address).collect();
    if table.jit(space).is_some_and(|jit| jit.map.is_some()) && !rest.is_empty() {
        let mapped = map(ask, table.jit(space), &rest);
        open.into_iter().zip(mapped).for_each(|(at, named)| names[at] = named);
    }
    names
}

/// The names from a process's perf map.
fn map(ask: &mut Ask<'_>, jit: Option<&Jit>, addresses: &[u64]) -> Vec<Named> {
    let Some(map) = jit.and_then(|jit| jit.map.as_ref()) else {
        let reason = jit.and_then(|jit| jit.reason).unwrap_or(Reason::NoJitMap);
        return vec![Named::nameless("[jit]", reason); addresses.len()];
    };
    ask(&Question::Map { map, addresses })
}
