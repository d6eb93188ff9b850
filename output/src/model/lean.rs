//! A profile in which equal stacks and equal sets of labels are stored once. The bodies of requests are made from it.
//!
//! A recording has far more samples than sets of labels, and several samples for each stack. So the work for a stack or a set is done once. A
//! sample is three numbers and its values, without an allocation of its own.

mod build;
#[cfg(test)]
mod tests;

use crate::model::profile::{FrameRef, Label, LocationId, Marks, Profile, Sample, Trust};
use crate::model::subset::Subset;
use std::collections::BTreeMap;
use std::ops::Range;

/// A profile's samples, by index, on top of its tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lean {
    /// The profile without its samples.
    pub tables: Profile,
    /// The frames of all stacks, one after the other.
    frames: Vec<FrameRef>,
    /// The range of each stack in `frames`. Stacks are sorted, and all differ until they are cut.
    stacks: Vec<Range<usize>>,
    /// The sets of labels, sorted and all different.
    sets: Vec<Vec<Label>>,
    /// The samples, sorted by stack, then by set, then by marks.
    rows: Vec<Row>,
    /// The values of all columns, row by row.
    values: Vec<i64>,
}

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The index of its stack.
    pub stack: u32,
    /// The index of its set of labels.
    pub set: u32,
    /// The marks of a defective stack.
    pub marks: Marks,
}

impl Lean {
    /// The indices of all samples.
    pub fn all(&self) -> Vec<u32> {
        (0..).take(self.rows.len()).collect()
    }

    /// The number of samples.
    pub fn sample_count(&self) -> usize {
        self.rows.len()
    }

    /// A sample.
    pub fn row(&self, at: u32) -> Row {
        self.rows[at as usize]
    }

    /// The values of a sample, one for each column.
    pub fn values(&self, at: u32) -> &[i64] {
        let columns = self.tables.sample_types.len();
        &self.values[at as usize * columns..][..columns]
    }

    /// The values of all samples.
    pub fn all_values(&self) -> &[i64] {
        &self.values
    }

    /// The number of stacks.
    pub fn stacks(&self) -> usize {
        self.stacks.len()
    }

    /// A stack's frames.
    pub fn stack(&self, stack: u32) -> &[FrameRef] {
        &self.frames[self.stacks[stack as usize].clone()]
    }

    /// The number of guessed frames of a stack.
    pub fn guessed(&self, stack: u32) -> usize {
        self.stack(stack).iter().filter(|frame| frame.trust == Trust::Guessed).count()
    }

    /// The sets of labels.
    pub fn sets(&self) -> &[Vec<Label>] {
        &self.sets
    }

    /// Adds the rows of tables that some samples need to a subset.
    pub(crate) fn need(&self, rows: &[u32], subset: &mut Subset<'_>) {
        let mut last = None;
        for row in rows {
            let stack = self.row(*row).stack;
            if last != Some(stack) {
                subset.need(self.stack(stack));
                last = Some(stack);
            }
        }
        subset.settle();
    }

    /// Some samples as a profile of their own, with only the rows of the tables that they need.
    pub fn profile(&self, rows: &[u32]) -> Profile {
        let mut subset = Subset::new(&self.tables);
        self.need(rows, &mut subset);
        let place = |frame: &FrameRef| {
            let location = LocationId(subset.locations.place(frame.location.0));
            FrameRef { location, ..*frame }
        };
        let sample = |at: &u32| {
            let row = self.row(*at);
            Sample {
                frames: self.stack(row.stack).iter().map(place).collect(),
                values: self.values(*at).to_vec(),
                labels: self.sets[row.set as usize].clone(),
                marks: row.marks,
            }
        };
        Profile { samples: rows.iter().map(sample).collect(), ..subset.tables() }
    }

    /// Some samples, grouped by their set of labels, in the order of the sets.
    pub fn by_set(&self, rows: &[u32]) -> Vec<Vec<u32>> {
        let set = |row: &u32| self.row(*row).set;
        if rows.len() < self.sets.len() {
            let mut rows = rows.to_vec();
            rows.sort_by_key(set);
            return rows.chunk_by(|a, b| set(a) == set(b)).map(<[u32]>::to_vec).collect();
        }
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); self.sets.len()];
        rows.iter().for_each(|row| groups[set(row) as usize].push(*row));
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// Changes the sets of labels. They are sorted again, and equal ones are merged. Samples keep their indices.
    pub fn change_sets(&mut self, change: impl FnMut(&mut Vec<Label>)) {
        let mut sets = std::mem::take(&mut self.sets);
        sets.iter_mut().for_each(change);
        let mut sorted: BTreeMap<Vec<Label>, Vec<usize>> = BTreeMap::new();
        for (old, set) in sets.into_iter().enumerate() {
            sorted.entry(set).or_default().push(old);
        }
        let mut places = vec![0; sorted.values().map(Vec::len).sum()];
        for (new, olds) in (0..).zip(sorted.values()) {
            olds.iter().for_each(|old| places[*old] = new);
        }
        self.sets = sorted.into_keys().collect();
        self.rows.iter_mut().for_each(|row| row.set = places[row.set as usize]);
    }

    /// Cuts stacks at the root end and marks their samples. Returns the number of these samples.
    pub fn cut(&mut self, frames: usize) -> usize {
        let is_cut: Vec<bool> = self.stacks.iter().map(|stack| stack.len() > frames).collect();
        self.stacks.iter_mut().for_each(|stack| stack.end = stack.end.min(stack.start + frames));
        let mut cut = 0;
        for row in self.rows.iter_mut().filter(|row| is_cut[row.stack as usize]) {
            row.marks.truncated = true;
            cut += 1;
        }
        cut
    }
}
