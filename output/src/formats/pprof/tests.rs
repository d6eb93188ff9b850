//! The encoder and the reader, against each other and against readers of others.

use super::{
    APPROXIMATE_LINES, CALLER_MAY_BE_MISSING, GUESSED_FRAMES, Limits, Pprof, TRUNCATED, read,
};
use crate::model::profile::{FrameKind, Label, LabelValue, Marks, Profile, Sample, Trust};
use crate::testing::{frame, profile, small, stack};
use crate::{Encode, Error, Folded};
use pprof::protos::{self, Message};
use std::collections::BTreeSet;

pub(super) fn encode(options: &Pprof, profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    options.encode(profile, &mut bytes).unwrap();
    bytes
}

fn plain() -> Pprof {
    Pprof { gzip: false, ..Pprof::default() }
}

/// The profile as pprof can tell it: how frames were found is a number of guessed ones.
fn as_read(mut profile: Profile) -> Profile {
    for sample in &mut profile.samples {
        sample.marks.guessed_frames = sample.guessed_frames() as u32;
        sample.frames.iter_mut().for_each(|frame| frame.trust = Trust::Sure);
    }
    profile
}

#[test]
fn what_was_written_is_read() {
    for gzip in [true, false] {
        let bytes = encode(&Pprof { gzip, ..Pprof::default() }, &small());
        assert_eq!(read(&bytes, Limits::default()).unwrap(), as_read(small()), "gzip {gzip}");
    }
}

#[test]
fn reading_and_writing_again_changes_no_byte() {
    let once = encode(&plain(), &as_read(small()));
    let again = encode(&plain(), &read(&once, Limits::default()).unwrap());
    assert_eq!(once, again);
}

#[test]
fn a_label_that_is_no_number_of_guessed_frames_stays_a_label() {
    for value in [
        LabelValue::Number(0, String::new()),
        LabelValue::Number(-1, String::new()),
        LabelValue::Number(1 << 40, String::new()),
        LabelValue::Text("1".into()),
    ] {
        let mut odd = profile(&[stack(&["main"], 1)]);
        odd.samples[0].labels = vec![Label { key: GUESSED_FRAMES.into(), value }];
        let found = read(&encode(&plain(), &odd), Limits::default()).unwrap();
        assert_eq!(found.samples[0].labels, odd.samples[0].labels);
        assert_eq!(found.samples[0].guessed_frames(), 0);
    }
}

#[test]
fn without_labels_only_what_spoils_a_stack_is_told() {
    let bytes = encode(&Pprof { labels: false, ..plain() }, &small());
    let profile = read(&bytes, Limits::default()).unwrap();
    assert!(profile.samples.iter().all(|sample| sample.labels.is_empty()));
    let guessed: u64 = profile.samples.iter().map(Sample::guessed_frames).sum();
    assert_eq!(guessed, 1);
    assert!(profile.samples.iter().any(|sample| sample.marks.truncated));
    let spoilt = |profile: &Profile| {
        profile.samples.iter().filter(|s| s.marks.caller_may_be_missing).count()
    };
    assert_eq!(spoilt(&profile), spoilt(&small()));
}

#[test]
fn what_spoils_a_stack_is_not_told_where_nobody_asks() {
    let bytes = encode(&Pprof { quality: false, ..plain() }, &small());
    let profile = read(&bytes, Limits::default()).unwrap();
    let keys: BTreeSet<_> =
        profile.samples.iter().flat_map(|s| &s.labels).map(|label| label.key.as_str()).collect();
    assert_eq!(keys, BTreeSet::from(["comm", "pid", "thread", "tid"]));
    assert!(profile.samples.iter().all(|sample| sample.marks == Marks::default()));
}

/// A sample in words: functions with lines and mappings, values, labels.
fn describe(profile: &protos::Profile, sample: &protos::Sample) -> String {
    let text = |index: i64| profile.string_table[index as usize].as_str();
    let mut words = Vec::new();
    for id in &sample.location_id {
        let location = &profile.location[*id as usize - 1];
        assert_eq!(location.id, *id);
        let file = match location.mapping_id {
            0 => "",
            id => text(profile.mapping[id as usize - 1].filename),
        };
        words.push(format!("{:#x} {file}", location.address));
        for line in &location.line {
            let function = &profile.function[line.function_id as usize - 1];
            assert_eq!(function.id, line.function_id);
            words.push(format!(
                "{} {}:{}",
                text(function.name),
                text(function.filename),
                line.line
            ));
        }
    }
    words.push(format!("{:?}", sample.value));
    for label in &sample.label {
        words.push(format!(
            "{}={}{}{}",
            text(label.key),
            text(label.str),
            label.num,
            text(label.num_unit)
        ));
    }
    words.join(" | ")
}

