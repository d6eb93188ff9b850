//! Numbers for distinct values.

use std::collections::HashMap;

/// Gives each distinct value a number.
#[derive(Debug)]
pub(super) struct Interner<T> {
    list: Vec<T>,
    ids: HashMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { list: Vec::new(), ids: HashMap::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Interner<T> {
    /// The number of a value; new ones get the next.
    pub(super) fn id(&mut self, value: T) -> u32 {
        let list = &mut self.list;
        *self.ids.entry(value).or_insert_with(|| {
            list.push(value);
            list.len() as u32 - 1
        })
    }

    /// The value of a number.
    pub(super) fn get(&self, id: u32) -> T {
        self.list[id as usize]
    }

    /// The number of a value, if it has one.
    pub(super) fn find(&self, value: &T) -> Option<u32> {
        self.ids.get(value).copied()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// All values, in the order of their numbers.
    pub(super) fn all(&self) -> &[T] {
        &self.list
    }
}
