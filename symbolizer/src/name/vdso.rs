//! The vDSO. The kernel maps the same one into every process, so bpflame's own is read.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use elf::{Bytes, Image};

use super::file::symtab;
use super::lines::hex;
use super::{Named, Text, Texts};
use crate::place::Reason;

/// The largest vDSO that is read, in bytes. Real ones have a few pages.
const MAX_BYTES: u64 = 1 << 20;

/// The bytes of this process's vDSO; `None` if it has none.
pub fn own_vdso() -> Option<Vec<u8>> {
    let maps = fs::read("/proc/self/maps").ok()?;
    let line = maps.split(|&byte| byte == b'\n').find(|line| line.ends_with(b"[vdso]"))?;
    let (start, rest) = hex(line)?;
    let (end, _) = hex(rest.strip_prefix(b"-")?)?;
    let len = end.checked_sub(start).filter(|&len| len <= MAX_BYTES)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}

/// Names for sorted offsets.
pub(super) fn named(vdso: &[u8], offsets: &[u64], texts: &mut Texts) -> Vec<Named> {
    let name = |name| Named::in_module("[vdso]", name, Reason::NoSymbol);
    names(vdso, offsets, texts).into_iter().map(name).collect()
}

pub(super) fn names(vdso: &[u8], offsets: &[u64], texts: &mut Texts) -> Vec<Option<Text>> {
    let Ok(image) = Image::parse(Bytes::Memory(vdso)) else { return vec![None; offsets.len()] };
    let symbols = symtab::symbols(&image, ".dynsym", offsets, texts);
    symbols.into_iter().map(|symbol| symbol.map(|symbol| symbol.name)).collect()
}
