//! Functions, inlined functions and lines from DWARF, by blazesym.
//!
//! blazesym maps files into memory and follows their references to other files by path. Some files need protection from
//! that: files that somebody else could shrink meanwhile, and files that refer to others. blazesym then gets a copy of
//! the debug sections. Only debug files of this machine may refer to other files.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use blazesym::symbolize::source::{Elf, Source};
use blazesym::symbolize::{CodeInfo, Input, Sym, Symbolizer};

use elf::word::u64_at;
use elf::{Image, SHF_COMPRESSED};

use super::extract;
use crate::name::reopen::fd_path;
use crate::name::{Line, Texts, demangle, text};

/// The largest copy of debug sections, in bytes.
const MAX_COPY: u64 = 512 << 20;
/// The largest compressed section, in bytes.
const MAX_COMPRESSED: u64 = 128 << 20;
/// The limit for all decompressed debug sections of a file, in bytes.
const MAX_SECTIONS: u64 = 2 << 30;
/// The largest factor by which zlib compresses.
const MAX_FACTOR: u64 = 1032;
/// The time for DWARF without regard to its size, and the bytes for which there is one more second.
const BASE_TIME: Duration = Duration::from_millis(700);
const BYTES_A_SECOND: u64 = 24 << 20;
/// The addresses that are looked up between two looks at the clock.
const BATCH: usize = 256;
/// This many consecutive failures end the work on a file.
const MAX_FAILURES: usize = 16;
/// The most inlined functions at one address; further ones are left out.
const MAX_INLINED: usize = 256;

/// The names of an address in DWARF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The functions, innermost first.
    pub lines: Vec<Line>,
    /// Whether a function was found, not only a place in the source.
    pub function: bool,
}

/// Whether a file has DWARF of its own.
pub(crate) fn present(image: &Image<'_>) -> bool {
    image.has(".debug_info")
}

/// The names of each address in DWARF. `ours`: the file is from this machine's debug directories. After `end`,
/// the remaining addresses get no names.
pub(crate) fn names(
    file: &File,
    image: &Image<'_>,
    ours: bool,
    addresses: &[u64],
    no_inline: bool,
    end: Instant,
    texts: &mut Texts,
) -> Result<Vec<Option<Found>>, &'static str> {
    let copy = source(file, image, ours)?;
    let path = fd_path(copy.as_ref().unwrap_or(file));
    let look_up = || look_up(path, addresses, no_inline, end, texts);
    catch_unwind(AssertUnwindSafe(look_up)).unwrap_or(Err("DWARF is malformed"))
}

/// The time for a file's DWARF by its size: no file takes that of all others.
pub(crate) fn share(image: &Image<'_>) -> Duration {
    let needed = image.sections.iter().filter(|section| extract::is_needed(section));
    let bytes = needed.fold(0u64, |sum, section| sum.saturating_add(section.size));
    BASE_TIME + Duration::from_millis(bytes.saturating_mul(1000) / BYTES_A_SECOND)
}

