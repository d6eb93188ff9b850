//! From a profile to its lean form.

use super::{Lean, Row};
use crate::Error;
use crate::model::profile::{FrameRef, Label, LocationId, Profile, Sample};
use crate::model::subset::Subset;
use ahash::AHashMap;
use std::ops::Range;

impl Lean {
    /// The samples that have a value, with the labels that `goes_along` selects. Equal samples are merged, and unused rows of tables are left
    /// out.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the profile is inconsistent.
    pub fn new(profile: &Profile, goes_along: impl Fn(&Label) -> bool) -> Result<Self, Error> {
        profile.check_tables()?;
        let mut stacks = Stacks::default();
        let mut sets = Sets::default();
        let mut subset = Subset::new(profile);
        let (mut rows, mut origins) = (Vec::new(), Vec::new());
        for sample in &profile.samples {
            if sample.values.iter().all(|value| *value == 0) {
                continue;
            }
            let (stack, is_new) = stacks.id(&sample.frames);
            if sample.values.len() != profile.sample_types.len()
                || (is_new && !subset.need(&sample.frames))
            {
                profile.check()?;
            }
            let set = sets.id(sample.labels.iter().filter(|label| goes_along(label)));
            rows.push(Row { stack, set, marks: sample.marks });
            origins.push(sample);
        }
        subset.settle();
        stacks.renumber(&subset);
        stacks.sort(&mut rows);
        let sets = sets.sorted(&mut rows);
        let (rows, values) = merged(rows, &origins);
        let Stacks { frames, stacks, .. } = stacks;
        Ok(Self { tables: subset.tables(), frames, stacks, sets, rows, values })
    }
}

/// Interns stacks. Those of a recording arrive in order.
#[derive(Default)]
struct Stacks {
    frames: Vec<FrameRef>,
    stacks: Vec<Range<usize>>,
    unsorted: bool,
}

impl Stacks {
    /// The number of a stack, and whether it differs from the last one.
    fn id(&mut self, frames: &[FrameRef]) -> (u32, bool) {
        if let Some(last) = self.stacks.last() {
            let last = &self.frames[last.clone()];
            if last == frames {
                return (self.stacks.len() as u32 - 1, false);
            }
            self.unsorted |= last > frames;
        }
        let start = self.frames.len();
        self.frames.extend_from_slice(frames);
        self.stacks.push(start..self.frames.len());
        (self.stacks.len() as u32 - 1, true)
    }

    /// Gives the frames the new places of their locations. The order of locations stays.
    fn renumber(&mut self, subset: &Subset<'_>) {
        if !subset.locations.all() {
            for frame in &mut self.frames {
                frame.location = LocationId(subset.locations.place(frame.location.0));
            }
        }
    }

    /// Sorts the stacks, unless they are sorted, and merges equal ones.
    fn sort(&mut self, rows: &mut [Row]) {
        if !self.unsorted {
            return;
        }
        let mut order: Vec<u32> = (0..).take(self.stacks.len()).collect();
        let of = |id: u32| &self.frames[self.stacks[id as usize].clone()];
        order.sort_by(|a, b| of(*a).cmp(of(*b)));
        let mut places = vec![0; order.len()];
        let mut kept: Vec<u32> = Vec::new();
        for old in order {
            if kept.last().is_none_or(|last| of(*last) != of(old)) {
                kept.push(old);
            }
            places[old as usize] = kept.len() as u32 - 1;
        }
        self.stacks = kept.iter().map(|old| self.stacks[*old as usize].clone()).collect();
        rows.iter_mut().for_each(|row| row.stack = places[row.stack as usize]);
    }
}

/// Interns sets of labels.
#[derive(Default)]
struct Sets<'a> {
    ids: AHashMap<Vec<&'a Label>, u32>,
    set: Vec<&'a Label>,
}

impl<'a> Sets<'a> {
    fn id(&mut self, labels: impl Iterator<Item = &'a Label>) -> u32 {
        self.set.clear();
        self.set.extend(labels);
        if let Some(known) = self.ids.get(&self.set) {
            return *known;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(self.set.clone(), id);
        id
    }

    /// The sorted sets. The rows get their new numbers.
    fn sorted(self, rows: &mut [Row]) -> Vec<Vec<Label>> {
        let mut sets: Vec<(Vec<&Label>, u32)> = self.ids.into_iter().collect();
        sets.sort_unstable();
        let mut places = vec![0; sets.len()];
        (0..).zip(&sets).for_each(|(new, (_, old))| places[*old as usize] = new);
        rows.iter_mut().for_each(|row| row.set = places[row.set as usize]);
        sets.into_iter().map(|(set, _)| set.into_iter().cloned().collect()).collect()
    }
}

/// The sorted rows with equal ones merged, and their values. `origins` has the sample of each row.
fn merged(rows: Vec<Row>, origins: &[&Sample]) -> (Vec<Row>, Vec<i64>) {
    let mut order: Vec<(Row, u32)> = rows.into_iter().zip(0..).collect();
    if order.is_sorted_by_key(|(row, _)| row.stack) {
        // Sorting the few rows of each stack is faster than sorting all.
        order.chunk_by_mut(|(a, _), (b, _)| a.stack == b.stack).for_each(<[_]>::sort_unstable);
    } else {
        order.sort_unstable();
    }
    let (mut merged, mut values) = (Vec::new(), Vec::<i64>::new());
    for (row, origin) in order {
        let added = &origins[origin as usize].values;
        if merged.last() == Some(&row) {
            let start = values.len() - added.len();
            for (sum, value) in values[start..].iter_mut().zip(added) {
                *sum = sum.saturating_add(*value);
            }
        } else {
            merged.push(row);
            values.extend_from_slice(added);
        }
    }
    (merged, values)
}
