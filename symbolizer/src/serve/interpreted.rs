//! Names of functions that interpreters run.

use crate::name::{Line, Named, Texts};
use crate::reason::Reason;
use crate::runtime::{Function, Object, Reader, Runtime};
use std::fs::File;

/// The names of sorted objects of one interpreter in one address space, in their order.
pub(super) fn named(
    reader: Option<&dyn Reader>,
    runtime: u8,
    memory: Option<&File>,
    objects: &[Object],
    texts: &mut Texts,
) -> Vec<Named> {
    let module = Runtime::of_number(runtime).map_or("[interpreted]", Runtime::module);
    let functions = reader.map(|reader| reader.functions(memory, objects));
    let found = |index: usize| match &functions {
        None => Err(Reason::NoReader),
        Some(functions) => functions.get(index).cloned().unwrap_or(Err(Reason::ObjectGone)),
    };
    (0..objects.len()).map(|index| of(module, found(index), texts)).collect()
}

fn of(module: &str, found: Result<Function, Reason>, texts: &mut Texts) -> Named {
    let function = match found {
        Ok(function) => function,
        Err(reason) => return Named::nameless(module, reason),
    };
    let name = texts.keep(&function.name);
    let line = Line {
        system_name: name.clone(),
        name,
        file: texts.keep(&function.file),
        line: function.line,
        inlined: false,
    };
    Named { lines: vec![line], module: module.to_owned(), reason: None }
}
