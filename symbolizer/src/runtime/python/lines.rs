//! Lines of positions, from the table that a code object has. Its format has changed twice.

/// The line of a position in bytes from the first instruction. `first` is the first line of the code. `None`: the position has no line.
pub(super) fn line(version: (u8, u8), table: &[u8], first: u32, position: i64) -> Option<u32> {
    let first = i64::from(first);
    let found = match version {
        // Nothing has been run yet.
        _ if position < 0 => Some(first),
        (3, ..=9) => Some(by_increments(table, first, position)),
        (3, 10) => by_ranges(table, first, position),
        _ => by_locations(table, first, position),
    };
    u32::try_from(found?).ok()
}

/// Up to 3.9: pairs of increments of the position and the line.
fn by_increments(table: &[u8], first: i64, position: i64) -> i64 {
    let (mut at, mut line) = (0, first);
    for pair in table.chunks_exact(2) {
        at += i64::from(pair[0]);
        if at > position {
            break;
        }
        line += i64::from(pair[1] as i8);
    }
    line
}

/// 3.10: pairs of a length in bytes and an increment of the line; the increment -128 is for code without a line.
fn by_ranges(table: &[u8], first: i64, position: i64) -> Option<i64> {
    let (mut at, mut line) = (0, first);
    for pair in table.chunks_exact(2) {
        let has_line = pair[1] as i8 != -128;
        if has_line {
            line += i64::from(pair[1] as i8);
        }
        at += i64::from(pair[0]);
        if at > position {
            return has_line.then_some(line);
        }
    }
    None
}

/// From 3.11 on: entries of a kind, a number of instructions of two bytes, and what the kind says.
fn by_locations(table: &[u8], first: i64, position: i64) -> Option<i64> {
    let mut rest = table;
    let (mut at, mut line) = (0, first);
    while let Some((&head, after)) = rest.split_first() {
        rest = after;
        if head & 0x80 == 0 {
            return None;
        }
        at += 2 * i64::from((head & 7) + 1);
        let (mut has_line, mut skip) = (true, 0);
        match head >> 3 & 15 {
            0..=9 => skip = 1,
            kind @ 10..=12 => {
                line += i64::from(kind) - 10;
                skip = 2;
            }
            13 => line += signed(&mut rest)?,
            14 => {
                line += signed(&mut rest)?;
                for _ in 0..3 {
                    number(&mut rest)?;
                }
            }
            _ => has_line = false,
        }
        rest = rest.get(skip..)?;
        if at > position {
            return has_line.then_some(line);
        }
    }
    None
}

/// A number in pieces of six bits, the lowest first. The bit above says that another piece follows.
fn number(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0;
    for shift in (0..60).step_by(6) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= i64::from(byte & 63) << shift;
        if byte & 64 == 0 {
            return Some(number);
        }
    }
    None
}

/// A number with its sign in the lowest bit.
fn signed(rest: &mut &[u8]) -> Option<i64> {
    let number = number(rest)?;
    Some(if number & 1 == 0 { number >> 1 } else { -(number >> 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn increments_of_position_and_line() {
        let table = [6, 1, 8, 2, 4, 0xff];
        let lines = [0, 4, 6, 12, 14, 16, 18, 1000].map(|at| line((3, 9), &table, 10, at).unwrap());
        assert_eq!(lines, [10, 10, 11, 11, 13, 13, 12, 12]);
    }

    #[test]
    fn ranges_may_have_no_line() {
        let table = [4, 1, 2, 0x80, 6, 3];
        let lines = [0, 2, 4, 6, 10, 12].map(|at| line((3, 10), &table, 10, at));
        assert_eq!(lines, [Some(11), Some(11), None, Some(14), Some(14), None]);
    }

    #[test]
    fn locations_of_all_kinds() {
        let of = |kind: u8, instructions: u8| 0x80 | kind << 3 | (instructions - 1);
        // On the same line, one line further, without columns (two lines back), long (100 lines further), and none.
        let back = 2 << 1 | 1;
        let table = [
            [of(3, 1), 0].as_slice(),
            &[of(11, 2), 0, 0],
            &[of(13, 1), back],
            &[of(14, 8), 64 | (200 & 63), 200 >> 6, 0, 0, 0],
            &[of(15, 1)],
        ]
        .concat();
        let lines = [-2, 0, 2, 4, 6, 8, 22, 24, 26].map(|at| line((3, 12), &table, 10, at));
        let some = [10, 10, 11, 11, 9, 109, 109].map(Some);
        assert_eq!(lines[..7], some);
        assert_eq!(lines[7..], [None, None]);
    }

    #[test]
    fn what_is_no_table_has_no_lines() {
        for table in [&[][..], &[0x00], &[0xf0, 0x7f], &[0xe8], &[0x80], &[0xff; 64]] {
            for position in [0, 1 << 40] {
                assert_eq!(line((3, 13), table, 1, position), None, "{table:?}");
            }
        }
    }
}
