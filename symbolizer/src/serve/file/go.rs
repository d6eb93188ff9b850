//! Names of a Go program from its `.gopclntab`.

use super::gopclntab::GoTable;
use crate::go_table::{MAX_TABLE, TEXT, module, section, text};
use crate::name::{Line, Texts};
use elf::Image;

/// Names from the table for each address that it covers; `None` if the file has no table.
pub(crate) fn names(
    image: &Image<'_>,
    addresses: &[u64],
    no_inline: bool,
    texts: &mut Texts,
) -> Option<Vec<Vec<Line>>> {
    let section = section(image)?;
    let data = image.data(section, MAX_TABLE)?;
    let module = module(image, section.address);
    let word = |index: usize| module.as_ref().map_or(0, |words| words[index]);
    let text = text(image, &data, word(TEXT))?;
    let table = GoTable::parse(&data, text)?;
    let base = table.function_data_word().map_or(0, word);
    let read = |offset: u64, len: u64| image.memory(base.checked_add(offset)?, len);
    let inlined = (base != 0 && !no_inline).then_some(&read as _);
    let lines = |&address: &u64| {
        let frames = table.frames(address, inlined);
        let last = frames.len().saturating_sub(1);
        let line = |(index, frame): (usize, super::gopclntab::GoFrame)| Line {
            system_name: texts.keep(&frame.name),
            name: texts.keep(&frame.name),
            file: texts.keep(&frame.file),
            line: frame.line,
            inlined: index < last,
            ..Line::default()
        };
        frames.into_iter().enumerate().map(line).collect()
    };
    Some(addresses.iter().map(lines).collect())
}
