//! What readers have derived from the memory of a process and need again for the next question about it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// The most things that are kept. The one that was not used for the longest time makes room for another.
const MOST: usize = 16;

/// What readers have derived from the memory of processes, by what tells a process and a file in it from all others.
#[derive(Default)]
pub struct Kept(RefCell<Vec<(Vec<u8>, Thing)>>);

type Thing = Arc<dyn Any + Send + Sync>;

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({})", self.0.borrow().len())
    }
}

impl Kept {
    /// The thing with this key, made now if there is none.
    pub fn get<T: Any + Send + Sync>(
        &self,
        key: Vec<u8>,
        make: impl FnOnce() -> Option<T>,
    ) -> Option<Arc<T>> {
        let at = self.0.borrow().iter().position(|(known, _)| *known == key);
        let found = at.map(|at| self.0.borrow_mut().remove(at).1);
        let known = found.and_then(|found| found.downcast().ok());
        let thing = known.or_else(|| make().map(Arc::new))?;
        let mut all = self.0.borrow_mut();
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push((key, thing.clone()));
        Some(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_made_once_and_the_oldest_makes_room() {
        let kept = Kept::default();
        let made = |key: usize, value: u32| *kept.get(vec![key as u8], || Some(value)).unwrap();
        assert_eq!((made(0, 1), made(0, 2)), (1, 1));
        assert!((1..MOST).all(|key| made(key, 3) == 3));
        assert_eq!(made(0, 4), 1, "it was used last");
        assert_eq!(made(MOST, 5), 5);
        assert_eq!((made(0, 6), made(1, 7)), (1, 7), "the second one is gone");
        assert_eq!(kept.0.borrow().len(), MOST);
        assert_eq!(kept.get::<u32>(vec![9, 9], || None), None);
        assert_eq!(kept.get(vec![9, 9], || Some(8)).as_deref(), Some(&8));
    }
}
