//! Little-endian numbers and texts at an offset; `None` beyond the end.

/// A 16-bit number.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// A 32-bit number.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A 64-bit number.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// An address of the file's class: 64 bits in a wide file, else 32.
pub fn address_at(bytes: &[u8], at: usize, wide: bool) -> Option<u64> {
    if wide { u64_at(bytes, at) } else { u32_at(bytes, at).map(u64::from) }
}

/// The bytes from `start` to the next zero byte or the end.
pub fn c_string(bytes: &[u8], start: usize) -> &[u8] {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.split(|&byte| byte == 0).next().unwrap_or_default()
}
