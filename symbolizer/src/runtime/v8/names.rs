//! The functions of one answer: each function's name and file are read once.

use super::function::Shared;
use super::heap::Heap;
use super::place::Spot;
use super::script::Scripts;
use crate::runtime::reader::Function;
use std::collections::HashMap;

/// The functions that were read for an answer.
#[derive(Debug, Default)]
pub(super) struct Names {
    scripts: Scripts,
    /// Each function, without the line of a position.
    functions: HashMap<Shared, Function>,
}

impl Names {
    /// The functions at places, in code that was compiled or in bytecode.
    pub(super) fn of(
        &mut self,
        heap: &Heap<'_>,
        spots: Vec<Spot>,
        compiled: bool,
    ) -> Vec<Function> {
        let function = |spot| Function { compiled, ..self.function(heap, spot) };
        spots.into_iter().map(function).collect()
    }

    fn function(&mut self, heap: &Heap<'_>, (shared, character): Spot) -> Function {
        let mut line = |character: Option<u32>| {
            character.map_or(0, |character| self.scripts.line(heap, shared.script, character))
        };
        let at = line(character);
        let known = self.functions.entry(shared).or_insert_with(|| {
            let facts = shared.facts(heap);
            let file = Scripts::name(heap, shared.script);
            Function { name: facts.name, file, start: line(facts.start), ..Function::default() }
        });
        Function { line: at, approximate: at == 0, ..known.clone() }
    }
}