/// Refuses DWARF of unlimited size. Returns whether any section is compressed.
fn check(image: &Image<'_>) -> Result<bool, &'static str> {
    let (mut total, mut any) = (0u64, false);
    for section in image.sections.iter().filter(|section| extract::is_needed(section)) {
        let compressed = section.flags & SHF_COMPRESSED != 0;
        any |= compressed;
        let size = if compressed {
            let header = image.part(section, 0, 24).ok_or("a compressed section is cut off")?;
            u64_at(&header, 8).ok_or("a compressed section is cut off")?
        } else {
            section.size
        };
        // The stated size is allocated at once. The stream may still contain more.
        if size / MAX_FACTOR > section.size || (compressed && section.size > MAX_COMPRESSED) {
            return Err("compressed DWARF is too large");
        }
        total = total.saturating_add(size);
    }
    if total > MAX_SECTIONS { Err("DWARF is too large") } else { Ok(any) }
}

/// The input for blazesym. It is the file itself if two things are true: only root and bpflame's user can change it (a
/// mapped file that shrinks kills the process); and it may refer to other files, or a copy of the needed sections would
/// save nothing.
fn source(file: &File, image: &Image<'_>, ours: bool) -> Result<Option<File>, &'static str> {
    let failed = "the file is not readable";
    let compressed = check(image)?;
    let refers =
        [".gnu_debuglink", ".gnu_debugaltlink", ".debug_sup"].iter().any(|name| image.has(name));
    let meta = file.metadata().map_err(|_| failed)?;
    let own = rustix::process::geteuid().as_raw();
    let safe = meta.mode() & 0o002 == 0 && (meta.uid() == 0 || meta.uid() == own);
    // Another user's file may be open here and yet not for this process to open again.
    let safe = safe && File::open(fd_path(file)).is_ok();
    if safe && (if refers { ours && !image.has(".gnu_debuglink") } else { !compressed }) {
        return Ok(None);
    }
    if !image.wide() {
        return Err("DWARF that must be copied is not read from 32-bit files");
    }
    let size: u64 = image.sections.iter().filter(|s| extract::is_needed(s)).map(|s| s.size).sum();
    if size > MAX_COPY {
        return Err("DWARF that must be copied is too large");
    }
    let memory = rustix::fs::memfd_create("dwarf", rustix::fs::MemfdFlags::CLOEXEC);
    let copy = File::from(memory.map_err(|_| failed)?);
    extract::extract(image, &copy).map_err(|_| "a debug section is cut off")?;
    Ok(Some(copy))
}

fn look_up(
    path: PathBuf,
    addresses: &[u64],
    no_inline: bool,
    end: Instant,
    texts: &mut Texts,
) -> Result<Vec<Option<Found>>, &'static str> {
    let symbolizer = Symbolizer::builder()
        .enable_auto_reload(false)
        .enable_demangling(false)
        .enable_inlined_fns(!no_inline)
        .set_debug_dirs(Some(std::iter::empty::<PathBuf>()))
        .build();
    let source = Source::Elf(Elf::new(path));
    let mut found = Vec::with_capacity(addresses.len());
    for batch in addresses.chunks(BATCH) {
        if Instant::now() > end {
            found.resize(addresses.len(), None);
            break;
        }
        match symbolizer.symbolize(&source, Input::VirtOffset(batch)) {
            Ok(symbols) => {
                found.extend(symbols.into_iter().map(|s| s.into_sym().map(|s| convert(s, texts))))
            }
            Err(_) if found.is_empty() && batch.len() == 1 => return Err("DWARF is malformed"),
            // One malformed unit spoils a batch, so the addresses are looked up one by one.
            Err(_) => found.extend(one_by_one(&symbolizer, &source, batch, end, texts)?),
        }
    }
    Ok(found)
}

fn one_by_one(
    symbolizer: &Symbolizer,
    source: &Source<'_>,
    batch: &[u64],
    end: Instant,
    texts: &mut Texts,
) -> Result<Vec<Option<Found>>, &'static str> {
    let mut failures = 0;
    let mut found = Vec::with_capacity(batch.len());
    for &address in batch {
        if failures == MAX_FAILURES {
            return Err("DWARF is malformed");
        }
        if Instant::now() > end {
            break;
        }
        let symbol = symbolizer.symbolize_single(source, Input::VirtOffset(address));
        failures = if symbol.is_ok() { 0 } else { failures + 1 };
        found.push(
            symbol.ok().and_then(|symbol| symbol.into_sym().map(|symbol| convert(symbol, texts))),
        );
    }
    found.resize(batch.len(), None);
    if failures == batch.len() { Err("DWARF is malformed") } else { Ok(found) }
}

/// Converts the result of blazesym. It lists the outer function first, then the inlined ones inwards, each with the
/// place that is executed in it.
fn convert(symbol: Sym<'_>, texts: &mut Texts) -> Found {
    // blazesym extends a symbol without a size to the next one. DWARF does not know such a function.
    let function = symbol.size.is_some() && !symbol.name.is_empty();
    let mut lines = Vec::with_capacity(1 + symbol.inlined.len());
    for inlined in symbol.inlined.iter().rev().take(MAX_INLINED) {
        lines.push(line(&inlined.name, inlined.code_info.clone(), true, texts));
    }
    lines.push(line(&symbol.name, symbol.code_info.map(|info| *info), false, texts));
    Found { lines, function }
}

fn line(name: &str, info: Option<CodeInfo<'_>>, inlined: bool, texts: &mut Texts) -> Line {
    let system_name = text(name.as_bytes());
    let (file, line) = info.and_then(|info| position(Box::new(info))).unwrap_or_default();
    Line {
        name: texts.keep(&demangle(&system_name)),
        system_name: texts.keep(&system_name),
        file: texts.keep(&file),
        line,
        inlined,
        ..Line::default()
    }
}

/// The path and the line of a place in the source.
#[expect(clippy::boxed_local, reason = "this is how blazesym hands it out")]
pub(crate) fn position(info: Box<CodeInfo<'_>>) -> Option<(String, u32)> {
    use std::os::unix::ffi::OsStrExt;
    let file = text(info.to_path().as_os_str().as_bytes());
    Some((file, info.line.unwrap_or(0)))
}
