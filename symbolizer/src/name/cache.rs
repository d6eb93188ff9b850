//! Names that were made in earlier cuts.

use super::Named;
use crate::place::MappedFile;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

/// Code whose names are kept as long as it does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A file in a certain state.
    File {
        /// The device and the inode. While the file is open, no other file has them.
        inode: (u64, u64),
        /// The size in bytes.
        size: u64,
        /// The times of the last changes of content and inode: seconds, nanoseconds.
        times: [(i64, i64); 2],
    },
    /// The kernel.
    Kernel,
}

impl Source {
    /// The source for a file, if it is open.
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

/// The names in two halves: those that were used lately, and older ones. When the younger half is full, the older half
/// is dropped. A name that is found in the older half moves to the younger.
#[derive(Debug)]
pub(crate) struct Cache {
    young: HashMap<(Source, u64), Kept>,
    old: HashMap<(Source, u64), Kept>,
    /// The bytes of the younger half, and their limit.
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
    /// The memory limit for names in bytes, for both halves together.
    const MOST: usize = 64 << 20;
    /// The number of cuts after which unsure names are made again: those of modules and BPF programs, which may be
    /// replaced, and missing ones.
    const FLEETING: u64 = 16;

    /// A cache with a memory limit of about this many bytes.
    pub(crate) fn within(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bytes: 0, most, cut: 0 }
    }

    /// Begins a new cut.
    pub(crate) fn begin_cut(&mut self) {
        self.cut += 1;
    }

    /// The kept name of an address.
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

    /// The bytes of memory that both halves use, approximately.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.old.values().map(|kept| size(&kept.named)).sum::<usize>()
    }
}

/// The bytes of a name.
fn size(named: &Named) -> usize {
    let line = |line: &super::Line| {
        size_of_val(line) + line.name.len() + line.system_name.len() + line.file.len()
    };
    // A hash table has up to twice the capacity that is used.
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
        let line = Line {
            system_name: name.into(),
            name: name.into(),
            file: "".into(),
            ..Line::default()
        };
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
