//! From the model's samples to rows: a stack, attributes and values, by the resource that they belong to.

use super::attributes;
use super::dictionary::Dictionary;
use super::tables::counts;
use super::wire;
use crate::profile::{Label, LabelValue, Marks, Profile, Sample, Trust};
use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};

/// What of a sample's labels is its resource's: where the code ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) service_name: Option<&'a str>,
    pub(super) container_id: Option<&'a str>,
}

/// A sample to be.
pub(super) struct Row {
    pub(super) stack: i32,
    /// Index into [`Rows::attributes`].
    pub(super) attributes: usize,
    /// A value per sample type.
    pub(super) values: Vec<i64>,
}

/// All samples, by resource.
pub(super) struct Rows<'a> {
    pub(super) places: BTreeMap<Place<'a>, Vec<Row>>,
    /// Lists of rows of the attribute table.
    pub(super) attributes: Vec<Vec<i32>>,
}

/// A sample's labels and what spoils it: all that its attributes and its resource are made from.
type Origin<'a> = (&'a [Label], usize, Marks);

/// Interns what samples are told apart by.
struct Identities<'a> {
    origins: HashMap<Origin<'a>, (Place<'a>, usize)>,
    lists: HashMap<Vec<i32>, usize>,
}

impl<'a> Identities<'a> {
    /// The resource, and the index of the attributes' list.
    fn of(
        &mut self,
        sample: &'a Sample,
        dictionary: &mut Dictionary,
        attributes: &mut Vec<Vec<i32>>,
    ) -> (Place<'a>, usize) {
        let guessed = sample.frames.iter().filter(|frame| frame.trust == Trust::Guessed).count();
        let origin = (sample.labels.as_slice(), guessed, sample.marks);
        if let Some(known) = self.origins.get(&origin) {
            return *known;
        }
        let (place, others) = place(&sample.labels);
        let own = attributes::of_labels(others.into_iter());
        let all = own.into_iter().chain(attributes::quality(guessed, sample.marks));
        let list: Vec<i32> = all.map(|attribute| dictionary.attribute(&attribute)).collect();
        let next = attributes.len();
        let index = *self.lists.entry(list).or_insert_with_key(|list| {
            attributes.push(list.clone());
            next
        });
        self.origins.insert(origin, (place, index));
        (place, index)
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

/// The rows of all samples that have a value, in the profile's order. `locations`: rows by the profile's indices.
pub(super) fn rows<'a>(
    profile: &'a Profile,
    locations: &[i32],
    dictionary: &mut Dictionary,
) -> Rows<'a> {
    let mut rows = Rows { places: BTreeMap::new(), attributes: Vec::new() };
    let mut identities = Identities { origins: HashMap::new(), lists: HashMap::new() };
    let mut seen = HashMap::new();
    let mut stack = wire::Stack::default();
    for sample in profile.samples.iter().filter(|sample| counts(sample)) {
        let (place, attributes) = identities.of(sample, dictionary, &mut rows.attributes);
        stack.location_indices.clear();
        let frames = sample.frames.iter().map(|frame| locations[frame.location.0 as usize]);
        stack.location_indices.extend(frames);
        let stack = dictionary.stack(&stack);
        let list = rows.places.entry(place).or_default();
        match seen.entry((place, attributes, stack)) {
            Entry::Vacant(entry) => {
                entry.insert(list.len());
                list.push(Row { stack, attributes, values: sample.values.clone() });
            }
            Entry::Occupied(entry) => {
                let row: &mut Row = &mut list[*entry.get()];
                for (sum, value) in row.values.iter_mut().zip(&sample.values) {
                    *sum = sum.saturating_add(*value);
                }
            }
        }
    }
    rows
}
