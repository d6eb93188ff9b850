//! Values by numbers that stay unambiguous for ever.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

/// Values by number. The number of a removed value is reused only after 2³² others.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    values: BTreeMap<u32, T>,
    next: u32,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), next: 0 }
    }
}

impl<T> Numbered<T> {
    /// Keeps a value and returns its number. There are always more numbers than values.
    pub(crate) fn push(&mut self, value: T) -> u32 {
        while self.values.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let number = self.next;
        self.values.insert(number, value);
        self.next = number.wrapping_add(1);
        number
    }

    /// A value by its number.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(&number)
    }

    /// A value by its number, to be changed.
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.values.get_mut(&number)
    }

    /// Removes a value.
    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        self.values.remove(&number)
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// All values, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.values.iter().map(|(&number, value)| (number, value))
    }

    /// All values by number, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.values.iter_mut().map(|(&number, value)| (number, value))
    }
}

/// A number that the owner knows to be in use.
impl<T> Index<u32> for Numbered<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.values[&number]
    }
}

impl<T> IndexMut<u32> for Numbered<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        self.values.get_mut(&number).expect("the number is in use")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once() {
        let mut values = Numbered::default();
        assert_eq!(["a", "b"].map(|value| values.push(value)), [0, 1]);
        assert_eq!(values.remove(0), Some("a"));
        assert_eq!((values.push("c"), values.get(0)), (2, None));
        values.next = u32::MAX;
        assert_eq!(["d", "e", "f"].map(|value| values.push(value)), [u32::MAX, 0, 3]);
        assert_eq!(values[1], "b");
    }
}
