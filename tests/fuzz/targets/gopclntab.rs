//! Go's own table of functions and lines.
#![no_main]

use symbolizer::serve::gopclntab::GoTable;
use symbolizer::stated_text;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = stated_text(data);
    let Some(table) = GoTable::parse(data, text) else { return };
    let inlined = |at: u64, len: u64| {
        let start = usize::try_from(at).ok()?;
        data.get(start..start.checked_add(usize::try_from(len).ok()?)?).map(<[u8]>::to_vec)
    };
    for offset in [0, 1, 0x100, 0x1000, 0x10_0000] {
        let _ = table.frames(text.wrapping_add(offset), Some(&inlined));
    }
    let _ = table.frames(u64::MAX, None);
});
