//! The sources of a file's rules.

use super::interpreter::Interpreter;
use super::loaded::Loaded;
use bpf::unwind::eh_frame::Frames;
use bpf::unwind::framed::mostly_framed;
use bpf::unwind::rule::Rule;
use bpf::unwind::synth::{
    Input, Memory, Uncovered, fixed_pointers, function_symbols, packed_pointers, relative_pointers,
    synthesise,
};
use bpf::unwind::table::{Code, Source};
use bpf::unwind::{epilogue, go, signal_return, start, v8};
use elf::{Bytes, Image, Section, X86_64};
use std::ops::Range;
use symbolizer::go_table;

/// The largest section of unwind rules that is read, in bytes.
const LARGEST: u64 = 256 << 20;
/// The most bytes of symbols and relocations that are read. They give the entries of code without rules, of which there
/// is little.
const MOST_HINTS: u64 = 32 << 20;
/// The most bytes of packed relocations that are read. Each byte stands for several relocations.
const MOST_PACKED: u64 = 1 << 20;
/// The lowest address of files that are loaded at a fixed address. Files that can be loaded anywhere begin below it.
const LOWEST_FIXED: u64 = 0x1_0000;
/// The number of pieces of compiled code without rules that are read, and their size in bytes.
const PIECES: u64 = 64;
const PIECE: usize = 4 << 10;

/// A file and the place of its code.
pub(super) struct File<'a> {
    image: Image<'a>,
    loaded: Loaded<'a>,
    pub(super) code: Code,
}

impl<'a> File<'a> {
    pub(super) fn parse(bytes: Bytes<'a>, code: &[Range<u64>]) -> Option<Self> {
        let image = Image::parse(bytes).ok().filter(|image| image.wide())?;
        let code = Code::new(code.iter().cloned()).ok()?;
        Some(Self { loaded: Loaded::of(&image)?, image, code })
    }

    /// The interpreter in the file.
    pub(super) fn interpreter(&self, uncovered: &Uncovered) -> Option<Interpreter> {
        let frames = || self.v8(uncovered).whole().to_vec();
        Interpreter::of(&self.image, &self.loaded).or_else(|| Interpreter::v8(&self.loaded, frames))
    }

    /// The parts of V8's own code that run with the frame of a JavaScript function.
    pub(super) fn v8(&self, uncovered: &Uncovered) -> v8::Parts {
        v8::Parts::of(&stretches(uncovered))
    }

    /// Rules for V8's built-in functions, for what their disassembly has left open, and while it is not done.
    pub(super) fn v8_built_in(&self, parts: &v8::Parts, uncovered: &Uncovered) -> [Source; 2] {
        let stretches = stretches(uncovered);
        [v8::tails(&stretches, &self.code), v8::built_in(parts, &stretches, &self.code)]
    }

    /// Go's own table, which stripped programs also have.
    pub(super) fn go(&self) -> Option<Source> {
        let (bytes, text) = go_table(&self.image)?;
        some(go::rules(&bytes, text, &self.code)?.source)
    }

    /// The compiler's rules for exceptions.
    pub(super) fn eh_frame(&self) -> Option<Source> {
        let (bytes, address) = self.section(".eh_frame", LARGEST)?;
        let [text, got] = [".text", ".got"].map(|name| self.address(name));
        some(Frames { text, got, ..Frames::eh(&bytes, address) }.rules(&self.code).source)
    }

    /// The compiler's rules for debuggers.
    pub(super) fn debug_frame(&self) -> Option<Source> {
        let (bytes, _) = self.section(".debug_frame", LARGEST)?;
        some(Frames::debug(&bytes).rules(&self.code).source)
    }

    /// Corrections of the compiler's rules at the ends of functions.
    pub(super) fn ends(&self, own: &Source) -> Option<Source> {
        let native = self.image.machine() == X86_64;
        native.then(|| epilogue::mended(own, &self.loaded)).and_then(some)
    }

    /// Whether the sections of rules exceed their limit.
    pub(super) fn has_too_much(&self) -> bool {
        let tables = [".eh_frame", ".debug_frame"];
        let mut sizes = tables.iter().filter_map(|name| self.image.section(name));
        sizes.any(|section| section.size > LARGEST)
    }

