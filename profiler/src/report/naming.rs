//! Names for the locations of a profile that have only a file and an address. Pure: who knows the names is passed in.

use output::{Function, FunctionId, Line, Location, Mapping, Profile};
use std::collections::{BTreeMap, HashMap};
use symbolizer::Named;

/// The addresses of one file that stay unnamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// The number of addresses.
    pub addresses: usize,
    /// The reason for the first of them.
    pub reason: String,
}

/// Gives names for addresses of a mapping, in their order, or the reason why it cannot.
pub(super) type Namer<'a> = dyn FnMut(&Mapping, &[u64]) -> Result<Vec<Named>, String> + 'a;

/// Names every location that `namer` knows, if it has a mapping and either no name or only a function start as its name
/// (`libc.so.6+0x1230`). Returns the addresses that stay unnamed, by file.
pub(super) fn name(profile: &mut Profile, namer: &mut Namer<'_>) -> BTreeMap<String, Left> {
    let mut wanted: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, location) in profile.locations.iter().enumerate() {
        let Some(mapping) = location.mapping else { continue };
        let file = &profile.mappings[mapping.0 as usize].file;
        // A file name in brackets is code that only the recorded machine could name.
        if !file.starts_with('[') && is_nameless(location, file, &profile.functions) {
            wanted.entry(mapping.0).or_default().push(index);
        }
    }
    let mut functions = Functions::new(&profile.functions);
    let mut left = BTreeMap::new();
    for (mapping, indices) in wanted {
        let mapping = &profile.mappings[mapping as usize];
        let addresses: Vec<u64> = indices.iter().map(|&at| profile.locations[at].address).collect();
        let named = namer(mapping, &addresses);
        for (at, index) in indices.into_iter().enumerate() {
            let location = &mut profile.locations[index];
            let reason = match named.as_ref().map(|named| named.get(at)) {
                Ok(Some(named)) if !named.lines.is_empty() => {
                    if location.lines.is_empty() || named.reason.is_none() {
                        location.lines = functions.lines(named);
                    }
                    continue;
                }
                Ok(named) => {
                    named.and_then(|n| n.reason).map_or("no name", |r| r.phrase()).to_owned()
                }
                Err(reason) => reason.clone(),
            };
            if location.lines.is_empty() {
                left.entry(mapping.file.clone())
                    .or_insert(Left { addresses: 0, reason })
                    .addresses += 1;
            }
        }
    }
    profile.functions = functions.list;
    left
}

fn is_nameless(location: &Location, file: &str, functions: &[Function]) -> bool {
    match location.lines.as_slice() {
        [] => true,
        [only] => {
            let base = file.rsplit('/').next().unwrap_or(file);
            let name = &functions[only.function.0 as usize].name;
            name.strip_prefix(base).is_some_and(|rest| rest.starts_with("+0x"))
        }
        _ => false,
    }
}

/// The profile's functions, and those that are added.
struct Functions {
    list: Vec<Function>,
    ids: HashMap<Function, FunctionId>,
}

impl Functions {
    fn new(list: &[Function]) -> Self {
        let ids = list.iter().cloned().zip((0..).map(FunctionId)).collect();
        Self { list: list.to_vec(), ids }
    }

    fn lines(&mut self, named: &Named) -> Vec<Line> {
        let function = |line: &symbolizer::Line| Function {
            name: line.name.to_string(),
            system_name: line.system_name.to_string(),
            file: line.file.to_string(),
            start_line: 0,
        };
        named
            .lines
            .iter()
            .map(|l| Line { function: self.id(function(l)), line: l.line.into() })
            .collect()
    }

    fn id(&mut self, function: Function) -> FunctionId {
        let list = &mut self.list;
        *self.ids.entry(function).or_insert_with_key(|function| {
            list.push(function.clone());
            FunctionId(list.len() as u32 - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::{FrameKind, MappingId};
    use symbolizer::Reason;

    fn profile() -> Profile {
        let mapping = |file: &str| Mapping { file: file.into(), ..Mapping::default() };
        let location = |mapping, address, names: &[u32]| Location {
            mapping: Some(MappingId(mapping)),
            address,
            lines: names.iter().map(|&f| Line { function: FunctionId(f), line: 0 }).collect(),
            kind: FrameKind::User,
        };
        let function = |name: &str| Function {
            name: name.into(),
            system_name: name.into(),
            ..Function::default()
        };
        Profile {
            mappings: vec![mapping("/usr/lib/libx.so"), mapping("[kernel]")],
            functions: vec![function("main"), function("libx.so+0x30")],
            locations: vec![
                location(0, 0x10, &[]),
                location(0, 0x20, &[0]),
                location(0, 0x38, &[1]),
                location(1, 0x40, &[]),
            ],
            ..Profile::default()
        }
    }

    fn named(names: &[&str], reason: Option<Reason>) -> Named {
        let line = |name: &&str| symbolizer::Line {
            name: (*name).into(),
            system_name: (*name).into(),
            file: "x.c".into(),
            line: 7,
            ..symbolizer::Line::default()
        };
        Named { lines: names.iter().map(line).collect(), module: String::new(), reason }
    }

    fn names(profile: &Profile, location: usize) -> Vec<&str> {
        let name = |line: &Line| profile.functions[line.function.0 as usize].name.as_str();
        profile.locations[location].lines.iter().map(name).collect()
    }

    #[test]
    fn only_what_has_no_name_is_asked_for() {
        let mut profile = profile();
        let left = name(&mut profile, &mut |mapping, addresses| {
            assert_eq!((mapping.file.as_str(), addresses), ("/usr/lib/libx.so", &[0x10, 0x38][..]));
            Ok(vec![named(&["inlined", "outer"], None), named(&["outer"], None)])
        });
        assert!(left.is_empty());
        assert_eq!(names(&profile, 0), ["inlined", "outer"]);
        assert_eq!(names(&profile, 1), ["main"]);
        assert_eq!(names(&profile, 2), ["outer"]);
        assert_eq!(profile.locations[0].lines[0].line, 7);
        assert_eq!(profile.locations[0].lines[1].function, profile.locations[2].lines[0].function);
        assert_eq!(profile.functions.len(), 4);
    }

    #[test]
    fn a_range_is_kept_unless_there_is_a_real_name() {
        let mut profile = profile();
        let range = named(&["libx.so+0x31"], Some(Reason::NoSymbol));
        let left = name(&mut profile, &mut |_, _| Ok(vec![range.clone(), range.clone()]));
        assert!(left.is_empty());
        assert_eq!(names(&profile, 0), ["libx.so+0x31"], "better than nothing");
        assert_eq!(names(&profile, 2), ["libx.so+0x30"], "no better than before");
    }

    #[test]
    fn what_is_left_has_its_reason() {
        let mut profile = profile();
        let left = name(&mut profile, &mut |_, _| Err("not here".into()));
        let expected = Left { addresses: 1, reason: "not here".into() };
        assert_eq!(left, BTreeMap::from([(String::from("/usr/lib/libx.so"), expected)]));
        let left = name(&mut profile, &mut |_, _| Ok(vec![named(&[], Some(Reason::NoSymbol))]));
        assert_eq!(left["/usr/lib/libx.so"].reason, "no symbol at the address");
    }
}
