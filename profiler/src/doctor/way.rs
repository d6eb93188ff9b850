//! The way in which a piece of code is walked, in words and figures.

use crate::unwinding::build::{self, Built, Depth};
use bpf::unwind::rule::{Cfa, RuleTrust};
use bpf::unwind::table::Table;
use elf::{Bytes, Image};
use output::tell::counted;
use std::ops::Range;
use symbolizer::MappedFile;
use symbolizer::go_table;

/// The way in which code is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By rules.
    Rules(Figures),
    /// By frame pointer, because the file has no rules.
    NoRules,
    /// By frame pointer, because code made at run time has no rules.
    RunTime,
    /// By frame pointer and marked, because the code is unknown; why.
    Unknown(String),
}

/// The figures of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Its rows.
    pub rows: usize,
    /// Its memory in bytes.
    pub memory: usize,
    /// Whether Go's own table is among its sources.
    pub go: bool,
    /// Bytes of code that rules derived from disassembly cover.
    pub synthesised: u64,
    /// Bytes of code without rules that sets up frame pointers.
    pub framed: u64,
    /// Bytes of executable segments that no rule covers, padding among them.
    pub uncovered: u64,
}

impl Figures {
    /// The figures of a table for this code.
    fn of(table: &Table, code: &[Range<u64>], go: bool) -> Self {
        let mut covered = 0;
        let (mut synthesised, mut framed) = (0, 0);
        for (range, rule) in table.ranges() {
            let Some(rule) = rule.rule().filter(|rule| rule.cfa != Cfa::Guessed) else { continue };
            let len = range.end - range.start;
            covered += len;
            synthesised += if rule.trust == RuleTrust::Synthesised { len } else { 0 };
            framed += if rule.cfa == Cfa::FramePointer { len } else { 0 };
        }
        let all: u64 = code.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        Self {
            rows: table.rows().len(),
            memory: table.memory(),
            go,
            synthesised,
            framed,
            uncovered: all.saturating_sub(covered),
        }
    }
}

impl Way {
    /// The way for a file's code.
    pub(super) fn of_file(file: &MappedFile) -> Self {
        let Some(handle) = &file.handle else {
            let why = file.reason.map_or("not opened", |reason| reason.phrase());
            return Self::Unknown(String::from(why));
        };
        let code: Vec<Range<u64>> =
            file.segments.iter().map(|s| s.start..s.start.saturating_add(s.len)).collect();
        match build::table(handle, &code, Depth::Code) {
            Built::Table { table, .. } => {
                let image = Image::parse(Bytes::File(handle)).ok();
                let go = image.is_some_and(|image| go_table(&image).is_some());
                Self::Rules(Figures::of(&table, &code, go))
            }
            Built::NoRules => Self::NoRules,
            Built::TooLarge => Self::Unknown(String::from("too large for an unwind table")),
        }
    }

    pub(super) fn of_vdso() -> Self {
        build::vdso().map_or(Self::NoRules, |table| Self::Rules(Figures::of(&table, &[], false)))
    }

    /// For the table.
    pub(super) fn phrase(&self) -> String {
        let figures = match self {
            Self::Rules(figures) => figures,
            Self::NoRules => return String::from("frame pointers: the file has no rules"),
            Self::RunTime => return String::from("frame pointers: code made at run time"),
            Self::Unknown(why) => {
                return format!("frame pointers, and marked as unknown code: {why}");
            }
        };
        let mut text = String::from(if figures.go { "Go's rules" } else { "rules" });
        if figures.synthesised > 0 {
            text.push_str(&format!(
                ", derived from disassembly for {}",
                counted(figures.synthesised, "byte")
            ));
        }
        if figures.framed > 0 {
            text.push_str(&format!(", frame pointers for {}", counted(figures.framed, "byte")));
        }
        if figures.uncovered > 0 {
            let bytes = counted(figures.uncovered, "byte");
            text.push_str(&format!(
                ", none for {bytes} (callers are guessed there, unless it is padding)"
            ));
        }
        text
    }
}
