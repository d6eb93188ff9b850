//! The texts of a profile's tables as numbers. Each text is hashed once, even if the profile is written in many parts.

use super::Strings;
use crate::model::lean::Lean;
use crate::model::profile::{Label, LabelValue, Profile, ValueType};

/// The texts of the rows of a profile's tables, as numbers of [`Strings`].
#[derive(Debug)]
pub(super) struct TextIds {
    /// Of each type, the kind and the unit.
    pub(super) types: Vec<[u32; 2]>,
    pub(super) period_type: [u32; 2],
    pub(super) comments: Vec<u32>,
    /// Of each function, the name, the system name and the file.
    pub(super) functions: Vec<[u32; 3]>,
    /// Of each mapping, the file and the build ID.
    pub(super) mappings: Vec<[u32; 2]>,
}

impl TextIds {
    /// The texts of a profile with these comments.
    pub(super) fn new<'a>(
        profile: &'a Profile,
        comments: &'a [String],
        strings: &mut Strings<'a>,
    ) -> Self {
        let kind = |t: &'a ValueType, strings: &mut Strings<'a>| {
            [&t.kind, &t.unit].map(|text| strings.id(text))
        };
        let types = profile.sample_types.iter().map(|t| kind(t, strings)).collect();
        let period_type = kind(&profile.period_type, strings);
        let comments = comments.iter().map(|text| strings.id(text)).collect();
        let functions = profile.functions.iter();
        let functions =
            functions.map(|f| [&f.name, &f.system_name, &f.file].map(|text| strings.id(text)));
        let functions = functions.collect();
        let mappings = profile.mappings.iter();
        let mappings = mappings.map(|m| [&m.file, &m.build_id].map(|text| strings.id(text)));
        let mappings = mappings.collect();
        Self { types, period_type, comments, functions, mappings }
    }
}

/// A label: its key, and its text or unit.
#[derive(Clone, Copy, Debug)]
pub struct LabelIds {
    /// The key's number.
    pub key: u32,
    /// The number of the value's text, or of its unit.
    pub text: u32,
    /// The value, if it is a number.
    pub number: Option<i64>,
}

impl LabelIds {
    pub(super) fn new<'a>(label: &'a Label, strings: &mut Strings<'a>) -> Self {
        let (text, number) = match &label.value {
            LabelValue::Text(text) => (text, None),
            LabelValue::Number(number, unit) => (unit, Some(*number)),
        };
        Self { key: strings.id(&label.key), text: strings.id(text), number }
    }
}

/// All texts of a lean profile.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    pub(super) strings: Strings<'a>,
    pub(super) ids: TextIds,
    /// The labels of each set.
    pub(super) labels: Vec<Vec<LabelIds>>,
}

impl<'a> Texts<'a> {
    /// The texts of a profile with these comments. `others` have the first numbers.
    pub(super) fn new(lean: &'a Lean, comments: &'a [String], others: &[&'static str]) -> Self {
        let mut strings = Strings::new(2 * lean.tables.functions.len());
        for text in others {
            strings.id(text);
        }
        let ids = TextIds::new(&lean.tables, comments, &mut strings);
        let labels = |set: &'a Vec<Label>| {
            set.iter().map(|label| LabelIds::new(label, &mut strings)).collect()
        };
        let labels = lean.sets().iter().map(labels).collect();
        Self { strings, ids, labels }
    }

    /// The texts by their numbers.
    pub(super) fn list(&self) -> &[&'a str] {
        self.strings.list()
    }
}

/// Numbers of texts in one string table, in the order of their use.
#[derive(Debug)]
pub(super) struct Order {
    /// For each number in [`Strings`], the number in the string table; 0 if it has none yet.
    numbers: Vec<u32>,
    /// For each number in the string table, the number in [`Strings`].
    used: Vec<u32>,
}

impl Order {
    pub(super) fn new(texts: usize) -> Self {
        Self { numbers: vec![0; texts], used: vec![0] }
    }

    /// The number of a text in the string table. The empty text has 0.
    pub(super) fn of(&mut self, text: u32) -> u64 {
        let at = text as usize;
        if at >= self.numbers.len() {
            self.numbers.resize(2 * at + 1, 0);
        }
        if self.numbers[at] == 0 && text != 0 {
            self.numbers[at] = self.used.len() as u32;
            self.used.push(text);
        }
        self.numbers[at].into()
    }

    /// The texts in the table's order.
    pub(super) fn used(&self) -> &[u32] {
        &self.used
    }

    /// Begins again, in a time proportional to the number of used texts.
    pub(super) fn clear(&mut self) {
        for text in self.used.drain(1..) {
            self.numbers[text as usize] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_numbered_in_the_order_of_their_use() {
        let mut order = Order::new(2);
        assert_eq!([0, 7, 1, 7, 0, 1, 5].map(|text| order.of(text)), [0, 1, 2, 1, 0, 2, 3]);
        assert_eq!(order.used(), [0, 7, 1, 5]);
        order.clear();
        assert_eq!([5, 0, 7].map(|text| order.of(text)), [1, 0, 2]);
        assert_eq!(order.used(), [0, 5, 7]);
    }
}
