//! Turns places and their names into the locations of a profile. Each location is made once.

use crate::judge::recording::Recording;
use crate::record::stacks::PlaceId;
use output::{
    FrameKind, Function, INTERPRETED, Line, Location, LocationId, Mapping, MappingId,
    ProfileBuilder,
};
use std::collections::HashMap;
use symbolizer::{FileId, MappedFile, Named, Place, Reason};

/// The file of frames that a runtime has compiled, whose addresses are not in the profile.
const JIT: &str = "[jit]";
/// The bound of offsets in the vDSO.
const VDSO: (u64, u64) = (0, 0x1_0000);

/// Makes locations.
#[derive(Debug)]
pub(crate) struct Locations<'a> {
    recording: &'a Recording<'a>,
    /// The locations by place.
    made: Vec<Option<LocationId>>,
    /// The end of the code seen in files whose segments are not known.
    ends: HashMap<FileId, u64>,
}

impl<'a> Locations<'a> {
    /// Begins without locations.
    pub(crate) fn new(recording: &'a Recording<'a>) -> Self {
        let mut ends = HashMap::new();
        for place in recording.counts.stacks.places() {
            if let Place::File { file, address } = place {
                let end: &mut u64 = ends.entry(*file).or_default();
                *end = (*end).max((address | 0xfff).saturating_add(1));
            }
        }
        let made = vec![None; recording.counts.stacks.places().len()];
        Self { recording, made, ends }
    }

    /// The recording whose places these are.
    pub(crate) fn recording(&self) -> &'a Recording<'a> {
        self.recording
    }

    /// The location of a place.
    pub(crate) fn of(&mut self, id: PlaceId, builder: &mut ProfileBuilder) -> LocationId {
        if let Some(made) = self.made[id.0 as usize] {
            return made;
        }
        let place = self.recording.counts.stacks.places()[id.0 as usize];
        let location = self.make(place, self.recording.named.get(id.0 as usize), builder);
        let made = builder.location(location);
        self.made[id.0 as usize] = Some(made);
        made
    }

    /// A frame that is not code, such as `[idle]`.
    pub(crate) fn bracketed(&self, name: &str, builder: &mut ProfileBuilder) -> LocationId {
        let kind = if name == "[user]" { FrameKind::User } else { FrameKind::Kernel };
        let lines = vec![only_name(name, builder)];
        builder.location(Location { mapping: None, address: 0, lines, kind })
    }

    fn make(&self, place: Place, named: Option<&Named>, builder: &mut ProfileBuilder) -> Location {
        let module = named.map_or("", |named| named.module.as_str());
        let (kind, address, mapping) = match place {
            Place::File { file, address } => {
                (FrameKind::User, address, Some(self.file_mapping(file, address, builder)))
            }
            Place::Vdso { offset } => {
                (FrameKind::User, offset, Some(module_mapping("[vdso]", VDSO, builder)))
            }
            // Addresses would tell every reader of a profile where the kernel is in memory.
            Place::Kernel { .. } => {
                let module = if module.is_empty() { "[kernel]" } else { module };
                (FrameKind::Kernel, 0, Some(module_mapping(module, (0, 0), builder)))
            }
            Place::Jit { address, .. } => (FrameKind::Jit, address, None),
            Place::Interpreted { .. } => {
                let compiled = named.is_some_and(|named| named.lines.iter().any(|l| l.compiled));
                let (kind, file) = match compiled {
                    true => (FrameKind::Jit, JIT),
                    false => (FrameKind::Interpreted, INTERPRETED),
                };
                (kind, 0, Some(module_mapping(file, (0, 0), builder)))
            }
            Place::Unknown { address, .. } => (FrameKind::Unknown, address, None),
        };
        let mut lines = named.map(|named| lines(named, builder)).unwrap_or_default();
        if lines.is_empty() {
            let freed = named.is_some_and(|named| named.reason == Some(Reason::ObjectGone));
            let module = if freed { "[code freed]" } else { module };
            lines.extend(nameless(place, module).map(|name| only_name(name, builder)));
        }
        Location { mapping, address, lines, kind }
    }

    fn file_mapping(&self, id: FileId, address: u64, builder: &mut ProfileBuilder) -> MappingId {
        let Some(file) = self.recording.table.file(id) else {
            return builder
                .mapping(Mapping { file: String::from("[unknown]"), ..Mapping::default() });
        };
        let within = |start: u64, len: u64| address.checked_sub(start).is_some_and(|at| at < len);
        let segment = file.segments.iter().find(|segment| within(segment.start, segment.len));
        let end = self.ends.get(&id).copied().unwrap_or(0);
        let (start, end, offset) =
            segment.map_or((0, end, 0), |s| (s.start, s.start.saturating_add(s.len), s.offset));
        builder.mapping(Mapping { start, end, offset, file: path(file), build_id: build_id(file) })
    }
}

fn path(file: &MappedFile) -> String {
    match file.path.as_slice() {
        [] => String::from("[unknown]"),
        path => String::from_utf8_lossy(path).into_owned(),
    }
}

fn build_id(file: &MappedFile) -> String {
    file.build_id.iter().flatten().map(|byte| format!("{byte:02x}")).collect()
}

fn module_mapping(
    module: &str,
    (start, end): (u64, u64),
    builder: &mut ProfileBuilder,
) -> MappingId {
    builder.mapping(Mapping {
        start,
        end,
        offset: 0,
        file: String::from(module),
        build_id: String::new(),
    })
}

/// The substitute name of an unnamed place. An address in a file stays unnamed, so that other tools can name it.
fn nameless(place: Place, module: &str) -> Option<&str> {
    match place {
        Place::File { .. } => None,
        Place::Vdso { .. } => Some("[vdso]"),
        Place::Kernel { .. } => Some(if module.is_empty() { "[kernel]" } else { module }),
        Place::Jit { .. } => Some(if module.is_empty() { "[jit]" } else { module }),
        Place::Interpreted { .. } => Some(if module.is_empty() { INTERPRETED } else { module }),
        Place::Unknown { .. } => Some("[unknown]"),
    }
}

fn lines(named: &Named, builder: &mut ProfileBuilder) -> Vec<Line> {
    let line = |line: &symbolizer::Line| Line {
        function: builder.function(Function {
            name: line.name.to_string(),
            system_name: line.system_name.to_string(),
            file: line.file.to_string(),
            start_line: line.start.into(),
        }),
        line: line.line.into(),
    };
    named.lines.iter().map(line).collect()
}

fn only_name(name: &str, builder: &mut ProfileBuilder) -> Line {
    let function = Function {
        name: String::from(name),
        system_name: String::from(name),
        ..Function::default()
    };
    Line { function: builder.function(function), line: 0 }
}
