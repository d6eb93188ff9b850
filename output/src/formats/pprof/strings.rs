//! A table of numbered strings.

use ahash::AHashMap;

/// Interns strings. The empty string has number 0.
#[derive(Debug)]
pub(super) struct Strings<'a> {
    list: Vec<&'a str>,
    ids: AHashMap<&'a str, u32>,
    /// A cache of the last strings, by a few of their bytes: labels repeat, and comparing is faster than hashing.
    recent: Vec<u32>,
}

/// The size of [`Strings::recent`], as a power of two.
const RECENT_BITS: u32 = 9;

impl<'a> Strings<'a> {
    /// A table with the empty string, and with room for about this many.
    pub(crate) fn new(room: usize) -> Self {
        let mut ids = AHashMap::with_capacity(room);
        ids.insert("", 0);
        Self { list: vec![""], ids, recent: vec![0; 1 << RECENT_BITS] }
    }

    /// The string's number.
    pub(crate) fn id(&mut self, text: &'a str) -> u32 {
        let place = place(text);
        let recent = self.recent[place];
        if self.list[recent as usize] == text {
            return recent;
        }
        let id = *self.ids.entry(text).or_insert_with(|| {
            self.list.push(text);
            self.list.len() as u32 - 1
        });
        self.recent[place] = id;
        id
    }

    /// All strings in the order of their numbers.
    pub(crate) fn list(&self) -> &[&'a str] {
        &self.list
    }
}

/// A place from the length and the last bytes, since strings of one kind often begin alike.
fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end = bytes.last_chunk().map_or_else(
        || bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
        |last| u64::from_le_bytes(*last),
    );
    let mixed = (end ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - RECENT_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn equal_strings_have_one_number_and_others_have_another() {
        let texts: Vec<String> =
            (0..3_000).map(|n| format!("{:a<1$}", n % 1_500, n % 40)).collect();
        let mut strings = Strings::new(7);
        let mut known: HashMap<&str, u32> = HashMap::from([("", 0)]);
        for text in texts.iter().chain(texts.iter().rev()) {
            let id = strings.id(text);
            assert_eq!(*known.entry(text).or_insert(id), id, "{text}");
            assert_eq!(strings.list()[id as usize], text);
        }
        assert_eq!(strings.id(""), 0);
        assert_eq!(strings.list().len(), known.len());
    }
}
