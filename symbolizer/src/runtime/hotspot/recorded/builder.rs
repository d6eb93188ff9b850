//! A memory image that follows the layout of a version.

use super::image::{IMAGE, Image};

/// A version's layout, and the image that follows it.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(super) layout: &'static str,
    pub(super) version: u32,
    pub(crate) image: Image,
    /// The next free address of what has no address of its own.
    pub(super) next: u64,
    /// The address of the name of the class.
    pub(super) class_name: u64,
}

impl Builder {
    pub(super) fn allocate(&mut self, bytes: u64) -> u64 {
        let at = self.next;
        self.next += bytes.next_multiple_of(16);
        at
    }

    pub(super) fn lines(&self, kind: &str) -> Vec<Vec<&'static str>> {
        let words = |line: &'static str| line.splitn(4, ' ').collect::<Vec<_>>();
        let all = self.layout.lines().map(words);
        all.filter(|words| words[0] == kind).map(|words| words[1..].to_vec()).collect()
    }

    /// The offset of a field; `None`: the version has none.
    pub(crate) fn offset(&self, path: &str) -> Option<u64> {
        let fields = self.lines("field");
        let line = fields.iter().find(|line| line[0] == path)?;
        line[1].parse().ok()
    }

    pub(crate) fn size(&self, of: &str) -> u64 {
        let sizes = self.lines("size");
        sizes.iter().find(|line| line[0] == of).expect("its size is recorded")[1]
            .parse()
            .expect("a number")
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.lines("field").iter().any(|line| line[0] == path)
    }

    /// The address of a static field: every one has a page of its own.
    pub(super) fn static_at(&self, path: &str) -> u64 {
        let index = self.lines("field").iter().position(|line| line[0] == path).unwrap_or(0);
        IMAGE + 0x8_0000 + 0x100 * index as u64
    }

    /// Sets a field of an object, if the version has it.
    pub(crate) fn set(&mut self, object: u64, path: &str, value: u64) {
        let fields = self.lines("field");
        let Some(line) = fields.iter().find(|line| line[0] == path) else { return };
        let size = match line[2] {
            "int" | "u4" | "uint32_t" | "unsigned int" => 4,
            "u2" | "unsigned short" | "short" | "int16_t" => 2,
            "bool" | "volatile signed char" | "volatile unsigned char" => 1,
            _ => 8,
        };
        let offset: u64 = line[1].parse().expect("an offset");
        self.image.put(object + offset, &value.to_le_bytes()[..size]);
    }

    pub(super) fn name(&mut self, text: &str) -> u64 {
        let at = self.allocate(text.len() as u64 + 1);
        self.image.text(at, text);
        at
    }
}
