//! The way in which each piece of a process's code is walked, found with the same tables that a recording builds.

#[cfg(test)]
mod tests;

use super::finding::{Finding, Section};
use super::way::Way;
use output::tell::grouped;
use std::collections::BTreeMap;
use symbolizer::{CodeOf, CodeRange, FileId, MappedFile, ProcessTable};

/// Code that is walked alike.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    /// The file, or what it is.
    what: String,
    mappings: u64,
    bytes: u64,
    way: Way,
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let (rows, memory) = match &self.way {
            Way::Rules(figures) => (grouped(figures.rows as u64), kibibytes(figures.memory)),
            _ => (String::from("-"), String::from("-")),
        };
        let code = match self.mappings {
            1 => kibibytes(self.bytes as usize),
            n => format!("{} in {n}", kibibytes(self.bytes as usize)),
        };
        vec![self.what.clone(), code, rows, memory, self.way.phrase()]
    }
}

/// Above lies the kernel's half, and the page of old system calls that it maps there.
const USER_END: u64 = 1 << 63;

/// A mapping's kind, in the order in which kinds are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    File(FileId),
    Vdso,
    Jit,
    Unknown,
}

/// The way for each executable mapping of a process; `None` if its mappings are unknown.
pub fn section(table: &ProcessTable, pid: u32) -> Option<Section> {
    let code = table.code().find(|code| code.pid == pid)?;
    let files = table.process(pid).map(|facts| facts.files).unwrap_or_default();
    let rows = rows(table, &table.ranges(&code), &files);
    let mut section = Section::new("How stacks are walked");
    findings(&rows).into_iter().for_each(|finding| section.push(finding));
    let heading = ["CODE OF", "SIZE", "ROWS", "TABLE", "WALKED BY"];
    let mut cells = vec![heading.map(String::from).to_vec()];
    cells.extend(rows.iter().map(Row::cells));
    section.table = Some(cells);
    Some(section)
}

/// The number of mappings of each kind, and their bytes.
fn sizes(ranges: &[CodeRange]) -> BTreeMap<Of, (u64, u64)> {
    let mut sizes: BTreeMap<Of, (u64, u64)> = BTreeMap::new();
    for range in ranges.iter().filter(|range| range.start < USER_END) {
        let of = match range.holds {
            CodeOf::File { file, .. } => Of::File(file),
            CodeOf::Vdso { .. } => Of::Vdso,
            CodeOf::Jit => Of::Jit,
            CodeOf::Unknown => Of::Unknown,
        };
        let (mappings, bytes) = sizes.entry(of).or_default();
        *mappings += 1;
        *bytes += range.end.saturating_sub(range.start);
    }
    sizes
}

fn rows(table: &ProcessTable, ranges: &[CodeRange], files: &[FileId]) -> Vec<Row> {
    let mut sizes = sizes(ranges);
    let unopened: Vec<&MappedFile> = files
        .iter()
        .filter_map(|id| table.file(*id))
        .filter(|file| file.handle.is_none())
        .collect();
    // They have names; what is left is neither file nor anything else that is known.
    let unknown = sizes.get(&Of::Unknown).map_or(0, |(mappings, _)| *mappings);
    if unknown <= unopened.len() as u64 {
        sizes.remove(&Of::Unknown);
    }
    let row = |(of, (mappings, bytes)): (Of, (u64, u64))| {
        let (what, way) = match of {
            Of::File(id) => {
                let file = table.file(id)?;
                (String::from_utf8_lossy(&file.path).into_owned(), Way::of_file(file))
            }
            Of::Vdso => (String::from("[vdso]"), Way::of_vdso()),
            Of::Jit => (String::from("memory of no file"), Way::RunTime),
            Of::Unknown => {
                (String::from("other mappings"), Way::Unknown(String::from("of no known file")))
            }
        };
        Some(Row { what, mappings, bytes, way })
    };
    let unopened = unopened.into_iter().map(|file| Row {
        what: String::from_utf8_lossy(&file.path).into_owned(),
        mappings: 1,
        bytes: file.segments.iter().map(|segment| segment.len).sum(),
        way: Way::of_file(file),
    });
    sizes.into_iter().filter_map(row).chain(unopened).collect()
}

/// The summary of the rows, and their problems.
fn findings(rows: &[Row]) -> Vec<Finding> {
    let figures = rows.iter().filter_map(|row| match &row.way {
        Way::Rules(figures) => Some(figures),
        _ => None,
    });
    let memory: usize = figures.clone().map(|figures| figures.memory).sum();
    let fact = format!(
        "for {} of the {} rows below, {} in all",
        figures.count(),
        rows.len(),
        kibibytes(memory)
    );
    let mut list = vec![Finding::good("unwind tables", fact)];
    let names = |way: fn(&Way) -> bool| {
        let names: Vec<&str> =
            rows.iter().filter(|row| way(&row.way)).map(|row| row.what.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(files) = names(|way| matches!(way, Way::NoRules)) {
        let fact = format!(
            "none in {files}: stacks whose leaf is there are marked `caller may be missing`"
        );
        list.push(Finding::warning("unwind rules", fact).cure(
            "build with -fasynchronous-unwind-tables, or with -fno-omit-frame-pointer (C, C++), \
             -C force-frame-pointers=yes (Rust)",
        ));
    }
    if let Some(what) = names(|way| matches!(way, Way::Unknown(_))) {
        let fact = format!("unknown: {what}; stacks through it never count as complete");
        list.push(Finding::warning("code", fact));
    }
    list
}

fn kibibytes(bytes: usize) -> String {
    format!("{} KiB", grouped(bytes.div_ceil(1024) as u64))
}