fn describe_own(profile: &Profile, sample: &Sample) -> String {
    let mut words = Vec::new();
    for frame in &sample.frames {
        let location = &profile.locations[frame.location.0 as usize];
        let file =
            location.mapping.map_or("", |mapping| &profile.mappings[mapping.0 as usize].file);
        words.push(format!("{:#x} {file}", location.address));
        for line in &location.lines {
            let function = &profile.functions[line.function.0 as usize];
            words.push(format!("{} {}:{}", function.name, function.file, line.line));
        }
    }
    words.push(format!("{:?}", sample.values));
    for label in &sample.labels {
        words.push(match &label.value {
            LabelValue::Text(text) => format!("{}={text}0", label.key),
            LabelValue::Number(number, unit) => format!("{}={number}{unit}", label.key),
        });
    }
    let guessed = sample.guessed_frames();
    if guessed > 0 {
        words.push(format!("{GUESSED_FRAMES}={guessed}frames"));
    }
    let lines = sample.marks.approximate_lines;
    if lines > 0 {
        words.push(format!("{APPROXIMATE_LINES}={lines}lines"));
    }
    let marks = [
        (sample.marks.truncated, TRUNCATED),
        (sample.marks.caller_may_be_missing, CALLER_MAY_BE_MISSING),
    ];
    words.extend(marks.iter().filter(|(set, _)| *set).map(|(_, key)| format!("{key}=true0")));
    words.join(" | ")
}

#[test]
fn an_independent_decoder_sees_the_same() {
    let own = small();
    let other = protos::Profile::decode(encode(&plain(), &own).as_slice()).unwrap();
    let theirs: Vec<_> = other.sample.iter().map(|sample| describe(&other, sample)).collect();
    let ours: Vec<_> = own.samples.iter().map(|sample| describe_own(&own, sample)).collect();
    assert_eq!(theirs, ours);

    let text = |index: i64| other.string_table[index as usize].as_str();
    assert_eq!(other.string_table[0], "");
    let types: Vec<_> = other.sample_type.iter().map(|t| (text(t.ty), text(t.unit))).collect();
    assert_eq!(types, [("samples", "count"), ("cpu", "nanoseconds")]);
    assert_eq!(text(other.default_sample_type), "cpu");
    assert_eq!((other.period, other.duration_nanos), (own.period, own.duration_nanos));
    assert_eq!(other.time_nanos, own.time_nanos);
    let comments: Vec<_> = other.comment.iter().map(|index| text(*index).to_owned()).collect();
    assert_eq!(comments[0], format!("summary: {}", own.summary));
    assert_eq!(comments[1..], own.comments);
}

#[test]
fn mappings_say_what_their_symbols_are_and_the_program_is_first() {
    let profile = protos::Profile::decode(encode(&plain(), &small()).as_slice()).unwrap();
    let said: Vec<_> = profile
        .mapping
        .iter()
        .map(|m| {
            let file = profile.string_table[m.filename as usize].as_str();
            (m.id, file, m.has_functions, m.has_filenames, m.has_line_numbers, m.has_inline_frames)
        })
        .collect();
    assert_eq!(
        said,
        [(1, "/usr/bin/prog", true, true, true, true), (2, "[kernel]", true, false, false, false)]
    );
}

#[test]
fn the_recorded_command_is_the_first_mapping_where_it_is_known() {
    let mut own = small();
    own.mappings.push(crate::Mapping { file: "/bin/zz".into(), ..Default::default() });
    own.program = Some("/bin/zz".to_owned());
    let profile = protos::Profile::decode(encode(&plain(), &own).as_slice()).unwrap();
    assert_eq!(profile.string_table[profile.mapping[0].filename as usize], "/bin/zz");
}

#[test]
fn the_service_and_the_program_are_read_as_fields() {
    let own = crate::Profile { service: Some("shop".into()), ..small() };
    let bytes = encode(&plain(), &own);
    let written = protos::Profile::decode(bytes.as_slice()).unwrap();
    let mut comments = written.comment.iter().map(|at| written.string_table[*at as usize].as_str());
    assert_eq!(comments.next_back(), Some("service_name: shop"));
    let again = read(&bytes, Limits::default()).unwrap();
    assert_eq!((&again.service, &again.program), (&own.service, &own.program));
    assert_eq!(again.comments, own.comments);
}

#[test]
fn a_profile_without_any_name_leaves_that_to_its_readers() {
    let nameless = profile(&[stack(&["", ""], 3)]);
    let written = protos::Profile::decode(encode(&plain(), &nameless).as_slice()).unwrap();
    assert!(!written.mapping[0].has_functions);
    assert_eq!(read(&encode(&plain(), &nameless), Limits::default()).unwrap(), as_read(nameless));
}

