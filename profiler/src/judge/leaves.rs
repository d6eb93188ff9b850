//! Leaves whose caller a step by frame pointer may have skipped. If the unwind rules describe the code by the stack pointer, it has not
//! set up a frame pointer of its own, and the register is still the caller's. If no rule of a file covers the leaf, the instructions
//! before it decide. If the file has no rules, the answer is unknown.

use crate::record::stacks::{PlaceId, Stacks};
use bpf::unwind::framed::has_frame;
use bpf::unwind::rule::Restore;
use bpf::unwind::table::{Code, Table};
use bpf::unwind::{CfaBase, FrameSections, go};
use elf::{Bytes, Image};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use symbolizer::go_table;
use symbolizer::{FileId, MappedFile, Place, ProcessTable, Segment};

/// The largest unwind section that is read, in bytes. A file with a larger one tells nothing about its leaves.
const LARGEST: u64 = 32 << 20;

/// The reliability of a step by frame pointer out of a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The leaf has a frame of its own, or it is run-time code, for which there are no rules to ask.
    #[default]
    Framed,
    /// The register is still the caller's.
    Frameless,
    /// The answer is unknown: no rule of the file covers the leaf and its code does not tell; or the file has no rules
    /// or cannot be read; or there is no file.
    WithoutRules,
}

/// The reliability of all leaves that were left by frame pointer, by place.
pub(crate) fn leaves(stacks: &Stacks, table: &ProcessTable) -> Vec<Leaf> {
    let mut all = vec![Leaf::default(); stacks.places().len()];
    let mut files: BTreeMap<FileId, Vec<(PlaceId, u64)>> = BTreeMap::new();
    for leaf in stacks.leaves_by_frame_pointer() {
        match stacks.places()[leaf.0 as usize] {
            Place::File { file, address } => files.entry(file).or_default().push((leaf, address)),
            Place::Unknown { .. } => all[leaf.0 as usize] = Leaf::WithoutRules,
            Place::Vdso { .. }
            | Place::Jit { .. }
            | Place::Interpreted { .. }
            | Place::Kernel { .. } => {}
        }
    }
    for (file, leaves) in files {
        let judge = table.file(file).and_then(Judge::of);
        for (place, address) in leaves {
            let judged = judge.as_ref().map(|judge| judge.leaf(address));
            all[place.0 as usize] = judged.unwrap_or(Leaf::WithoutRules);
        }
    }
    all
}

/// The bytes of a section, and its virtual address.
type Section = (Vec<u8>, u64);

/// The most bytes of a function's code before a leaf that are read.
const BEFORE: u64 = 4 << 10;
/// The bytes of code at the leaf that are read.
const HERE: usize = 4;
/// The most leaves of a file whose code is read; they take some tenths of a second.
const MOST: u32 = 10_000;

/// The rules and the code of a file.
struct Judge<'a> {
    file: &'a MappedFile,
    /// `.eh_frame`, `.eh_frame_hdr`, and the first address of the code.
    frame: Option<(Section, Section, u64)>,
    /// Go's own table.
    go: Option<Table>,
    /// The number of leaves whose code was read.
    looked: Cell<u32>,
}

impl<'a> Judge<'a> {
    /// Opens a file; `None` if it has no rules or cannot be read.
    fn of(file: &'a MappedFile) -> Option<Self> {
        let image = Image::parse(Bytes::File(file.handle.as_ref()?)).ok()?;
        let section = |name| {
            let section = image.section(name)?;
            Some((image.data(section, LARGEST)?, section.address))
        };
        let frame = section(".eh_frame").filter(|(bytes, _)| bytes.len() > EMPTY);
        let header = section(".eh_frame_hdr").unwrap_or_default();
        let text = image.section(".text").map_or(0, |text| text.address);
        let code = file.segments.iter().map(|s| s.start..s.start.saturating_add(s.len));
        let go = Code::new(code).ok().and_then(|code| by_go(&image, &code));
        let frame = frame.map(|frame| (frame, header, text));
        let judge = Self { file, frame, go, looked: Cell::new(0) };
        (judge.frame.is_some() || judge.go.is_some()).then_some(judge)
    }

    fn leaf(&self, address: u64) -> Leaf {
        if let Some(rule) = self.go.as_ref().and_then(|go| go.look_up(address)) {
            // Go finds its frames by the stack pointer, but it also saves the frame pointer.
            return if rule.fp == Restore::Same { Leaf::Frameless } else { Leaf::Framed };
        }
        let base = self.frame.as_ref().and_then(|(frame, header, text)| {
            let (frame, header) = ((&*frame.0, frame.1), (&*header.0, header.1));
            FrameSections::new(frame, header, *text).cfa_base(address)
        });
        match base {
            Some(CfaBase::StackPointer) => Leaf::Frameless,
            Some(CfaBase::FramePointer | CfaBase::Other) => Leaf::Framed,
            None if self.has_frame(address).unwrap_or(false) => Leaf::Framed,
            None => Leaf::WithoutRules,
        }
    }

    /// Whether the code up to an address has set up a frame; `None` if it cannot be read.
    fn has_frame(&self, address: u64) -> Option<bool> {
        self.looked.update(|looked| looked + 1);
        if self.looked.get() > MOST {
            return None;
        }
        let holds = |s: &&Segment| (s.start..s.start.saturating_add(s.len)).contains(&address);
        let segment = self.file.segments.iter().find(holds)?;
        let start = (address.saturating_sub(BEFORE) & !15).max(segment.start);
        let at = (address - start) as usize;
        let mut bytes = vec![0; at + HERE];
        let offset = segment.offset.checked_add(start - segment.start)?;
        self.file.handle.as_ref()?.read_exact_at(&mut bytes, offset).ok()?;
        Some(has_frame(&bytes, at))
    }
}

