//! What a question may use.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// The time for a question without regard to its files, and the bytes of files for which there is one more second.
const BASE_TIME: Duration = Duration::from_secs(1);
const BYTES_A_SECOND: u64 = 16 << 20;
/// The memory for a question without regard to its files, and for each of their bytes.
const BASE_MEMORY: u64 = 128 << 20;
const MEMORY_A_BYTE: u64 = 8;

/// What a question may use, by the bytes of its files: what takes much more than others of its size is made to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The bytes of its files.
    pub(super) bytes: u64,
}

impl Limits {
    /// Its time.
    pub(super) fn time(self) -> Duration {
        BASE_TIME + Duration::from_millis(self.bytes.saturating_mul(1000) / BYTES_A_SECOND)
    }

    /// Its bytes of memory.
    pub(super) fn memory(self) -> u64 {
        BASE_MEMORY.saturating_add(self.bytes.saturating_mul(MEMORY_A_BYTE))
    }
}

/// The bytes of a file that take place somewhere. Holes are no content.
pub(super) fn size(file: &File) -> u64 {
    file.metadata().map_or(0, |meta| meta.len().min(meta.blocks().saturating_mul(512)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_give_neither_time_nor_memory() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 30).unwrap();
        assert_eq!(size(&file), 0);
        let limits = Limits { bytes: 32 << 20 };
        assert_eq!((limits.time(), limits.memory()), (Duration::from_secs(3), (128 + 256) << 20));
    }
}
