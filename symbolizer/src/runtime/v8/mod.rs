//! V8, the engine of Node.js: names of its functions from the memory of a process.
//!
//! An object is a frame (`frame`). The information that a function's closures share (`function`) has its name and its
//! script (`script`); the code at an address (`code`) has tables that lead to the places of inlined functions (`place`,
//! `positions`; without them `deopt`, `safepoints`, `translation`). All of it is read by the layout of the version (`layout`).
//! Memory may lie, so each read is bounded, and each object must have the type that its place asks for.

mod code;
mod deopt;
mod frame;
mod function;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod heap;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod image;
mod layout;
mod names;
mod place;
mod positions;
mod safepoints;
mod script;
mod sizes;
#[cfg(test)]
mod tests;
mod text;
mod translation;

use super::reader::{Found, Function, Object, Reader, Running};
use crate::reason::Reason;
use code::{Codes, Kind};
use frame::{Frame, Place};
use function::Shared;
use heap::{Heap, Pointer};
use layout::Layout;
use names::Names;
use place::Spot;

/// The offsets in V8's objects with which a frame is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The version of V8.
    pub version: (u32, u32),
    /// In a function: the information that all closures share.
    pub shared: u32,
    /// In this information: the script.
    pub script: u32,
    /// In this information: the function's number in the script.
    pub literal: u32,
    /// In a script: its number, in the upper half of a word.
    pub script_id: u32,
}

impl Offsets {
    /// Those of a process or a file. `None`: it has no V8, or one that is not known.
    pub fn of(process: &Running<'_>) -> Option<Self> {
        let layout = Layout::of(process)?;
        let offset = |at: u64| u32::try_from(at).ok();
        Some(Self {
            version: layout.version,
            shared: offset(layout.closure)?,
            script: offset(layout.shared.script)?,
            literal: offset(layout.shared.literal)?,
            script_id: offset(layout::fixed::SCRIPT_ID)?,
        })
    }
}

/// An address so near to the start of code may be in front of its frame, which is then that of the caller.
const PROLOGUE: u64 = 64;

/// The reader of V8's functions.
#[derive(Debug)]
pub(super) struct V8;

impl Reader for V8 {
    fn functions(&self, process: &Running<'_>, objects: &[Object]) -> Vec<Found> {
        let Some(layout) = Layout::of(process) else {
            return vec![Err(Reason::NoReader); objects.len()];
        };
        let heap = Heap { memory: process.memory, layout: &layout };
        let (mut names, mut codes) = (Names::default(), Codes::default());
        let named = |object: &Object| {
            let frame = Frame::of(*object);
            let (spots, kept) = spots(&heap, &mut codes, frame).ok_or(Reason::ObjectGone)?;
            let compiled = matches!(frame.place, Place::Instruction(_));
            let mut functions = names.of(&heap, spots, compiled);
            functions.iter_mut().for_each(|function| function.approximate |= !kept);
            Ok(functions)
        };
        objects.iter().map(named).collect()
    }

    fn names_code(&self) -> bool {
        true
    }

    fn code(&self, process: &Running<'_>, addresses: &[u64]) -> Vec<Found> {
        let Some(layout) = Layout::of(process) else {
            return vec![Err(Reason::NoReader); addresses.len()];
        };
        let heap = Heap { memory: process.memory, layout: &layout };
        let (mut names, mut codes) = (Names::default(), Codes::default());
        let named = |&address: &u64| {
            let code = codes.at(&heap, address).ok_or(Reason::NoSymbol)?;
            if code.kind == Kind::RegularExpression {
                let name = "(regular expression)".to_owned();
                return Ok(vec![Function { name, ..Function::default() }]);
            }
            let optimized = matches!(code.kind, Kind::Maglev | Kind::Turbofan).then_some(&code);
            let spots = optimized.and_then(|code| place::of_optimized(&heap, code, address));
            // It is asked for where the function is not known: a leaf without a frame.
            let mut functions = names.of(&heap, spots.ok_or(Reason::NoSymbol)?.0, true);
            functions.iter_mut().for_each(|function| function.approximate = true);
            Ok(functions)
        };
        addresses.iter().map(named).collect()
    }
}

/// The places of a frame, innermost first, and whether V8 has kept them exactly: optimized code has positions at calls at most, and so the
/// leaf's is that of a call before it. `None`: an object is no longer what the frame says.
fn spots(heap: &Heap<'_>, codes: &mut Codes, frame: Frame) -> Option<(Vec<Spot>, bool)> {
    let shared = Shared::of(heap, Pointer::of(frame.shared)?)?;
    let numbers = shared.numbers(heap)?;
    if !frame.is_of(numbers.0, numbers.1) {
        return None;
    }
    let at = |bytecode, offset| place::of_bytecode(heap, bytecode, offset);
    match frame.place {
        Place::Bytecode(register) => {
            let offset = register.and_then(|register| place::of_register(heap, register));
            let character =
                place::bytecode(heap, shared).and_then(|bytecode| at(bytecode, offset?));
            Some((vec![(shared, character)], true))
        }
        Place::Instruction(address) => {
            let code = codes.at(heap, address)?;
            match code.kind {
                Kind::Baseline => {
                    // The code knows no function, so its bytecode must be that of the frame's.
                    let bytecode = place::bytecode(heap, shared).filter(|_| code.data.is_some())?;
                    if code.data != Some(bytecode) {
                        return None;
                    }
                    let offset = place::of_baseline(heap, &code, address);
                    let character = offset.and_then(|offset| at(bytecode, offset));
                    Some((vec![(shared, character)], true))
                }
                Kind::Maglev | Kind::Turbofan => {
                    let (spots, told) = place::of_optimized(heap, &code, address)?;
                    let outermost = spots.last()?.0;
                    let same = outermost == shared || outermost.numbers(heap)? == numbers;
                    let is_own = same || address - code.start < PROLOGUE;
                    is_own.then_some((spots, told && !frame.leaf))
                }
                Kind::RegularExpression | Kind::Other => None,
            }
        }
    }
}
