//! From the model's samples to rows: stack, attributes and values, grouped by resource.

use super::attributes;
use super::dictionary::Dictionary;
use crate::model::lean::{Lean, Row};
use crate::model::profile::{Label, LabelValue, Marks};
use crate::protobuf;
use ahash::AHashMap;
use std::collections::hash_map::Entry;

/// The labels of a sample that belong to its resource: they say where the code ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) service_name: Option<&'a str>,
    pub(super) container_id: Option<&'a str>,
}

/// The samples of a resource.
pub(super) struct Group<'a> {
    pub(super) place: Place<'a>,
    /// For each sample, the row of its stack, and an index into [`Groups::attributes`].
    rows: Vec<(i32, usize)>,
    /// The values of all columns, row by row.
    values: Vec<i64>,
    columns: usize,
}

impl Group<'_> {
    /// The samples with a value in a column: the stack's row, the attributes' index, and the value.
    pub(super) fn column(&self, at: usize) -> impl Iterator<Item = (i32, usize, i64)> {
        let values = self.values.iter().skip(at).step_by(self.columns);
        let rows = self.rows.iter().zip(values).filter(|(_, value)| **value != 0);
        rows.map(|((stack, attributes), value)| (*stack, *attributes, *value))
    }

    fn push(&mut self, row: (i32, usize), values: &[i64]) -> usize {
        self.rows.push(row);
        self.values.extend_from_slice(values);
        self.rows.len() - 1
    }

    fn add(&mut self, row: usize, values: &[i64]) {
        for (sum, value) in self.values[row * self.columns..].iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }
}

/// A list of rows of the attribute table.
pub(super) struct List {
    /// The list, encoded as the field of a sample.
    pub(super) written: Vec<u8>,
}

/// All samples, by resource.
pub(super) struct Groups<'a> {
    pub(super) list: Vec<Group<'a>>,
    /// The lists of attributes.
    pub(super) attributes: Vec<List>,
}

/// The samples in groups. Groups are sorted by resource, and samples keep their order. `locations` has the row of each of the profile's
/// locations.
pub(super) fn groups<'a>(
    lean: &'a Lean,
    rows: &[u32],
    locations: &[i32],
    dictionary: &mut Dictionary,
) -> Groups<'a> {
    let mut identities = Identities::new(lean);
    let mut stacks = Stacks::new(lean, locations);
    let mut seen = AHashMap::with_capacity(rows.len());
    for at in rows {
        let (row, values) = (lean.row(*at), lean.values(*at));
        let (stack, guessed) = stacks.row(row.stack, dictionary);
        let identity = identities.of(row, guessed, dictionary);
        let (group, attributes) = identities.list[identity as usize];
        let group = &mut identities.groups.list[group];
        match seen.entry(u64::from(identity) << 32 | stack as u64) {
            Entry::Vacant(entry) => {
                entry.insert(group.push((stack, attributes), values));
            }
            Entry::Occupied(entry) => group.add(*entry.get(), values),
        }
    }
    let mut groups = identities.groups;
    groups.list.sort_by_key(|group| group.place);
    groups
}

/// A sample's set of labels, its number of guessed frames, and its marks: the origin of its resource and attributes.
type Origin = (u32, usize, Marks);

/// Interns the identities of samples: a group and attributes.
struct Identities<'a> {
    lean: &'a Lean,
    origins: AHashMap<Origin, u32>,
    /// The indices of the group and the attributes of each identity. Several origins may have the same identity.
    list: Vec<(usize, usize)>,
    numbers: AHashMap<(usize, usize), u32>,
    places: AHashMap<Place<'a>, usize>,
    lists: AHashMap<Vec<i32>, usize>,
    groups: Groups<'a>,
}

impl<'a> Identities<'a> {
    fn new(lean: &'a Lean) -> Self {
        Self {
            lean,
            origins: AHashMap::new(),
            list: Vec::new(),
            numbers: AHashMap::new(),
            places: AHashMap::new(),
            lists: AHashMap::new(),
            groups: Groups { list: Vec::new(), attributes: Vec::new() },
        }
    }

    /// The index of a sample's identity.
    fn of(&mut self, row: Row, guessed: usize, dictionary: &mut Dictionary) -> u32 {
        let origin = (row.set, guessed, row.marks);
        if let Some(known) = self.origins.get(&origin) {
            return *known;
        }
        let pair = self.pair(origin, dictionary);
        let number = *self.numbers.entry(pair).or_insert_with(|| {
            self.list.push(pair);
            self.list.len() as u32 - 1
        });
        self.origins.insert(origin, number);
        number
    }

    /// The indices of the group and the attributes.
    fn pair(&mut self, origin: Origin, dictionary: &mut Dictionary) -> (usize, usize) {
        let (set, guessed, marks) = origin;
        let (place, others) = place(&self.lean.sets()[set as usize]);
        let Groups { list: groups, attributes: lists } = &mut self.groups;
        let group = *self.places.entry(place).or_insert_with(|| {
            let columns = self.lean.tables.sample_types.len();
            groups.push(Group { place, rows: Vec::new(), values: Vec::new(), columns });
            groups.len() - 1
        });
        let own = attributes::of_labels(others.into_iter());
        let all = own
            .into_iter()
            .chain(attributes::quality(guessed as u64 + u64::from(marks.guessed_frames), marks));
        let list: Vec<i32> = all.map(|attribute| dictionary.attribute(&attribute)).collect();
        let list = *self.lists.entry(list).or_insert_with_key(|list| {
            lists.push(List::new(list));
            lists.len() - 1
        });
        (group, list)
    }
}

impl List {
    fn new(rows: &[i32]) -> Self {
        let (mut numbers, mut written) = (Vec::new(), Vec::new());
        rows.iter().for_each(|row| protobuf::put_varint(*row as u64, &mut numbers));
        protobuf::put_list(2, &numbers, &mut written);
        Self { written }
    }
}

/// The labels of the resource, and all others.
fn place(labels: &[Label]) -> (Place<'_>, Vec<&Label>) {
    let mut place = Place::default();
    let mut others = Vec::new();
    for label in labels {
        let slot = match label.key.as_str() {
            "service_name" => Some(&mut place.service_name),
            "container_id" => Some(&mut place.container_id),
            _ => None,
        };
        match (slot, &label.value) {
            (Some(slot @ None), LabelValue::Text(text)) if !text.is_empty() => *slot = Some(text),
            _ => others.push(label),
        }
    }
    (place, others)
}

/// Makes the rows of stacks.
struct Stacks<'a> {
    lean: &'a Lean,
    /// The row of each of the profile's locations.
    locations: &'a [i32],
    /// For each stack, its row and the number of guessed frames.
    known: Vec<Option<(i32, usize)>>,
    numbers: Vec<u8>,
}

impl<'a> Stacks<'a> {
    fn new(lean: &'a Lean, locations: &'a [i32]) -> Self {
        Self { lean, locations, known: vec![None; lean.stacks()], numbers: Vec::new() }
    }

    fn row(&mut self, stack: u32, dictionary: &mut Dictionary) -> (i32, usize) {
        if let Some(known) = self.known[stack as usize] {
            return known;
        }
        self.numbers.clear();
        for frame in self.lean.stack(stack) {
            let location = self.locations[frame.location.0 as usize];
            protobuf::put_varint(location as u64, &mut self.numbers);
        }
        let row = (dictionary.stack(&self.numbers), self.lean.guessed(stack));
        self.known[stack as usize] = Some(row);
        row
    }
}
