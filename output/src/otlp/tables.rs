//! Mappings, functions and locations: those that samples refer to, in the profile's order.

use super::attributes::{self, Attribute};
use super::dictionary::Dictionary;
use super::wire;
use crate::pprof::mappings;
use crate::profile::{Profile, Sample};

/// Whether a sample has anything to tell.
pub(super) fn counts(sample: &Sample) -> bool {
    sample.values.iter().any(|value| *value != 0)
}

/// Which rows of the profile's tables are referred to.
struct Used {
    mappings: Vec<bool>,
    functions: Vec<bool>,
    locations: Vec<bool>,
}

impl Used {
    fn by_samples(profile: &Profile) -> Self {
        let mut used = Self {
            mappings: vec![false; profile.mappings.len()],
            functions: vec![false; profile.functions.len()],
            locations: vec![false; profile.locations.len()],
        };
        for sample in profile.samples.iter().filter(|sample| counts(sample)) {
            for frame in &sample.frames {
                used.locations[frame.location.0 as usize] = true;
            }
        }
        for (location, _) in
            profile.locations.iter().zip(&used.locations).filter(|(_, used)| **used)
        {
            if let Some(mapping) = location.mapping {
                used.mappings[mapping.0 as usize] = true;
            }
            for line in &location.lines {
                used.functions[line.function.0 as usize] = true;
            }
        }
        used
    }
}

/// The dictionary's rows by the indices of a profile's table; 0 where nobody refers to one.
fn rows<T>(table: &[T], used: &[bool], mut row: impl FnMut(&T) -> i32) -> Vec<i32> {
    table.iter().zip(used).map(|(entry, used)| if *used { row(entry) } else { 0 }).collect()
}

/// Writes the tables; gives the locations' rows by the profile's indices.
pub(super) fn write(profile: &Profile, dictionary: &mut Dictionary) -> Vec<i32> {
    let used = Used::by_samples(profile);
    let mappings = mappings(profile, &used.mappings, dictionary);
    let functions = rows(&profile.functions, &used.functions, |function| {
        let message = wire::Function {
            name_strindex: dictionary.string(&function.name),
            system_name_strindex: dictionary.string(&function.system_name),
            filename_strindex: dictionary.string(&function.file),
        };
        dictionary.function(&message)
    });
    let mut message = wire::Location::default();
    rows(&profile.locations, &used.locations, |location| {
        message.mapping_index = location.mapping.map_or(0, |mapping| mappings[mapping.0 as usize]);
        message.address = location.address;
        message.lines.clear();
        message.lines.extend(location.lines.iter().map(|line| wire::Line {
            function_index: functions[line.function.0 as usize],
            line: line.line,
        }));
        message.attribute_indices.clear();
        let kind = attributes::frame_type(location);
        message.attribute_indices.extend(kind.map(|kind| dictionary.attribute(&kind)));
        dictionary.location(&message)
    })
}

fn mappings(profile: &Profile, used: &[bool], dictionary: &mut Dictionary) -> Vec<i32> {
    let mut symbols = mappings::symbols(profile).into_iter();
    let rows = profile.mappings.iter().zip(used).map(|(mapping, used)| {
        let symbols = symbols.next().unwrap_or_default();
        if !used {
            return 0;
        }
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
        dictionary.mapping(&message)
    });
    rows.collect()
}
