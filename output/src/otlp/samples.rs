//! From the model's samples to rows: a stack, attributes and values, by the resource that they belong to.

use super::attributes;
use super::dictionary::Dictionary;
use super::tables::counts;
use super::wire;
use crate::profile::{FrameRef, Label, LabelValue, Marks, Profile, Sample, Trust};
use std::collections::hash_map::{Entry, HashMap};

/// What of a sample's labels is its resource's: where the code ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) service_name: Option<&'a str>,
    pub(super) container_id: Option<&'a str>,
}

/// A resource's samples.
pub(super) struct Group<'a> {
    pub(super) place: Place<'a>,
    /// A stack's row, and an index into [`Groups::attributes`].
    rows: Vec<(i32, usize)>,
    /// A value per column, row by row.
    values: Vec<i64>,
    columns: usize,
}

impl Group<'_> {
    /// What has a value in a column: the stack's row, the attributes' index, and the value.
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

/// All samples, by resource.
pub(super) struct Groups<'a> {
    pub(super) list: Vec<Group<'a>>,
    /// Lists of rows of the attribute table.
    pub(super) attributes: Vec<Vec<i32>>,
}

/// The rows of all samples that have a value, in the profile's order; groups in their places' order. `locations`:
/// rows by the profile's indices.
pub(super) fn groups<'a>(
    profile: &'a Profile,
    locations: &[i32],
    dictionary: &mut Dictionary,
) -> Groups<'a> {
    let mut identities = Identities::new(profile.sample_types.len());
    let mut stacks = Stacks { locations, last: &[], row: 0, message: wire::Stack::default() };
    let mut seen = HashMap::with_capacity(profile.samples.len());
    for sample in profile.samples.iter().filter(|sample| counts(sample)) {
        let identity = identities.of(sample, dictionary);
        let (group, attributes) = identities.list[identity as usize];
        let stack = stacks.row(&sample.frames, dictionary);
        let group = &mut identities.groups.list[group];
        match seen.entry(u64::from(identity) << 32 | stack as u64) {
            Entry::Vacant(entry) => {
                entry.insert(group.push((stack, attributes), &sample.values));
            }
            Entry::Occupied(entry) => group.add(*entry.get(), &sample.values),
        }
    }
    let mut groups = identities.groups;
    groups.list.sort_by_key(|group| group.place);
    groups
}

/// A sample's labels and what spoils it: all that its resource and its attributes are made from.
type Origin<'a> = (&'a [Label], usize, Marks);

/// Interns what samples are told apart by.
struct Identities<'a> {
    origins: HashMap<Origin<'a>, u32>,
    /// Groups' and attributes' indices: an identity each. Several origins may be one.
    list: Vec<(usize, usize)>,
    numbers: HashMap<(usize, usize), u32>,
    places: HashMap<Place<'a>, usize>,
    lists: HashMap<Vec<i32>, usize>,
    groups: Groups<'a>,
    columns: usize,
}

impl<'a> Identities<'a> {
    fn new(columns: usize) -> Self {
        Self {
            origins: HashMap::new(),
            list: Vec::new(),
            numbers: HashMap::new(),
            places: HashMap::new(),
            lists: HashMap::new(),
            groups: Groups { list: Vec::new(), attributes: Vec::new() },
            columns,
        }
    }

    /// The index of the sample's identity.
    fn of(&mut self, sample: &'a Sample, dictionary: &mut Dictionary) -> u32 {
        let guessed = sample.frames.iter().filter(|frame| frame.trust == Trust::Guessed).count();
        let origin = (sample.labels.as_slice(), guessed, sample.marks);
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

    /// The group's index, and that of the attributes.
    fn pair(&mut self, origin: Origin<'a>, dictionary: &mut Dictionary) -> (usize, usize) {
        let (labels, guessed, marks) = origin;
        let (place, others) = place(labels);
        let Groups { list: groups, attributes: lists } = &mut self.groups;
        let group = *self.places.entry(place).or_insert_with(|| {
            let columns = self.columns;
            groups.push(Group { place, rows: Vec::new(), values: Vec::new(), columns });
            groups.len() - 1
        });
        let own = attributes::of_labels(others.into_iter());
        let all = own.into_iter().chain(attributes::quality(guessed, marks));
        let list: Vec<i32> = all.map(|attribute| dictionary.attribute(&attribute)).collect();
        let list = *self.lists.entry(list).or_insert_with_key(|list| {
            lists.push(list.clone());
            lists.len() - 1
        });
        (group, list)
    }
}

/// The resource's part of the labels, and the others.
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

/// Makes stacks' rows.
struct Stacks<'a> {
    /// The locations' rows by the profile's indices.
    locations: &'a [i32],
    /// The frames of the sample before, and their row: samples are sorted by their frames.
    last: &'a [FrameRef],
    row: i32,
    message: wire::Stack,
}

impl<'a> Stacks<'a> {
    fn row(&mut self, frames: &'a [FrameRef], dictionary: &mut Dictionary) -> i32 {
        if self.last != frames {
            self.message.location_indices.clear();
            let rows = frames.iter().map(|frame| self.locations[frame.location.0 as usize]);
            self.message.location_indices.extend(rows);
            self.row = dictionary.stack(&self.message);
            self.last = frames;
        }
        self.row
    }
}
