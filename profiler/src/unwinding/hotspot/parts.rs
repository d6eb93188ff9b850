//! The parts of a range of run-time code that are walked in different ways.

use bpf::{CodeMapping, Way};
use std::ops::Range;

/// Splits a range into parts: a code cache is walked in this way, the rest as other run-time code.
pub(super) fn split<'a>(
    range: Range<u64>,
    reserved: &[Range<u64>],
    way: Way<'a>,
) -> Vec<CodeMapping<'a>> {
    let mut parts = Vec::new();
    let mut at = range.start;
    for cache in reserved {
        let (start, end) = (cache.start.max(at), cache.end.min(range.end));
        if start >= end {
            continue;
        }
        if at < start {
            parts.push(CodeMapping { start: at, end: start, way: Way::RunTime });
        }
        parts.push(CodeMapping { start, end, way });
        at = end;
    }
    if at < range.end {
        parts.push(CodeMapping { start: at, end: range.end, way: Way::RunTime });
    }
    parts
}

/// Splits a part where a range of it is walked in another way.
pub(super) fn cut<'a>(
    part: CodeMapping<'a>,
    range: &Range<u64>,
    way: Way<'a>,
) -> Vec<CodeMapping<'a>> {
    let (start, end) = (range.start.max(part.start), range.end.min(part.end));
    if start >= end {
        return vec![part];
    }
    let pieces = [
        CodeMapping { end: start, ..part },
        CodeMapping { start, end, way },
        CodeMapping { start: end, ..part },
    ];
    pieces.into_iter().filter(|piece| piece.start < piece.end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(parts: &[CodeMapping<'_>]) -> Vec<(u64, u64, bool)> {
        parts.iter().map(|p| (p.start, p.end, matches!(p.way, Way::Unknown))).collect()
    }

    #[test]
    fn code_beside_the_cache_is_walked_as_any_other() {
        let caches = [20..30, 30..40, 60..90];
        let parts = |range| ends(&split(range, &caches, Way::Unknown));
        let all =
            [(10, 20, false), (20, 30, true), (30, 40, true), (40, 60, false), (60, 70, true)];
        assert_eq!(parts(10..70), all);
        assert_eq!(parts(40..50), [(40, 50, false)]);
        assert_eq!(parts(25..28), [(25, 28, true)]);
    }

    #[test]
    fn the_interpreter_is_cut_out_of_its_part() {
        let part = CodeMapping { start: 20, end: 40, way: Way::RunTime };
        let cut = |range| ends(&cut(part, &range, Way::Unknown));
        assert_eq!(cut(25..30), [(20, 25, false), (25, 30, true), (30, 40, false)]);
        assert_eq!(cut(20..30), [(20, 30, true), (30, 40, false)]);
        assert_eq!(cut(10..50), [(20, 40, true)]);
        for elsewhere in [10..20, 40..50, 30..30] {
            assert_eq!(cut(elsewhere), [(20, 40, false)]);
        }
    }
}
