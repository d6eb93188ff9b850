//! Drops everything that nobody needs any more at the end of a cut.

use super::state::ProcessTable;
use crate::place::FileId;
use crate::process::space::image::Image;
use crate::process::space::mappings::{Content, Mapping, Mappings};
use std::collections::HashSet;
use std::sync::Arc;

/// The sizes of a table. They stay level however long it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Address spaces, including those that ended and are kept for late samples.
    pub spaces: usize,
    /// Process ids that refer to an address space.
    pub processes: usize,
    /// Files.
    pub files: usize,
    /// Open files and perf maps.
    pub descriptors: usize,
    /// Bytes of memory, approximately.
    pub bytes: usize,
}

impl ProcessTable {
    /// Ends a cut: drops address spaces that have ended and files that no process maps. Call this after all counts so
    /// far have their names. `keep_space` and `keep_file` return true for what is still needed. A dropped number is not
    /// used again.
    ///
    /// An address space stays for one more cut after its end or its last sample, a file for a few cuts after it was
    /// last mapped. So late samples are still located, and programs that run again and again need not be read again.
    pub fn retire(&mut self, keep_space: impl Fn(u32) -> bool, keep_file: impl Fn(FileId) -> bool) {
        self.end_what_is_gone();
        let ended = |(index, image): &(u32, &Image)| {
            let present = self.current.get(&image.pid) == Some(index);
            (!present || image.exited) && image.used < self.cut && !keep_space(*index)
        };
        let gone: Vec<u32> = self.images.iter().filter(ended).map(|(index, _)| index).collect();
        for index in gone {
            self.forget(index);
        }
        self.retired.retain(|&index| self.images.get(index).is_some());
        let mapped = self.mapped_files();
        self.files.retire(|file| mapped.contains(&file) || keep_file(file));
        self.cut += 1;
    }

    /// The sizes of the table.
    pub fn held(&self) -> Held {
        let mappings: usize = self.all_mappings().iter().map(|maps| maps.len()).sum();
        Held {
            spaces: self.images.len(),
            processes: self.current.len(),
            files: self.files.iter().count(),
            descriptors: self.files.descriptors.used(),
            bytes: self.images.len() * size_of::<Image>()
                + mappings * size_of::<Mapping>()
                + self.files.bytes(),
        }
    }

    /// Ends the processes that no longer exist. Their exits may have been among lost records.
    fn end_what_is_gone(&mut self) {
        if !self.live || !std::mem::take(&mut self.lost) {
            return;
        }
        let exists = |pid: u32| std::fs::exists(format!("/proc/{pid}")).unwrap_or(true);
        let pids: Vec<u32> = self.current.keys().copied().filter(|&pid| !exists(pid)).collect();
        for pid in pids {
            let index = self.current[&pid];
            self.images[index].exited = true;
            self.ended(index);
        }
    }

    /// The mappings of all address spaces, each list once. Children share the lists of their parents.
    fn all_mappings(&self) -> Vec<&Arc<Mappings>> {
        let mut seen = HashSet::new();
        let lists = self.images.iter().flat_map(|(_, image)| image.all_mappings());
        lists.filter(|maps| seen.insert(Arc::as_ptr(maps))).collect()
    }

    fn mapped_files(&self) -> HashSet<FileId> {
        let all = self.all_mappings();
        let files = all.iter().flat_map(|maps| maps.iter()).filter_map(|mapping| {
            let Content::File(file) = mapping.content else { return None };
            Some(file)
        });
        files.collect()
    }
}
