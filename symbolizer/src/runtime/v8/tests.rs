//! Names from recorded memory of Node.js 18 to 26, in which `testdata/programs/known.js` runs.

use super::image::Image;
use super::*;
use std::io::Read;

/// The functions of the program, innermost first: name, line of the definition, line of the call.
const CALLS: [(&str, u32, u32); 13] = [
    ("leaf", 5, 0),
    ("area", 14, 15),
    ("make", 18, 20),
    ("get made", 23, 24),
    ("arrow", 28, 29),
    ("table.inferred", 34, 35),
    ("crowd", 48, 50),
    ("(anonymous)", 1, 3),
    ("each", 57, 58),
    ("mapped", 56, 57),
    ("generated", 62, 64),
    ("outer", 68, 69),
    ("main", 72, 78),
];

/// All recorded images, and their names.
fn images() -> Vec<(String, Image)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/v8");
    let image = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let mut bytes = Vec::new();
        let file = std::fs::File::open(entry.path()).unwrap();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        let mut image = Image::parse(&bytes);
        // They were recorded before innermost frames were marked.
        for object in image.objects.iter_mut().filter(|object| object.address >> 56 == 1) {
            object.check &= !8;
        }
        (entry.file_name().into_string().unwrap(), image)
    };
    let images: Vec<_> = std::fs::read_dir(folder).unwrap().map(image).collect();
    assert_eq!(images.len(), 14, "six versions, optimized and baseline, and Maglev's code of two");
    images
}

/// The recorded images of whole stacks: all but those of Maglev's code without positions.
fn stacks() -> impl Iterator<Item = (String, Image)> {
    images().into_iter().filter(|(name, _)| !name.contains("maglev"))
}

fn calls_of_maglev() -> impl Iterator<Item = (String, Image)> {
    images().into_iter().filter(|(name, _)| name.contains("maglev"))
}

fn names(image: &Image, objects: &[Object]) -> Vec<Found> {
    V8.functions(&Running { memory: image, image: image.header }, objects)
}

fn gone(found: &Found) -> bool {
    matches!(found, Err(Reason::ObjectGone))
}

#[test]
fn each_version_and_tier_names_all_functions_and_lines() {
    for (name, image) in stacks() {
        let found = names(&image, &image.objects).into_iter().flat_map(|found| found.expect(&name));
        let functions: Vec<Function> = found.collect();
        assert_eq!(functions.len(), CALLS.len(), "{name}: {functions:?}");
        for (function, (called, start, line)) in functions.iter().zip(CALLS) {
            let file = if called == "(anonymous)" { "made.js" } else { "/known.js" };
            assert_eq!(function.name, called, "{name}");
            assert!(function.file.ends_with(file), "{name}: {function:?}");
            assert_eq!(function.start, start, "{name}: {function:?}");
            let inside = called == "leaf" && (6..=8).contains(&function.line);
            assert!(inside || function.line == line, "{name}: {function:?}");
            assert!(!function.approximate, "{name}: {function:?}");
        }
    }
}

/// Calls in Maglev's code without positions. Into each function, others were inlined.
#[test]
fn code_without_positions_has_the_functions_and_lines_of_its_calls() {
    for (name, image) in calls_of_maglev() {
        let mut chains = Vec::new();
        for found in names(&image, &image.objects) {
            let functions = found.expect(&name);
            let first = CALLS.iter().position(|call| call.0 == functions[0].name).expect(&name);
            for (function, (called, start, line)) in functions.iter().zip(&CALLS[first..]) {
                assert_eq!((&*function.name, function.start), (*called, *start), "{name}");
                assert_eq!(function.line, *line, "{name}: {function:?}");
                assert!(function.compiled && !function.approximate, "{name}: {function:?}");
            }
            chains.push(functions.len());
        }
        assert_eq!(chains[..4], [2, 2, 3, 3], "{name}");
    }
}

/// Between two calls, the functions are those of the nearest place that is known: they are marked, of a leaf and of a frame that has called.
#[test]
fn a_place_between_calls_of_code_without_positions_is_approximate() {
    for (name, image) in calls_of_maglev() {
        for leaf in [0, 8] {
            let between = |object: &Object| Object {
                address: object.address - 9,
                check: object.check & !8 | leaf,
                ..*object
            };
            let places: Vec<Object> = image.objects.iter().map(between).collect();
            let found = names(&image, &places).into_iter();
            let found: Vec<_> = found.map(|found| found.expect(&name)).collect();
            let exact = names(&image, &image.objects).into_iter().map(Result::unwrap);
            for (functions, exact) in found.iter().zip(exact) {
                assert!(functions.iter().all(|function| function.approximate), "{name}");
                let outermost = |functions: &[Function]| functions.last().unwrap().name.clone();
                assert_eq!(outermost(functions), outermost(&exact), "{name}");
            }
            assert!(found.iter().any(|functions| functions.len() > 1), "{name}: {found:?}");
        }
    }
}

#[test]
fn optimized_code_is_named_by_its_addresses() {
    for (name, image) in stacks() {
        let process = Running { memory: &image, image: image.header };
        for object in &image.objects {
            let Place::Instruction(address) = Frame::of(*object).place else { continue };
            let by_frame = V8.functions(&process, &[*object]).remove(0).unwrap();
            assert!(by_frame.iter().all(|function| function.compiled), "{name}");
            let by_address = V8.code(&process, &[address]).remove(0);
            if name.contains("optimized") {
                let mut leaf =
                    V8.functions(&process, &[Object { check: object.check | 8, ..*object }]);
                assert_eq!(by_address, leaf.remove(0), "{name}");
                let mut exact = by_address.unwrap();
                assert!(exact.iter().all(|function| function.approximate), "{name}");
                exact.iter_mut().for_each(|function| function.approximate = false);
                assert_eq!(exact, by_frame, "{name}");
            } else {
                assert_eq!(
                    by_address,
                    Err(Reason::NoSymbol),
                    "{name}: baseline code knows no function"
                );
            }
        }
    }
}

