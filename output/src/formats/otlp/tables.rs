//! The mappings, functions and locations that samples need, in the order of the profile.

use super::attributes::{self, Attribute};
use super::dictionary::Dictionary;
use super::wire;
use crate::model::subset::Subset;
use crate::model::symbols::symbols;
use crate::protobuf::{put_key, put_number, put_varint, varint_len};

/// The row in the dictionary of each row of a profile's table; 0 if it is not needed.
fn rows<T>(table: &[T], needed: &[u32], mut row: impl FnMut(&T) -> i32) -> Vec<i32> {
    let mut rows = vec![0; table.len()];
    needed.iter().for_each(|at| rows[*at as usize] = row(&table[*at as usize]));
    rows
}

/// Writes the needed rows. Returns the row of each of the profile's locations.
pub(super) fn write(subset: &Subset<'_>, dictionary: &mut Dictionary) -> Vec<i32> {
    let profile = subset.of;
    let mappings = mappings(subset, dictionary);
    let functions = rows(&profile.functions, &subset.functions.needed, |function| {
        let texts = [&function.name, &function.system_name, &function.file];
        let texts = texts.map(|text| dictionary.string(text));
        dictionary.function(texts, function.start_line)
    });
    let (mut row, mut inner) = (Vec::new(), Vec::new());
    rows(&profile.locations, &subset.locations.needed, |location| {
        row.clear();
        let mapping = location.mapping.map_or(0, |mapping| mappings[mapping.0 as usize]);
        put_number(1, mapping as u64, &mut row);
        put_number(2, location.address, &mut row);
        for line in &location.lines {
            inner.clear();
            put_number(1, functions[line.function.0 as usize] as u64, &mut inner);
            put_number(2, line.line as u64, &mut inner);
            put_key(3, inner.len(), &mut row);
            row.extend_from_slice(&inner);
        }
        if let Some(kind) = attributes::frame_type(location) {
            let attribute = dictionary.attribute(&kind) as u64;
            put_key(4, varint_len(attribute), &mut row);
            put_varint(attribute, &mut row);
        }
        dictionary.location(&row)
    })
}

fn mappings(subset: &Subset<'_>, dictionary: &mut Dictionary) -> Vec<i32> {
    let profile = subset.of;
    let symbols = symbols(profile);
    let mut rows = vec![0; profile.mappings.len()];
    for at in subset.mappings.needed.iter().map(|row| *row as usize) {
        let (mapping, symbols) = (&profile.mappings[at], symbols[at]);
        let has = [
            (symbols.functions, attributes::HAS_FUNCTIONS),
            (symbols.filenames, attributes::HAS_FILENAMES),
            (symbols.line_numbers, attributes::HAS_LINE_NUMBERS),
            (symbols.inline_frames, attributes::HAS_INLINE_FRAMES),
        ];
        let has = has.into_iter().filter(|(has, _)| *has).map(|(_, key)| Attribute::flag(key));
        let list = attributes::build_id(&mapping.build_id).into_iter().chain(has);
        let message = wire::Mapping {
            memory_start: mapping.start,
            memory_limit: mapping.end,
            file_offset: mapping.offset,
            filename_strindex: dictionary.string(&mapping.file),
            attribute_indices: list.map(|attribute| dictionary.attribute(&attribute)).collect(),
        };
        rows[at] = dictionary.mapping(&message);
    }
    rows
}
