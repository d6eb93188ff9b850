//! Names in memory: each is stored once, and all of them within a budget, because a profiled program may make its names as
//! long and as many as it likes.

use std::collections::HashSet;
use std::sync::Arc;

/// A name, a path: shared by all places that have it.
pub type Text = Arc<str>;

/// The most bytes of a name. What is longer is cut.
const LONGEST: usize = 4 << 10;
/// The most bytes of all names of one cut, and what each costs beside its text.
const MOST: usize = 64 << 20;
/// The most bytes that the names of one source take: a file, a process's map. So no program takes the names of all others.
const SHARE: usize = MOST / 4;
const COST: usize = 64;
/// The most texts of one source, with two that cost nothing: the mark of those that were cut, and the empty one.
pub(crate) const MOST_TEXTS: usize = SHARE / COST + 2;
/// The end of a text that was cut. Beyond the budget, it is all that is left.
const CUT: &str = "…";

/// The texts of one cut of a recording.
#[derive(Debug)]
pub struct Texts {
    known: HashSet<Text>,
    /// The bytes that are left of the budget.
    left: usize,
    /// The bytes that are left of the source's share.
    share: usize,
    /// The texts that were cut, each as often as it came.
    cut: u64,
}

impl Default for Texts {
    fn default() -> Self {
        Self { known: HashSet::new(), left: MOST, share: SHARE, cut: 0 }
    }
}

impl Texts {
    /// The text, stored once; cut where it is too long.
    pub fn keep(&mut self, text: &str) -> Text {
        if text.len() > LONGEST {
            self.cut += 1;
            let most = LONGEST - CUT.len();
            let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            let short = format!("{}{CUT}", &text[..end]);
            return self.stored(&short);
        }
        self.stored(text)
    }

    fn stored(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let cost = text.len() + COST;
        let text = if cost <= self.left.min(self.share) {
            self.left -= cost;
            self.share -= cost;
            text
        } else {
            self.cut += 1;
            CUT
        };
        let text = Text::from(text);
        // The mark itself is stored beyond the budget, once.
        self.known.replace(Arc::clone(&text)).unwrap_or(text)
    }

    /// Begins another source, with a share of its own.
    pub(crate) fn begin_source(&mut self) {
        self.share = SHARE;
    }

    /// Forgets all texts, for a new cut, and returns how many were cut.
    pub(crate) fn begin_cut(&mut self) -> u64 {
        std::mem::take(self).cut
    }

    /// How many texts were cut.
    pub(crate) fn cut(&self) -> u64 {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let mut texts = Texts::default();
        let first = texts.keep("main");
        assert!(Arc::ptr_eq(&first, &texts.keep("main")) && &*texts.keep("other") == "other");
        assert_eq!(texts.cut(), 0);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut texts = Texts::default();
        let kept = texts.keep(&"ä".repeat(LONGEST));
        assert!(kept.len() <= LONGEST && kept.ends_with("ä…"), "{}", kept.len());
        assert_eq!((texts.cut(), texts.begin_cut(), texts.cut()), (1, 1, 0));
    }

    #[test]
    fn beyond_the_budget_only_the_mark_is_left() {
        let mut texts = Texts::default();
        let name = |number: usize| format!("{number:0>4000}");
        let kept: Vec<Text> = (0..100_000).map(|number| texts.keep(&name(number))).collect();
        let bytes: usize = texts.known.iter().map(|text| text.len() + COST).sum();
        assert!(bytes <= MOST + COST + CUT.len(), "{bytes}");
        let marks = kept.iter().filter(|text| ***text == *CUT).count();
        assert_eq!(marks as u64, texts.cut());
        assert!(marks > 80_000 && *kept[0] == *name(0), "{marks}");
        assert!(
            bytes <= SHARE + COST + CUT.len(),
            "one source takes no more than its share: {bytes}"
        );
        texts.begin_source();
        assert_eq!(*texts.keep("another's"), *"another's");
        assert_eq!(*texts.keep(&name(7)), *name(7), "what is known stays");
    }
}
