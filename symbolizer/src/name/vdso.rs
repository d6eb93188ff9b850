//! The vDSO. The kernel maps the same one into every process, so bpflame's own is read.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::lines::hex;

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