    /// The code that no table covers.
    pub(super) fn uncovered(&self, tables: &[Source]) -> Uncovered {
        let covered: Vec<Range<u64>> = tables.iter().flat_map(Source::covered).collect();
        let native = self.image.machine() == X86_64;
        let covered = if native { covered } else { self.code.ranges().to_vec() };
        Uncovered::read(&self.code, &self.loaded, &covered)
    }

    /// Rules for the code that signal handlers return to.
    pub(super) fn signal_return(&self, uncovered: &Uncovered) -> Source {
        signal_return::rules(&stretches(uncovered), &self.code)
    }

    /// Rules for the code that a program starts with.
    pub(super) fn start(&self, uncovered: &Uncovered) -> Option<Source> {
        let native = self.image.machine() == X86_64;
        native.then(|| start::rules(&stretches(uncovered), self.image.entry(), &self.code))
    }

    /// Rules by frame pointer, if there is more code without rules than people write in assembly, and its functions set
    /// frame pointers up.
    pub(super) fn framed(&self, uncovered: &Uncovered) -> Option<Source> {
        let beyond = uncovered.beyond();
        let native = self.image.machine() == X86_64;
        let longest = beyond.iter().max_by_key(|range| range.end - range.start)?;
        // Each piece lies within the stretch, and no two pieces are the same.
        let step = ((longest.end - longest.start) / PIECES) & !(PIECE as u64 - 1);
        let first = longest.start | (PIECE as u64 - 1);
        let pieces = (0..PIECES - 1).map(|at| self.loaded.read(first + 1 + at * step, PIECE));
        if !native || step == 0 || !mostly_framed(pieces) {
            return None;
        }
        Some(self.all_framed(uncovered))
    }

    /// Rules by frame pointer for all code without rules.
    pub(super) fn all_framed(&self, uncovered: &Uncovered) -> Source {
        let mut source = Source::new(&self.code);
        let gaps =
            uncovered.segments().map(|gap| gap.address..gap.address + gap.bytes.len() as u64);
        let mut ranges: Vec<Range<u64>> = gaps.chain(uncovered.beyond().iter().cloned()).collect();
        ranges.sort_by_key(|range| range.start);
        ranges.into_iter().for_each(|range| source.push(range, &Rule::FRAME_POINTER));
        source
    }

    /// Rules from disassembly.
    pub(super) fn synthesised(&self, uncovered: &Uncovered) -> Source {
        if uncovered.is_empty() {
            return Source::new(&self.code);
        }
        let hints = |name, most| self.section(name, most).unwrap_or_default().0;
        let mut functions = function_symbols(&hints(".dynsym", MOST_HINTS));
        functions.extend(function_symbols(&hints(".symtab", MOST_HINTS)));
        let mut pointers = relative_pointers(&hints(".rela.dyn", MOST_HINTS));
        pointers.extend(packed_pointers(&hints(".relr.dyn", MOST_PACKED), &self.loaded));
        let fixed = self.loaded.lowest() >= LOWEST_FIXED;
        let data = self.image.sections.iter().filter(|section| fixed && is_data(section));
        for bytes in data.filter_map(|section| self.image.data(section, MOST_HINTS)) {
            pointers.extend(fixed_pointers(&bytes, uncovered));
        }
        let plt = self.image.sections.iter().filter(|section| section.name.starts_with(".plt"));
        let plt: Vec<Range<u64>> = plt.map(|section| section.address..section.end()).collect();
        let made = synthesise(&Input {
            code: &self.code,
            memory: &self.loaded,
            fixed,
            uncovered,
            plt: &plt,
            functions: &functions,
            pointers: &pointers,
        });
        made.source(&self.code)
    }

    /// The bytes of a section and its address.
    fn section(&self, name: &str, most: u64) -> Option<(Vec<u8>, u64)> {
        let section = self.image.section(name)?;
        Some((self.image.data(section, most)?, section.address))
    }

    fn address(&self, name: &str) -> u64 {
        self.image.section(name).map_or(0, |section| section.address)
    }
}

/// Whether a section may hold pointers.
fn is_data(section: &Section) -> bool {
    !section.is_code() && section.address != 0 && section.address.is_multiple_of(8)
}

/// The code that no table covers, in stretches: bytes and virtual address.
fn stretches(uncovered: &Uncovered) -> Vec<(&[u8], u64)> {
    uncovered.segments().map(|segment| (segment.bytes, segment.address)).collect()
}

/// The source, if it has any rule.
fn some(source: Source) -> Option<Source> {
    let any = source.covered().next().is_some();
    any.then_some(source)
}