/// The rules of Go's own table.
fn by_go(image: &Image<'_>, code: &Code) -> Option<Table> {
    let (bytes, text) = go_table(image)?;
    Some(Table::build(code, &[&go::rules(&bytes, text, code)?.source]))
}

/// The bytes of a section that contains only its end mark.
const EMPTY: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::counted;
    use crate::record::aggregate::Rules;
    use crate::record::testing::{mmap, sample, stack};
    use bpf::{Trust, Window};
    use std::process::Command;

    const START: u64 = 0x40_1000;
    /// A prologue of 4 bytes, a body and an epilogue, followed by code without rules.
    const WITH_RULES: &str = ".globl _start\n_start: .cfi_startproc\npush %rbp\n.cfi_def_cfa_offset 16\n\
        .cfi_offset 6, -16\nmov %rsp, %rbp\n.cfi_def_cfa_register 6\nnop\npop %rbp\n.cfi_def_cfa 7, 8\nret\n\
        .cfi_endproc\n.p2align 4\nnop\n";
    /// The same without rules, in a file that has some.
    const FRAMED: &str = ".globl _start\n_start: .cfi_startproc\nret\n.cfi_endproc\n.p2align 4, 0xcc\n\
        push %rbp\nmov %rsp, %rbp\nnop\npop %rbp\nret\n";
    const WITHOUT_RULES: &str = ".globl _start\n_start: push %rbp\nmov %rsp, %rbp\npop %rbp\nret\n";

    fn assembled(source: &str) -> MappedFile {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.s"), source).unwrap();
        let mut command = Command::new("gcc");
        let text = format!("-Wl,-Ttext={START:#x}");
        command.args(["-nostdlib", "-static", "-no-pie", &text, "-o", "a", "a.s"]);
        assert!(command.current_dir(directory.path()).status().unwrap().success());
        MappedFile {
            path: b"/a".to_vec(),
            handle: Some(std::fs::File::open(directory.path().join("a")).unwrap().into()),
            reason: None,
            build_id: None,
            segments: vec![Segment { start: START, len: 0x1000, offset: 0x1000 }],
            root: None,
        }
    }

    #[test]
    fn a_leaf_has_a_frame_where_the_rules_say_so() {
        let file = assembled(WITH_RULES);
        let judge = Judge::of(&file).unwrap();
        let leaf = |offset| judge.leaf(START + offset);
        assert_eq!(leaf(0), Leaf::Frameless);
        assert_eq!(leaf(3), Leaf::Frameless);
        assert_eq!(leaf(4), Leaf::Framed);
        assert_eq!(leaf(6), Leaf::Frameless);
        assert_eq!(
            leaf(16),
            Leaf::WithoutRules,
            "neither rule nor code says that there is a frame"
        );
    }

    #[test]
    fn where_no_rule_says_anything_the_code_does() {
        let file = assembled(FRAMED);
        let judge = Judge::of(&file).unwrap();
        let framed = |offset| judge.leaf(START + offset) == Leaf::Framed;
        assert_eq!([16, 17, 20, 21, 22].map(framed), [false, false, true, true, false]);
        judge.looked.set(MOST);
        assert!(!framed(20), "so many are not looked at");
    }

    #[test]
    fn a_file_without_rules_judges_nothing() {
        assert!(Judge::of(&assembled(WITHOUT_RULES)).is_none());
        let mut gone = assembled(WITH_RULES);
        gone.handle = None;
        assert!(Judge::of(&gone).is_none());
    }

    #[test]
    fn go_saves_the_frame_pointer_but_in_leaves_without_a_frame() {
        let saved = bpf::unwind::rule::Rule {
            fp: Restore::AtCfa(-16),
            ..bpf::unwind::rule::Rule::of(bpf::unwind::rule::Cfa::Register {
                register: 7,
                offset: 32,
            })
        };
        let bare = bpf::unwind::rule::Rule { fp: Restore::Same, ..saved };
        let code = Code::new(std::iter::once(START..START + 0x1000)).unwrap();
        let mut source = bpf::unwind::table::Source::new(&code);
        source.push(START..START + 8, &bare);
        source.push(START + 8..START + 16, &saved);
        let file = assembled(WITH_RULES);
        let judge = Judge {
            looked: Cell::new(0),
            file: &file,
            frame: None,
            go: Some(Table::build(&code, &[&source])),
        };
        let found = [0, 7, 8, 16].map(|offset| judge.leaf(START + offset));
        assert_eq!(found, [Leaf::Frameless, Leaf::Frameless, Leaf::Framed, Leaf::WithoutRules]);
    }

    #[test]
    fn only_leaves_that_were_left_by_frame_pointer_are_judged() {
        let mut by_rule = stack(2, &[0x1020, 0x1031]);
        by_rule.frames[1].trust = Trust::Rule;
        let window = Window {
            stacks: vec![stack(1, &[0x1010, 0x1031]), by_rule, stack(3, &[0x9_0000, 0x1031])],
            samples: (1..=3).map(|id| sample(9, id, 0)).collect(),
            side_band: vec![mmap(0, 0x1000, 1)],
            ..Window::default()
        };
        let (counts, table) = counted(Rules::default(), &window);
        let all = leaves(&counts.stacks, &table);
        let at = |wanted: u64| {
            let found = |place: &Place| match place {
                Place::File { address, .. } | Place::Unknown { address, .. } => *address == wanted,
                _ => false,
            };
            all[counts.stacks.places().iter().position(found).unwrap()]
        };
        assert_eq!(at(0x10), Leaf::WithoutRules, "the file cannot be opened");
        assert_eq!(at(0x20), Leaf::Framed);
        assert_eq!(at(0x9_0000), Leaf::WithoutRules, "nobody knows what lies there");
    }
}
