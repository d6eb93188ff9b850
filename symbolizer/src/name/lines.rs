//! The lines of a text file, which may be long, still growing, or cut off.

use std::io;
use std::ops::ControlFlow;

/// The bytes of one read.
const PIECE: usize = 64 << 10;
/// The longest line that is read. A longer one is skipped.
const MAX_LINE: usize = 32 << 10;

/// Passes complete lines, without their ends, to `take`. It stops when `take` breaks, the text ends or `bound` bytes
/// were read. With `last`, it also passes a last line without an end.
pub(crate) fn each(
    read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    bound: u64,
    last: bool,
    mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    blocks(read, bound, last, |block| split(block).try_for_each(&mut take))
}

/// The lines of a block, without their ends.
pub(crate) fn split(block: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\n").unwrap_or(block);
    block.split(|&byte| byte == b'\n')
}

/// Like [`each`], but passes blocks of complete lines, as they are read.
pub(crate) fn blocks(
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<usize>,
    bound: u64,
    last: bool,
    mut take: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE + MAX_LINE];
    let (mut kept, mut offset, mut skipping) = (0, 0, false);
    while offset < bound {
        let count = match read(offset, &mut buffer[kept..kept + PIECE]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        offset += count as u64;
        let filled = kept + count;
        let end = buffer[..filled].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut start = 0;
        if skipping && end > 0 {
            start = buffer[..end].iter().position(|&byte| byte == b'\n').map_or(end, |at| at + 1);
            skipping = false;
        }
        if start < end && take(&buffer[start..end]).is_break() {
            return Ok(());
        }
        kept = filled - end;
        buffer.copy_within(end..filled, 0);
        if kept >= MAX_LINE {
            (kept, skipping) = (0, true);
        }
    }
    if last && kept > 0 && !skipping {
        let _ = take(&buffer[..kept]);
    }
    Ok(())
}

/// A hexadecimal number, with or without `0x`, and the rest of the text.
pub(crate) fn hex(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.strip_prefix(b"0x").unwrap_or(text);
    let (mut value, mut digits) = (0, 0);
    for &byte in text.iter().take(17) {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => break,
        };
        value = value << 4 | u64::from(digit);
        digits += 1;
    }
    (1..=16).contains(&digits).then(|| (value, &text[digits..]))
}
