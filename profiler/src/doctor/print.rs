//! Findings as aligned text.

use super::finding::{Finding, Level, Section};
use crate::host::console::clean;
use std::io::{self, Write};

/// The marks in front of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    /// `✓ ! ✗ ·`, for terminals that show UTF-8.
    Symbols,
    /// `ok ! x -`, for everything else.
    Ascii,
}

impl Marks {
    /// Symbols on a terminal whose locale is UTF-8.
    pub fn for_output(terminal: bool, locale: &str) -> Self {
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        if terminal && utf8 { Self::Symbols } else { Self::Ascii }
    }

    fn mark(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::Symbols, Level::Good) => "✓",
            (Self::Symbols, Level::Note) => "·",
            (Self::Symbols, Level::Bad) => "✗",
            (_, Level::Warning) => "!",
            (Self::Ascii, Level::Good) => "ok",
            (Self::Ascii, Level::Note) => "-",
            (Self::Ascii, Level::Bad) => "x",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Symbols => 1,
            Self::Ascii => 2,
        }
    }
}

/// Writes the sections: aligned findings, each with its cures.
///
/// # Errors
/// The error of writing.
pub fn sections(sections: &[Section], marks: Marks, to: &mut dyn Write) -> io::Result<()> {
    for (index, section) in sections.iter().enumerate() {
        if index > 0 {
            writeln!(to)?;
        }
        writeln!(to, "{}", clean(&section.title))?;
        findings(&section.findings, marks, to)?;
        if let Some(table) = &section.table {
            writeln!(to)?;
            rows(table, to)?;
        }
        for cure in &section.cures {
            writeln!(to, "  > {}", clean(cure))?;
        }
    }
    Ok(())
}

fn findings(list: &[Finding], marks: Marks, to: &mut dyn Write) -> io::Result<()> {
    let subjects = list.iter().map(|f| f.subject.chars().count()).max().unwrap_or(0);
    let indent = marks.width() + 3 + subjects + 2;
    for (index, finding) in list.iter().enumerate() {
        let mark = format!("{:<1$}", marks.mark(finding.level), marks.width());
        let subject = clean(&finding.subject);
        writeln!(to, "  {mark} {subject:<subjects$}  {}", clean(&finding.fact))?;
        // Consecutive findings with the same cures print them once, after the last.
        let same = list.get(index + 1).is_some_and(|next| next.cures == finding.cures);
        for cure in finding.cures.iter().filter(|_| !same) {
            writeln!(to, "{:indent$}> {}", "", clean(cure))?;
        }
    }
    Ok(())
}

/// Rows in columns as wide as their widest cell; the first row is the heading.
fn rows(table: &[Vec<String>], to: &mut dyn Write) -> io::Result<()> {
    let columns = table.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &[String], column: usize| clean(row.get(column).map_or("", String::as_str));
    let widths: Vec<usize> = (0..columns)
        .map(|c| table.iter().map(|row| cell(row, c).chars().count()).max().unwrap_or(0))
        .collect();
    for row in table {
        let cells: Vec<String> =
            (0..columns).map(|c| format!("{:<1$}", cell(row, c), widths[c])).collect();
        writeln!(to, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(section: &Section, marks: Marks) -> String {
        let mut bytes = Vec::new();
        sections(std::slice::from_ref(section), marks, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_cures_said_once() {
        let mut section = Section::new("Kernel");
        section.push(Finding::good("BTF", "there"));
        section.push(Finding::warning("longer", "a").cure("mend"));
        section.push(Finding::warning("short", "b").cure("mend"));
        let expected =
            "Kernel\n  ok BTF     there\n  !  longer  a\n  !  short   b\n             > mend\n";
        assert_eq!(printed(&section, Marks::Ascii), expected);
        assert!(printed(&section, Marks::Symbols).contains("  ✓ BTF     there"));
    }

    #[test]
    fn tables_are_aligned() {
        let mut section = Section::new("x");
        let row = |cells: [&str; 2]| cells.map(String::from).to_vec();
        section.table = Some(vec![row(["FILE", "ID"]), row(["/usr/lib", "1"])]);
        assert_eq!(printed(&section, Marks::Ascii), "x\n\n  FILE      ID\n  /usr/lib  1\n");
    }

    #[test]
    fn symbols_only_where_they_are_shown() {
        assert_eq!(Marks::for_output(true, "en_US.UTF-8"), Marks::Symbols);
        assert_eq!(Marks::for_output(true, "C.utf8"), Marks::Symbols);
        assert_eq!(Marks::for_output(true, "C"), Marks::Ascii);
        assert_eq!(Marks::for_output(false, "en_US.UTF-8"), Marks::Ascii);
    }
}