#[test]
fn another_function_or_other_code_is_no_name() {
    for (name, image) in images() {
        let changed = |change: &dyn Fn(&mut Object)| {
            let mut objects = image.objects.clone();
            objects.iter_mut().for_each(change);
            names(&image, &objects).iter().all(gone)
        };
        assert!(changed(&|object| object.check ^= 1 << 20), "{name}");
        assert!(changed(&|object| object.address = 0), "{name}");
        assert!(changed(&|object| object.position ^= 1 << 20 | 8), "{name}: {:?}", image.objects);
    }
}

#[test]
fn the_code_of_another_function_is_no_name() {
    for (name, image) in stacks() {
        let frames: Vec<_> = image.objects.iter().map(|object| Frame::of(*object)).collect();
        let mut compared = 0;
        for (one, other) in frames.iter().zip(&frames[1..]) {
            let (Place::Instruction(_), Place::Instruction(address)) = (one.place, other.place)
            else {
                continue;
            };
            let layout = Layout::of(&Running { memory: &image, image: image.header }).unwrap();
            let heap = Heap { memory: &image, layout: &layout };
            let mut mixed = *one;
            mixed.place = Place::Instruction(address);
            assert_eq!(spots(&heap, &mut Codes::default(), mixed), None, "{name}");
            compared += 1;
        }
        assert!(compared > 0 || name.contains("optimized"), "{name}");
    }
}

#[test]
fn an_unknown_build_has_no_names() {
    for (name, image) in stacks() {
        let process = Running { memory: &image, image: image.header };
        let loaded = super::super::loaded::Loaded::of(&process).unwrap();
        for changed in [
            "_ZN2v88internal7Version6minor_E",
            "v8dbg_TaggedSize",
            "v8dbg_scopeinfo_idx_first_vars",
        ] {
            let symbol = loaded.symbol(&process, changed.as_bytes()).unwrap();
            let mut other = image.clone();
            let (start, part) = other.parts.range_mut(..=symbol.address).next_back().unwrap();
            part[(symbol.address - start) as usize] ^= 0x40;
            assert!(
                names(&other, &image.objects).iter().all(|found| *found == Err(Reason::NoReader)),
                "{name}"
            );
            assert_eq!(Offsets::of(&Running { memory: &other, image: image.header }), None);
        }
        assert!(Offsets::of(&process).is_some_and(|offsets| offsets.script_id == 64), "{name}");
    }
}

#[test]
fn addresses_at_both_ends_of_memory_are_in_no_code() {
    let low = 0..512;
    let high = (0..512).map(|below| u64::MAX - below);
    let addresses: Vec<u64> = low.chain(high).collect();
    for (name, image) in images() {
        let process = Running { memory: &image, image: image.header };
        let found = V8.code(&process, &addresses);
        assert!(found.iter().all(Result::is_err), "{name}");
    }
}

#[test]
fn memory_that_changes_is_no_danger() {
    let mut random = fastrand::Rng::with_seed(22);
    for (_, image) in images() {
        for _ in 0..40 {
            let mut other = image.clone();
            let mut parts: Vec<&mut Vec<u8>> = other.parts.values_mut().collect();
            for _ in 0..random.usize(1..200) {
                let part = random.usize(..parts.len());
                let part = &mut parts[part];
                let at = random.usize(..part.len());
                part[at] = random.u8(..);
            }
            let found = names(&other, &image.objects);
            assert_eq!(found.len(), image.objects.len());
            for function in found.into_iter().flatten().flatten() {
                assert!(function.name.len() <= 4096 && function.file.len() <= 4 * 4096);
            }
        }
    }
}

/// Memory that counts what is read of it.
struct Counted<'a>(&'a Image, std::cell::Cell<usize>);

impl crate::runtime::reader::Memory for Counted<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.1.set(self.1.get() + bytes.len());
        self.0.fill(address, bytes)
    }
}

/// Words that lead back to themselves or to other objects, and lengths beyond all memory.
#[test]
fn words_that_lie_are_read_within_bounds() {
    let mut random = fastrand::Rng::with_seed(23);
    for (name, image) in images() {
        let addresses: Vec<u64> = image.parts.keys().copied().collect();
        for _ in 0..60 {
            let mut other = image.clone();
            for _ in 0..random.usize(1..60) {
                let start = addresses[random.usize(..addresses.len())];
                let part = other.parts.get_mut(&start).unwrap();
                let at = random.usize(..part.len().div_ceil(8)) * 8;
                let lie = match random.u8(..6) {
                    0 => start + at as u64 + 1,
                    1 => addresses[random.usize(..addresses.len())] + 1,
                    2 => 0x7fff_ffff << 32,
                    3 => u64::MAX,
                    4 => 1 << 63,
                    _ => 0x7fff_ffff_fff9,
                };
                let end = part.len().min(at + 8);
                part[at..end].copy_from_slice(&lie.to_le_bytes()[..end - at]);
            }
            let counted = Counted(&other, std::cell::Cell::default());
            let found =
                V8.functions(&Running { memory: &counted, image: image.header }, &image.objects);
            assert_eq!(found.len(), image.objects.len());
            assert!(counted.1.get() < 256 << 20, "{name}: {} bytes", counted.1.get());
            for function in found.into_iter().flatten().flatten() {
                assert!(function.name.len() <= 4096 && function.file.len() <= 4 * 4096, "{name}");
            }
        }
    }
}