#[test]
fn a_profile_that_does_not_hold_together_is_not_written() {
    let mut broken = small();
    broken.samples[0].frames[0].location.0 = 1_000_000;
    let mut bytes = Vec::new();
    assert!(Pprof::default().encode(&broken, &mut bytes).is_err());
    assert!(bytes.is_empty());
}

/// A profile as another producer might write it: ids are hashes, tables in another order, no mapping for one
/// location, a label with a unit, two fields that we do not know.
fn foreign() -> protos::Profile {
    let strings = [
        "", "space", "bytes", "main", "alloc", "/srv/app", "kind", "large", "kb", "app.py",
        "drop.*",
    ];
    let function = |id, name| protos::Function {
        id,
        name,
        system_name: name,
        filename: 9,
        ..Default::default()
    };
    let line = |function_id| vec![protos::Line { function_id, line: 5 }];
    protos::Profile {
        sample_type: vec![protos::ValueType { ty: 1, unit: 2 }],
        sample: vec![protos::Sample {
            location_id: vec![u64::MAX, 77],
            value: vec![4096],
            label: vec![
                protos::Label { key: 6, str: 7, ..Default::default() },
                protos::Label { key: 2, num: 4, num_unit: 8, ..Default::default() },
            ],
        }],
        mapping: vec![protos::Mapping {
            id: 1 << 40,
            filename: 5,
            memory_limit: 4096,
            ..Default::default()
        }],
        location: vec![
            protos::Location {
                id: 77,
                mapping_id: 1 << 40,
                address: 16,
                line: line(u64::MAX - 1),
                is_folded: true,
            },
            protos::Location { id: u64::MAX, line: line(3), ..Default::default() },
        ],
        function: vec![function(u64::MAX - 1, 3), function(3, 4)],
        string_table: strings.map(String::from).to_vec(),
        drop_frames: 10,
        ..Default::default()
    }
}

fn read_foreign(profile: &protos::Profile) -> Result<Profile, Error> {
    read(&profile.encode_to_vec(), Limits::default())
}

#[test]
fn other_producers_profiles_are_read() {
    let profile = read_foreign(&foreign()).unwrap();
    profile.check().unwrap();
    let mut folded = Vec::new();
    Folded::default().encode(&profile, &mut folded).unwrap();
    assert_eq!(String::from_utf8(folded).unwrap(), "main;alloc 4096\n");
    let kinds: Vec<_> = profile.locations.iter().map(|location| location.kind).collect();
    assert_eq!(kinds, [FrameKind::User, FrameKind::User]);
    let labels = &profile.samples[0].labels;
    assert_eq!(labels[0].value, LabelValue::Number(4, "kb".into()));
    assert_eq!(labels[1].value, LabelValue::Text("large".into()));
    assert_eq!(profile.default_sample_type, 0);
}

#[test]
fn what_does_not_hold_together_is_one_clear_sentence() {
    type Spoil = fn(&mut protos::Profile);
    let spoil: [(&str, Spoil); 10] = [
        ("string", |p| p.function[0].name = 99),
        ("string", |p| p.function[0].name = -1),
        ("empty string", |p| p.string_table.clear()),
        ("empty string", |p| p.string_table[0] = "x".into()),
        ("function 4", |p| p.location[1].line[0].function_id = 4),
        ("location 5", |p| p.sample[0].location_id.push(5)),
        ("mapping 6", |p| p.location[1].mapping_id = 6),
        ("2 values", |p| p.sample[0].value.push(1)),
        ("there twice", |p| p.function[1].id = p.function[0].id),
        ("sample types", |p| p.sample_type.clear()),
    ];
    for (word, spoil) in spoil {
        let mut profile = foreign();
        spoil(&mut profile);
        let error = read_foreign(&profile).unwrap_err().to_string();
        assert!(
            error.contains(word) && error.starts_with("not a readable pprof file: "),
            "{word}: {error}"
        );
    }
}

#[test]
fn anything_else_is_an_error() {
    for bytes in
        [&b""[..], b"\x1f\x8b", b"<svg>", b"\x7fELF\x02\x01\x01", b"main;work 42\n", b"\0\0\0\0"]
    {
        let error = read(bytes, Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{bytes:?}: {error}");
    }
}

#[test]
fn cut_and_flipped_files_never_panic() {
    for bytes in [encode(&plain(), &small()), encode(&Pprof::default(), &small())] {
        for len in 0..bytes.len() {
            // A cut between two fields leaves a smaller file, which may hold together.
            read(&bytes[..len], Limits::default()).map(|profile| profile.check().unwrap()).ok();
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                read(&flipped, Limits::default()).map(|profile| profile.check().unwrap()).ok();
            }
        }
    }
    let packed = encode(&Pprof::default(), &small());
    assert!(read(&packed[..packed.len() - 1], Limits::default()).is_err());
}

