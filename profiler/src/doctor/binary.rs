//! The unwind rules, frame pointers and symbols of a mapped file.

use super::prologue::{Isa, LOOK, Share};
use elf::{Bytes, Error, Image};
use std::fs::File;

/// Functions that are judged of one file, spread evenly over it.
const FUNCTIONS: usize = 400;

/// Bound of `.eh_frame_hdr`, in bytes: two million functions.
const MAX_HEADER: u64 = 16 << 20;

/// The best source of names in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// A full symbol table.
    Full,
    /// A compressed one, of functions only (`.gnu_debugdata`).
    Mini,
    /// Go's own table (`.gopclntab`).
    Go,
    /// Exported functions only (`.dynsym`).
    Exported,
    /// None.
    None,
}

impl Symbols {
    /// For the table.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Full => "all",
            Self::Mini => "all (.gnu_debugdata)",
            Self::Go => "all (Go)",
            Self::Exported => "exported only",
            Self::None => "none",
        }
    }
}

/// The properties of a file that matter for stacks and names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Whether it is a 64-bit file.
    pub wide: bool,
    /// Functions with a frame pointer, of those looked at.
    pub frame_pointers: Share,
    /// Whether Go's compiler made it: Go keeps frame pointers.
    pub go: bool,
    /// Whether it has unwind rules (`.eh_frame` or `.debug_frame`).
    pub unwind_rules: bool,
    /// The source of its names.
    pub symbols: Symbols,
    /// Whether it has line numbers itself (`.debug_info`).
    pub lines: bool,
    /// Its build ID.
    pub build_id: Option<Vec<u8>>,
}

impl Binary {
    /// Reads a file's headers and the beginnings of some functions.
    ///
    /// # Errors
    /// The defect of the file.
    pub fn read(file: &File) -> Result<Self, Error> {
        let image = Image::parse(Bytes::File(file))?;
        let go = image.has(".gopclntab");
        Ok(Self {
            wide: image.wide(),
            frame_pointers: frame_pointers(&image),
            go,
            unwind_rules: image.has(".eh_frame") || image.has(".debug_frame"),
            symbols: symbols(&image, go),
            lines: image.has(".debug_info"),
            build_id: image.build_id(),
        })
    }
}

fn symbols(image: &Image<'_>, go: bool) -> Symbols {
    if image.has(".symtab") {
        Symbols::Full
    } else if go {
        Symbols::Go
    } else if image.has(".gnu_debugdata") {
        Symbols::Mini
    } else if image.has(".dynsym") {
        Symbols::Exported
    } else {
        Symbols::None
    }
}

fn frame_pointers(image: &Image<'_>) -> Share {
    let mut share = Share::default();
    let Some(isa) = Isa::of_machine(image.machine()) else {
        return share;
    };
    let starts = function_starts(image).unwrap_or_default();
    let step = starts.len().div_ceil(FUNCTIONS).max(1);
    for index in (0..starts.len()).step_by(step) {
        let room = starts.get(index + 1).map_or(LOOK as u64, |next| next - starts[index]);
        let code = image.memory(starts[index], room.min(LOOK as u64)).unwrap_or_default();
        share.count(isa.judge(&code));
    }
    share
}

/// The functions' first addresses, ascending, from the search table of `.eh_frame_hdr` in the one encoding that
/// linkers write (32-bit, relative to the section).
fn function_starts(image: &Image<'_>) -> Option<Vec<u64>> {
    let section = image.section(".eh_frame_hdr")?;
    let bytes = image.data(section, MAX_HEADER)?;
    let [1, _, 0x03, 0x3b] = *bytes.get(..4)? else {
        return None;
    };
    let count = u32::from_le_bytes(bytes.get(8..12)?.try_into().ok()?) as usize;
    let starts = bytes.get(12..)?.chunks_exact(8).take(count);
    let mut starts: Vec<u64> = starts
        .map(|row| {
            section
                .address
                .wrapping_add_signed(i32::from_le_bytes([row[0], row[1], row[2], row[3]]).into())
        })
        .collect();
    starts.sort_unstable();
    starts.dedup();
    Some(starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::process::Command;

    /// Twenty functions that use the stack, and their callers.
    fn source() -> String {
        let mut text = String::from("extern int out(int*, int);\n");
        for n in 0..20 {
            text += &format!(
                "int f{n}(int a) {{ int x[8]; for (int i = 0; i < 8; i++) x[i] = out(x, a + i); return x[a & 7] + {n}; }}\n"
            );
        }
        text
    }

    fn built(flags: &[&str]) -> (tempfile::TempDir, Binary) {
        let dir = tempfile::tempdir().unwrap();
        let (source_file, library) = (dir.path().join("f.c"), dir.path().join("f.so"));
        std::fs::write(&source_file, source()).unwrap();
        run("gcc", &["-O2", "-fPIC", "-shared", "-Wl,--build-id"], flags, &source_file, &library);
        let binary = Binary::read(&File::open(library).unwrap()).unwrap();
        (dir, binary)
    }

    fn run(program: &str, always: &[&str], flags: &[&str], source: &Path, to: &Path) {
        let status = Command::new(program)
            .args(always)
            .args(flags)
            .arg("-o")
            .arg(to)
            .arg(source)
            .status()
            .unwrap();
        assert!(status.success(), "{program} {flags:?}");
    }

    #[test]
    fn gcc_with_and_without_frame_pointers() {
        let (_dir, with) = built(&["-fno-omit-frame-pointer"]);
        assert!(with.frame_pointers.of >= 20, "{with:?}");
        assert!(with.frame_pointers.percent() >= Some(90), "{with:?}");
        let (_dir, without) = built(&["-fomit-frame-pointer"]);
        assert!(without.frame_pointers.of >= 20, "{without:?}");
        assert!(without.frame_pointers.percent() <= Some(10), "{without:?}");
    }

    #[test]
    fn what_a_file_has_and_lacks() {
        let (_dir, debug) = built(&["-g"]);
        assert_eq!((debug.symbols, debug.lines, debug.unwind_rules), (Symbols::Full, true, true));
        assert!(debug.wide && !debug.go && debug.build_id.is_some());
        let (_dir, stripped) = built(&["-s"]);
        assert_eq!((stripped.symbols, stripped.lines), (Symbols::Exported, false));
    }

    #[test]
    fn damaged_files_are_errors_or_poorer_never_a_panic() {
        let (dir, _) = built(&[]);
        let good = std::fs::read(dir.path().join("f.so")).unwrap();
        let path = dir.path().join("bad.so");
        let mut state = 1u64;
        for round in 0..400 {
            let mut bytes = good.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (state >> 33) as usize % if round % 2 == 0 { bytes.len() } else { 64 };
                bytes[at] = (state >> 24) as u8;
            }
            bytes.truncate(if round % 5 == 0 {
                (state >> 40) as usize % bytes.len()
            } else {
                bytes.len()
            });
            std::fs::write(&path, &bytes).unwrap();
            let _ = Binary::read(&File::open(&path).unwrap());
        }
    }
}
