//! The files that a process maps as code, a row each.

use super::binary::{Binary, Symbols};
use super::distribution::Distribution;
use super::finding::{Finding, Section};
use super::machine::Machine;
use output::tell::counted;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::fs::File;
use symbolizer::MappedFile;

/// The most commands that are shown. The first ones fix the most.
const MOST_CURES: usize = 4;

/// A file in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its path as the process sees it.
    pub path: String,
    /// Its properties, or why they are unknown.
    pub binary: Result<Binary, String>,
    /// Whether its separate debug file is there, by build ID.
    pub debug_file: bool,
}

impl Row {
    /// Looks at a file.
    pub fn of(file: &MappedFile, machine: &Machine) -> Self {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let binary = match &file.handle {
            Some(handle) => Binary::read(handle).map_err(|error| error.to_string()),
            None => Err(file.reason.map_or("not opened", |reason| reason.phrase()).to_owned()),
        };
        let debug_file = file.build_id.as_deref().and_then(debug_path).is_some_and(|path| {
            machine.exists(&path) || file.root.as_deref().is_some_and(|root| is_below(root, &path))
        });
        Self { path, binary, debug_file }
    }

    fn cells(&self) -> Vec<String> {
        let binary = match &self.binary {
            Ok(binary) => binary,
            Err(why) => return vec![self.path.clone(), format!("({why})")],
        };
        let frame_pointers = match binary.frame_pointers.percent() {
            _ if binary.go => String::from("always (Go)"),
            Some(percent) => format!("{percent} %"),
            None => String::from("-"),
        };
        let debug = if self.debug_file {
            "separate file"
        } else if binary.lines {
            "in the file"
        } else {
            "none"
        };
        vec![
            self.path.clone(),
            frame_pointers,
            if binary.unwind_rules { "yes" } else { "no" }.to_owned(),
            binary.symbols.phrase().to_owned(),
            debug.to_owned(),
            binary.build_id.as_deref().map_or_else(|| String::from("-"), hexadecimal),
        ]
    }

    fn lacks_names(&self) -> bool {
        let poor = |binary: &Binary| matches!(binary.symbols, Symbols::Exported | Symbols::None);
        !self.debug_file && self.binary.as_ref().is_ok_and(poor)
    }
}

/// The table of files, their common problems, and the cures. `download` are the commands that get debug files from a server.
pub fn section(
    rows: &[Row],
    pid: u32,
    distribution: &Distribution,
    download: Vec<String>,
) -> Section {
    let mut section = Section::new("Files with code");
    section.push(names(rows, pid, distribution, download));
    if rows.iter().any(|row| row.binary.as_ref().is_ok_and(|binary| !binary.wide)) {
        section.push(Finding::warning(
            "32-bit process",
            "only the innermost frame of its stacks is known",
        ));
    }
    let heading =
        ["FILE", "FRAME POINTERS", "UNWIND RULES", "SYMBOLS", "DEBUG INFORMATION", "BUILD ID"];
    let mut table = vec![heading.map(String::from).to_vec()];
    table.extend(rows.iter().map(Row::cells));
    section.table = Some(table);
    section
}

fn names(rows: &[Row], pid: u32, distribution: &Distribution, download: Vec<String>) -> Finding {
    let poor: Vec<&Row> = rows.iter().filter(|row| row.lacks_names()).collect();
    if poor.is_empty() {
        return Finding::good("symbols", "every file has a symbol table or a debug file");
    }
    let have = if poor.len() == 1 { "has" } else { "have" };
    let (poor_files, all) = (poor.len(), counted(rows.len() as u64, "file"));
    let fact = format!("{poor_files} of {all} {have} few or no names, and no debug file");
    let mut finding = Finding::warning("symbols", fact);
    let mut commands: Vec<String> = Vec::new();
    for command in poor.iter().filter_map(|row| distribution.debug_package(&row.path, pid)) {
        if !commands.contains(&command) && commands.len() < MOST_CURES {
            commands.push(command);
        }
    }
    if let Some(at) = commands.iter().position(|command| command.contains("dbgsym")) {
        distribution.debug_archive().into_iter().for_each(|archive| commands.insert(at, archive));
    }
    commands.extend(download);
    finding.cures = commands;
    finding
}

/// The path where distributions install the debug file of a build ID.
fn debug_path(build_id: &[u8]) -> Option<String> {
    let (first, rest) = build_id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    Some(format!("/usr/lib/debug/.build-id/{first:02x}/{}.debug", hexadecimal(rest)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether an absolute path exists below a process's root. Links cannot lead out of this root.
fn is_below(root: &File, path: &str) -> bool {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::super::prologue::Share;
    use super::super::testing::finding;
    use super::*;

    fn row(with: usize, symbols: Symbols) -> Row {
        let binary = Binary {
            wide: true,
            frame_pointers: Share { with, of: 100 },
            go: false,
            unwind_rules: true,
            symbols,
            lines: false,
            build_id: Some(vec![0xab, 0xcd]),
        };
        Row { path: String::from("/usr/lib/libc.so.6"), binary: Ok(binary), debug_file: false }
    }

    fn debian() -> Distribution {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        std::fs::create_dir(machine.path("/etc")).unwrap();
        std::fs::write(machine.path("/etc/os-release"), "ID=debian\nVERSION_CODENAME=trixie\n")
            .unwrap();
        Distribution::of(&machine)
    }

    #[test]
    fn poor_files_are_warned_of_with_commands() {
        let mut refused = row(0, Symbols::None);
        refused.binary = Err(String::from("file gone"));
        let mut bare = row(3, Symbols::Exported);
        bare.binary.as_mut().unwrap().unwind_rules = false;
        let rows = [bare, row(3, Symbols::Full), refused];
        let section = section(&rows, 7, &debian(), vec![String::from("download")]);
        let symbols = finding(&section, "symbols");
        assert_eq!(symbols.level, Level::Warning);
        assert_eq!(symbols.cures[0], "sudo apt install libc6-dbg");
        assert_eq!(symbols.cures.last().unwrap(), "download");
        assert!(symbols.fact.starts_with("1 of 3 files has "), "{}", symbols.fact);
        let table = section.table.unwrap();
        assert_eq!(table[1][1..], ["3 %", "no", "exported only", "none", "abcd"].map(String::from));
        assert_eq!(table[3][1], "(file gone)");
    }

    #[test]
    fn a_debug_file_makes_up_for_symbols() {
        let mut with = row(90, Symbols::None);
        with.debug_file = true;
        let section = section(&[with], 7, &debian(), Vec::new());
        assert_eq!(finding(&section, "symbols").level, Level::Good);
    }

    #[test]
    fn debug_files_by_build_id_below_either_root() {
        assert_eq!(
            debug_path(&[0xab, 0xcd, 0x01]).unwrap(),
            "/usr/lib/debug/.build-id/ab/cd01.debug"
        );
        assert_eq!(debug_path(&[0xab]), None);
        let dir = tempfile::tempdir().unwrap();
        let root = File::open(dir.path()).unwrap();
        assert!(!is_below(&root, "/x"));
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("x")).unwrap();
        assert!(!is_below(&root, "/x"), "a link does not lead out of the root");
        std::fs::write(dir.path().join("y"), "").unwrap();
        assert!(is_below(&root, "/y"));
    }
}