#[test]
fn bombs_end_at_the_limits() {
    let limits = Limits { bytes: 1 << 20, memory: 1 << 20 };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::repeat(0x12).take_bytes(64 << 20), &mut gzip).unwrap();
    let bomb = gzip.finish().unwrap();
    let too_large = |bytes: &[u8]| matches!(read(bytes, limits), Err(Error::TooLarge(_)));
    assert!(bomb.len() < 1 << 20);
    assert!(too_large(&bomb));
    // Its end is damaged, and nobody gets that far.
    assert!(too_large(&bomb[..bomb.len() - 8]));
    assert!(too_large(&vec![0x12; 2 << 20]));
    // Empty samples: two bytes in the file, a hundred in memory.
    let samples: Vec<u8> = [0x12, 0x00].repeat(400_000);
    assert!(too_large(&samples));
    // One location that is named in every frame: a byte in the file, eight in memory.
    let mut deep = foreign();
    deep.sample[0].location_id = vec![77; 200_000];
    assert!(too_large(&deep.encode_to_vec()));
}

/// `Read::take`, without the trait's import in the whole module.
trait TakeBytes: std::io::Read + Sized {
    fn take_bytes(self, count: u64) -> std::io::Take<Self> {
        std::io::Read::take(self, count)
    }
}

impl TakeBytes for std::io::Repeat {}

#[test]
fn kinds_come_from_mappings_names() {
    let kind = |file: &str, address: u64| {
        let mut profile = foreign();
        profile.string_table[5] = file.into();
        profile.location[1].address = address;
        let read = read_foreign(&profile).unwrap();
        let of = |name: &str| {
            let named =
                |l: &&crate::Location| read.functions[l.lines[0].function.0 as usize].name == name;
            read.locations.iter().find(named).unwrap().kind
        };
        (of("main"), of("alloc"))
    };
    for kernel in [
        "[kernel.kallsyms]",
        "[kernel]",
        "[kernel.kallsyms]_stext",
        "[ext4]",
        "/lib/modules/6.1/x.ko.xz",
    ] {
        assert_eq!(kind(kernel, 0).0, FrameKind::Kernel, "{kernel}");
    }
    for user in ["[vdso]", "/usr/bin/[", "/srv/app", ""] {
        assert_eq!(kind(user, 0).0, FrameKind::User, "{user}");
    }
    assert_eq!(kind("/srv/app", 0).1, FrameKind::User);
    assert_eq!(kind("/srv/app", 0x7f00).1, FrameKind::Jit);
}

#[test]
fn jit_and_unknown_frames_keep_their_kind() {
    let mut mixed = stack(&["main"], 1);
    mixed.frames.push(frame("compiled", FrameKind::Jit, Trust::FramePointer));
    mixed.frames.push(frame("", FrameKind::Unknown, Trust::FramePointer));
    let mixed = profile(&[mixed]);
    assert_eq!(read(&encode(&plain(), &mixed), Limits::default()).unwrap(), as_read(mixed));
}

#[test]
fn interpreted_frames_keep_their_function_file_and_start_line() {
    let mut mixed = stack(&["main"], 1);
    mixed.frames.push(frame("tick", FrameKind::Interpreted, Trust::Sure));
    let mixed = profile(&[mixed]);
    let again = read(&encode(&plain(), &mixed), Limits::default()).unwrap();
    let tick = again.functions.iter().find(|function| function.name == "tick").unwrap();
    assert_eq!((tick.file.as_str(), tick.start_line), ("src/prog.c", 7));
    assert_eq!(again, as_read(mixed));
}

#[test]
fn a_profile_without_files_is_read_as_one() {
    let mut stack = stack(&[], 1);
    stack.frames.push(frame("compiled", FrameKind::Jit, Trust::FramePointer));
    let own = crate::Profile { program: None, ..profile(&[stack]) };
    assert_eq!(read(&encode(&plain(), &own), Limits::default()).unwrap(), as_read(own));
}

#[test]
fn an_empty_text_is_no_label() {
    let mut own = small();
    own.samples.iter_mut().for_each(|sample| {
        sample
            .labels
            .insert(0, Label { key: "cgroup".into(), value: LabelValue::Text(String::new()) });
    });
    assert_eq!(read(&encode(&plain(), &own), Limits::default()).unwrap(), as_read(small()));
}
