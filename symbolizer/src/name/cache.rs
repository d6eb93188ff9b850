//! Names that were made in earlier cuts.

use super::Named;
use crate::place::MappedFile;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

/// Code that keeps its names as long as it is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A file, in the state in which it is.
    File {
        /// Device and inode: while the file is open, no other's.
        inode: (u64, u64),
        /// Bytes.
        size: u64,
        /// When its content and its inode changed: seconds, nanoseconds.
        times: [(i64, i64); 2],
    },
    /// The kernel.
    Kernel,
}

impl Source {
    /// A file, if it is open.
    pub(crate) fn of(file: &MappedFile) -> Option<Self> {
        let meta = file.handle.as_ref()?.metadata().ok()?;
        let times = [(meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec())];
        Some(Self::File { inode: (meta.dev(), meta.ino()), size: meta.len(), times })
    }
}

/// A name and the cut that it was made in.
#[derive(Debug)]
struct Kept {
    named: Named,
    cut: u64,
}

/// Names in two halves: what was asked for of late, and what was before. When the younger half is full, the older one is
/// dropped; what is found in the older one moves to the younger.
#[derive(Debug)]
pub(crate) struct Cache {
    young: HashMap<(Source, u64), Kept>,
    old: HashMap<(Source, u64), Kept>,
    /// Bytes of the younger half, and the most.
    bytes: usize,
    most: usize,
    cut: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self::within(Self::MOST)
    }
}

impl Cache {
    /// Bytes of memory for names, both halves together.
    const MOST: usize = 64 << 20;
    /// Names of modules and BPF programs, which may be replaced, and what has no name are asked for again after so many
    /// cuts.
    const FLEETING: u64 = 16;

    /// Takes no more memory than so many bytes, about.
    pub(crate) fn within(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, most, cut: 0 }
    }

    /// A new cut begins.
    pub(crate) fn begin_cut(&mut self) {
        self.cut += 1;
    }

    /// The name at an address, if it was made before.
    pub(crate) fn get(&mut self, source: Source, address: u64) -> Option<Named> {
        let key = (source, address);
        if let Some(kept) = self.old.remove(&key) {
            self.keep(key, kept);
        }
        let kept = self.young.get(&key)?;
        let lasting = match source {
            Source::File { .. } => true,
            Source::Kernel => kept.named.module == "[kernel]" && kept.named.reason.is_none(),
        };
        let fresh = lasting || self.cut - kept.cut < Self::FLEETING;
        fresh.then(|| kept.named.clone())
    }

    /// Keeps a name.
    pub(crate) fn put(&mut self, source: Source, address: u64, named: &Named) {
        self.keep((source, address), Kept { named: named.clone(), cut: self.cut });
    }

    fn keep(&mut self, key: (Source, u64), kept: Kept) {
        let size = size(&kept.named);
        if self.bytes + size > self.most / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        let before = self.young.insert(key, kept);
        self.bytes += size;
        self.bytes -= before.map_or(0, |before| self::size(&before.named));
    }

    /// Bytes of memory that both halves take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.old.values().map(|kept| size(&kept.named)).sum::<usize>()
    }
}

/// Bytes that a name takes.
fn size(named: &Named) -> usize {
    let line = |line: &super::Line| {
        size_of_val(line) + line.name.len() + line.system_name.len() + line.file.len()
    };
    // A hash table has up to twice the room that is used.
    2 * size_of::<((Source, u64), Kept)>()
        + named.module.len()
        + named.lines.iter().map(line).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;
    use crate::name::Line;

    fn named(name: &str, module: &str) -> Named {
        let name = name.to_owned();
        let line =
            Line { system_name: name.clone(), name, file: String::new(), line: 0, inlined: false };
        Named { lines: vec![line], module: module.to_owned(), reason: None }
    }

    #[test]
    fn what_is_asked_for_stays_and_memory_is_bounded() {
        let mut cache = Cache::within(64 << 10);
        let wanted = named("wanted", "[kernel]");
        cache.put(Source::Kernel, 7, &wanted);
        for address in 100..100_000 {
            cache.put(Source::Kernel, address, &named("other", "[kernel]"));
            assert!(cache.bytes() <= 64 << 10, "{}", cache.bytes());
            if address % 50 == 0 {
                assert_eq!(cache.get(Source::Kernel, 7).as_ref(), Some(&wanted), "{address}");
            }
        }
        assert_eq!(cache.get(Source::Kernel, 100), None);
        assert!(cache.get(Source::Kernel, 99_999).is_some());
    }

    #[test]
    fn what_may_be_replaced_is_asked_for_again_after_some_cuts() {
        let mut cache = Cache::default();
        let nameless = Named {
            lines: Vec::new(),
            module: "[kernel]".to_owned(),
            reason: Some(Reason::NoSymbol),
        };
        cache.put(Source::Kernel, 1, &named("schedule", "[kernel]"));
        cache.put(Source::Kernel, 2, &named("ext4_read", "[ext4]"));
        cache.put(Source::Kernel, 3, &nameless);
        let known = |cache: &mut Cache| [1, 2, 3].map(|at| cache.get(Source::Kernel, at).is_some());
        for _ in 1..Cache::FLEETING {
            cache.begin_cut();
            assert_eq!(known(&mut cache), [true; 3]);
        }
        cache.begin_cut();
        assert_eq!(known(&mut cache), [true, false, false]);
        cache.put(Source::Kernel, 2, &named("xfs_read", "[xfs]"));
        assert_eq!(cache.get(Source::Kernel, 2), Some(named("xfs_read", "[xfs]")));
    }
}
