//! Places in uncovered code that a register may hold: a routine continues at a place that its caller chooses.

use super::image::Image;
use super::value::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Places of one register at most.
const MOST_PLACES: usize = 64;

/// Sets at most.
const MOST_SETS: u32 = 1 << 14;

/// Sets of places, each stored once.
pub(super) struct Labels<'a> {
    image: &'a Image<'a>,
    sets: RefCell<Sets>,
}

#[derive(Default)]
struct Sets {
    by_number: Vec<Rc<[u32]>>,
    numbers: HashMap<Rc<[u32]>, u32>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(image: &'a Image<'a>) -> Self {
        Self { image, sets: RefCell::default() }
    }

    /// The value of a register where two ways with these values meet. In contrast to all other facts, a place needs to hold on only one of
    /// the ways, because places are tried before they are used.
    pub(super) fn join(&self, one: Value, other: Value) -> Value {
        if one == other {
            return one;
        }
        let (mine, theirs) = (self.offsets(one), self.offsets(other));
        let has_all = theirs.iter().all(|place| mine.contains(place)) || mine.len() >= MOST_PLACES;
        if has_all && matches!(one, Value::Labels(_)) {
            return one;
        }
        let mut places = [mine, theirs].concat();
        places.sort_unstable();
        places.dedup();
        places.truncate(MOST_PLACES);
        match self.number(places.into()) {
            Some(number) => Value::Labels(number),
            None if matches!(one, Value::Labels(_)) => one,
            None => Value::Unknown,
        }
    }

    /// Whether a value is one of these.
    pub(super) fn has(&self, value: Value) -> bool {
        !self.offsets(value).is_empty()
    }

    /// The possible places of a value.
    pub(super) fn places(&self, value: Value) -> Vec<u64> {
        self.offsets(value).iter().map(|&offset| self.image.address(offset)).collect()
    }

    fn offsets(&self, value: Value) -> Vec<u32> {
        match value {
            Value::Address(offset) if self.image.gap(self.image.address(offset)).is_some() => {
                vec![offset]
            }
            Value::Labels(set) => {
                let sets = self.sets.borrow();
                sets.by_number.get(set as usize).map(|set| set.to_vec()).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// The number of a set; `None` for an empty one, or where there are too many.
    fn number(&self, places: Rc<[u32]>) -> Option<u32> {
        if places.is_empty() {
            return None;
        }
        let mut sets = self.sets.borrow_mut();
        if let Some(&number) = sets.numbers.get(&places) {
            return Some(number);
        }
        let number =
            u32::try_from(sets.by_number.len()).ok().filter(|&number| number < MOST_SETS)?;
        sets.numbers.insert(Rc::clone(&places), number);
        sets.by_number.push(places);
        Some(number)
    }
}
