//! Code objects in memory that the tests write.

use super::layout::Layout;
use super::reader::{by_remains, check, functions};
use crate::reason::Reason;
use crate::runtime::{Found, Memory, Object, Remains};

/// Memory from this address on.
const BEGIN: u64 = 0x5600_0000_0000;
const CODE: u64 = BEGIN + 0x100;
const NAME: u64 = BEGIN + 0x400;
const QUALIFIED: u64 = BEGIN + 0x600;
const FILE: u64 = BEGIN + 0x800;
const TABLE: u64 = BEGIN + 0xa00;
const CODE_TYPE: u64 = BEGIN + 0xc00;

struct Image(Vec<u8>);

impl Memory for Image {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let start = address.checked_sub(BEGIN).and_then(|at| usize::try_from(at).ok());
        let part = start.and_then(|at| self.0.get(at..)?.get(..bytes.len()));
        part.is_some_and(|part| {
            bytes.copy_from_slice(part);
            true
        })
    }
}

impl Image {
    fn put(&mut self, at: u64, bytes: &[u8]) {
        let at = (at - BEGIN) as usize;
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_word(&mut self, at: u64, word: u64) {
        self.put(at, &word.to_le_bytes());
    }

    fn text(&mut self, layout: &Layout, at: u64, text: &str) {
        let widest = text.chars().map(u32::from).max().unwrap_or(0);
        let kind = if widest < 0x100 {
            1
        } else if widest < 0x1_0000 {
            2
        } else {
            4
        };
        let ascii = u64::from(widest < 0x80);
        self.put_word(at + layout.texts.length, text.chars().count() as u64);
        self.put_word(at + layout.texts.state, kind << 2 | 1 << 5 | ascii << 6);
        let begin = if ascii == 1 { layout.texts.ascii } else { layout.texts.compact };
        for (number, one) in (0..).zip(text.chars()) {
            let bytes = u32::from(one).to_le_bytes();
            self.put(at + begin + number * kind, &bytes[..kind as usize]);
        }
    }

    /// The code of a function at line 10, whose second instruction of two bytes is at line 12.
    fn of(layout: &Layout, qualified: &str) -> Self {
        let mut image = Self(vec![0; 0x1000]);
        let of = layout.code;
        image.put_word(CODE + of.of_type, CODE_TYPE);
        for (at, word) in [(of.name, NAME), (of.file, FILE), (of.table, TABLE)] {
            image.put_word(CODE + at, word);
        }
        if let Some(at) = of.qualified {
            image.put_word(CODE + at, QUALIFIED);
        }
        image.put(CODE + of.line, &10_u32.to_le_bytes());
        image.text(layout, NAME, "work");
        image.text(layout, QUALIFIED, qualified);
        image.text(layout, FILE, "/srv/app.py");
        let table: &[u8] = match layout.version {
            (3, ..=9) => &[2, 2],
            (3, 10) => &[2, 0, 2, 2],
            _ => &[0x80 | 10 << 3, 0, 0, 0x80 | 12 << 3, 0, 0],
        };
        image.put_word(TABLE + layout.texts.bytes_length, table.len() as u64);
        image.put(TABLE + layout.texts.bytes, table);
        image
    }
}

fn layout(minor: u8) -> Layout {
    let unknown = Layout { version: (3, minor), code_type: CODE_TYPE, ..Layout::UNKNOWN };
    unknown.undescribed().unwrap()
}

const VERSIONS: std::ops::RangeInclusive<u8> = 8..=12;

fn object(position: u32) -> Object {
    Object { address: CODE, position, check: check(NAME, TABLE, 10) }
}

fn shown(found: &Found) -> String {
    match found {
        Ok(functions) => functions
            .iter()
            .map(|of| format!("{} {}:{} from {}", of.name, of.file, of.line, of.start))
            .collect(),
        Err(reason) => format!("{reason:?}"),
    }
}

#[test]
fn functions_have_their_names_files_and_lines() {
    for minor in VERSIONS {
        let layout = layout(minor);
        let image = Image::of(&layout, "Class.work");
        let second = if minor == 10 { 1 } else { 2 };
        let found = functions(&layout, &image, &[object(0), object(second)]);
        let name = if minor < 11 { "work" } else { "Class.work" };
        assert_eq!(shown(&found[0]), format!("{name} /srv/app.py:10 from 10"), "3.{minor}");
        assert_eq!(shown(&found[1]), format!("{name} /srv/app.py:12 from 10"), "3.{minor}");
    }
}

#[test]
fn names_may_be_in_any_script() {
    let layout = layout(12);
    for name in ["größe", "\u{3b1}\u{4e2d}", "\u{1f600}x"] {
        let found = functions(&layout, &Image::of(&layout, name), &[object(0)]);
        assert_eq!(found[0].as_ref().unwrap()[0].name, name);
    }
}

#[test]
fn an_object_that_has_changed_has_no_name() {
    for minor in VERSIONS {
        let layout = layout(minor);
        for change in [layout.code.name, layout.code.table, layout.code.line, layout.code.of_type] {
            let mut image = Image::of(&layout, "work");
            image.put_word(CODE + change, BEGIN + 0xe00);
            let found = functions(&layout, &image, &[object(0)]);
            assert_eq!(found, [Err(Reason::ObjectGone)], "3.{minor}: {change}");
        }
        let nowhere = Object { address: u64::MAX - 3, ..object(0) };
        let found = functions(&layout, &Image::of(&layout, "work"), &[nowhere]);
        assert_eq!(found, [Err(Reason::ObjectGone)]);
    }
}

#[test]
fn lengths_that_lie_are_bounded() {
    let layout = layout(12);
    let mut image = Image::of(&layout, "work");
    image.0.resize(0x2000, b'a');
    image.put_word(QUALIFIED + layout.texts.length, u64::MAX);
    image.put_word(TABLE + layout.texts.bytes_length, 1 << 40);
    let found = functions(&layout, &image, &[object(0)]);
    let function = &found[0].as_ref().unwrap()[0];
    assert_eq!((function.name.chars().count(), function.line), (1024, 0), "no table, no line");
}

#[test]
fn a_frame_around_a_class_s_init_is_not_shown() {
    let layout = layout(12);
    let mut image = Image::of(&layout, "__init__");
    image.text(&layout, FILE, "__init__");
    assert_eq!(functions(&layout, &image, &[object(0)]), [Ok(Vec::new())]);
}

/// What remains of the code object.
fn remains(image: &Image) -> Remains {
    let part = |at: u64, len: usize| {
        let start = (at - BEGIN) as usize;
        image.0[start..start + len].to_vec()
    };
    Remains([part(CODE, 160), part(QUALIFIED, 192), part(FILE, 256)])
}

#[test]
fn a_code_object_that_is_gone_is_named_by_what_remains() {
    for minor in VERSIONS.filter(|minor| *minor > 10) {
        let layout = layout(minor);
        let image = Image::of(&layout, "Class.ωork");
        let found = by_remains(&layout, &object(0), &remains(&image));
        assert_eq!(shown(&found), "Class.ωork /srv/app.py:0 from 10", "3.{minor}: without a table");
    }
}

#[test]
fn what_remains_of_anything_else_is_no_name() {
    let layout = layout(12);
    let whole = remains(&Image::of(&layout, "work"));
    let gone = |of: &Remains| by_remains(&layout, &object(0), of) == Err(Reason::ObjectGone);
    assert!(!gone(&whole));
    let other = Object { check: 1, ..object(0) };
    assert_eq!(by_remains(&layout, &other, &whole), Err(Reason::ObjectGone), "another check");
    let mut of_type = whole.clone();
    of_type.0[0][layout.code.of_type as usize] ^= 8;
    assert!(gone(&of_type), "no code object");
    assert!(gone(&remains(&Image::of(&layout, &"x".repeat(200)))), "a name that is longer");
    for part in 0..3 {
        for len in 0..whole.0[part].len() {
            let mut cut = whole.clone();
            cut.0[part].truncate(len);
            drop(by_remains(&layout, &object(0), &cut));
        }
        let mut unread = whole.clone();
        unread.0[part].fill(0);
        assert!(gone(&unread), "{part}");
    }
    assert!(gone(&Remains::default()));
}
