//! The loops of interpreters: ranges of a file that are walked by its rules, and whose frames have further frames behind them.

use super::build::Interpreter;
use super::files::Files;
use bpf::{CodeMapping, RuntimeFacts, Way};
use symbolizer::{CodeOf, CodeRange};

/// The mappings of a range: one, or several where an interpreter's loop is a part of it. Adds the facts about the interpreter.
pub(super) fn split<'a>(
    range: &CodeRange,
    way: Way<'a>,
    files: &Files,
    facts: &mut Vec<RuntimeFacts>,
) -> Vec<CodeMapping<'a>> {
    let whole = CodeMapping { start: range.start, end: range.end, way };
    let (CodeOf::File { file, .. }, Way::Rules { bias, .. }) = (range.holds, way) else {
        return vec![whole];
    };
    let Some(interpreter) = files.interpreter(file) else { return vec![whole] };
    let Some(of) = interpreter.facts(bias) else { return vec![whole] };
    let parts = parts(whole, interpreter, bias);
    let runs = parts.iter().any(|part| matches!(part.way, Way::Interpreter { .. }));
    if runs && !facts.contains(&of) {
        facts.push(of);
    }
    parts
}

/// Has the code that a runtime makes walked as its own, if its walker adds the functions of such frames.
pub(super) fn compiled(mappings: &mut [CodeMapping<'_>], facts: &[RuntimeFacts]) {
    let Some(runtime) = facts.iter().find_map(RuntimeFacts::walks_compiled) else { return };
    for mapping in mappings.iter_mut().filter(|mapping| matches!(mapping.way, Way::RunTime)) {
        mapping.way = Way::Compiled { runtime };
    }
}

fn parts<'a>(whole: CodeMapping<'a>, interpreter: &Interpreter, bias: u64) -> Vec<CodeMapping<'a>> {
    let Way::Rules { table, .. } = whole.way else { return vec![whole] };
    let runtime = interpreter.number();
    let (mut parts, mut at) = (Vec::new(), whole.start);
    for code in &interpreter.loops {
        let start = code.start.wrapping_add(bias).max(at);
        let end = code.end.wrapping_add(bias).min(whole.end);
        if start >= end {
            continue;
        }
        if at < start {
            parts.push(CodeMapping { start: at, end: start, ..whole });
        }
        parts.push(CodeMapping { start, end, way: Way::Interpreter { table, bias, runtime } });
        at = end;
    }
    if at < whole.end {
        parts.push(CodeMapping { start: at, ..whole });
    }
    parts
}
