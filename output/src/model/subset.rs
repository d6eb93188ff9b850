//! The rows of a profile's tables that some of its samples need.

use crate::model::profile::{FrameRef, FunctionId, MappingId, Profile};

/// A part of a profile's tables.
#[derive(Debug)]
pub(crate) struct Subset<'a> {
    /// The whole profile.
    pub(crate) of: &'a Profile,
    pub(crate) locations: Rows,
    pub(crate) functions: Rows,
    pub(crate) mappings: Rows,
}

impl<'a> Subset<'a> {
    /// An empty part of a consistent profile.
    pub(crate) fn new(of: &'a Profile) -> Self {
        Self {
            of,
            locations: Rows::new(of.locations.len()),
            functions: Rows::new(of.functions.len()),
            mappings: Rows::new(of.mappings.len()),
        }
    }

    /// The whole profile: every row is needed.
    pub(crate) fn whole(of: &'a Profile) -> Self {
        Self {
            of,
            locations: Rows::all_of(of.locations.len()),
            functions: Rows::all_of(of.functions.len()),
            mappings: Rows::all_of(of.mappings.len()),
        }
    }

    /// Adds the rows of a stack. Returns whether its frames are in the profile's tables.
    pub(crate) fn need(&mut self, frames: &[FrameRef]) -> bool {
        frames.iter().all(|frame| self.locations.need(frame.location.0))
    }

    /// The profile without its samples, with the needed rows only. The subset must be settled. Rows keep their order.
    pub(crate) fn tables(&self) -> Profile {
        let of = self.of;
        let mut part = head(of);
        part.mappings = self.mappings.rows(&of.mappings);
        part.functions = self.functions.rows(&of.functions);
        part.locations = self.locations.rows(&of.locations);
        for location in &mut part.locations {
            location.mapping =
                location.mapping.map(|mapping| MappingId(self.mappings.place(mapping.0)));
            for line in &mut location.lines {
                line.function = FunctionId(self.functions.place(line.function.0));
            }
        }
        part
    }

    /// Finds the rows that the stacks of [`Subset::need`] need, and the new places of these rows.
    pub(crate) fn settle(&mut self) {
        self.locations.settle();
        for &row in &self.locations.needed {
            let location = &self.of.locations[row as usize];
            if let Some(mapping) = location.mapping {
                self.mappings.need(mapping.0);
            }
            for line in &location.lines {
                self.functions.need(line.function.0);
            }
        }
        self.functions.settle();
        self.mappings.settle();
    }

    /// Begins again: no row is needed.
    pub(crate) fn clear(&mut self) {
        for rows in [&mut self.locations, &mut self.functions, &mut self.mappings] {
            rows.clear();
        }
    }
}

/// A profile without its tables, its samples and their times.
fn head(of: &Profile) -> Profile {
    Profile {
        sample_types: of.sample_types.clone(),
        default_sample_type: of.default_sample_type,
        period_type: of.period_type.clone(),
        period: of.period,
        time_nanos: of.time_nanos,
        duration_nanos: of.duration_nanos,
        facts: of.facts.clone(),
        summary: of.summary.clone(),
        comments: of.comments.clone(),
        service: of.service.clone(),
        program: of.program.clone(),
        ..Profile::default()
    }
}

/// The needed rows of a table, and their new places.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The new place of each needed row; [`UNNEEDED`] for all others.
    places: Vec<u32>,
    /// The needed rows. They are sorted once the subset is settled.
    pub(crate) needed: Vec<u32>,
}

const UNNEEDED: u32 = u32::MAX;

impl Rows {
    fn new(len: usize) -> Self {
        Self { places: vec![UNNEEDED; len], needed: Vec::new() }
    }

    /// All rows of a table.
    pub(crate) fn all_of(len: usize) -> Self {
        let rows = 0..u32::try_from(len).unwrap_or(UNNEEDED);
        Self { places: rows.clone().collect(), needed: rows.collect() }
    }

    /// Adds a row. Returns whether the table has such a row.
    fn need(&mut self, row: u32) -> bool {
        let Some(place) = self.places.get_mut(row as usize) else { return false };
        if *place == UNNEEDED {
            *place = 0;
            self.needed.push(row);
        }
        true
    }

    fn settle(&mut self) {
        if self.needed.len() > self.places.len() / 16 {
            // A pass over the table is faster than sorting.
            let rows = (0..).zip(&self.places).filter(|(_, place)| **place != UNNEEDED);
            self.needed = rows.map(|(row, _)| row).collect();
        } else {
            self.needed.sort_unstable();
        }
        for (place, row) in (0..).zip(&self.needed) {
            self.places[*row as usize] = place;
        }
    }

    /// Whether all rows are needed, so that all keep their places.
    pub(crate) fn all(&self) -> bool {
        self.needed.len() == self.places.len()
    }

    /// The new place of a needed row.
    pub(crate) fn place(&self, row: u32) -> u32 {
        self.places[row as usize]
    }

    /// The number of rows of the whole table.
    pub(crate) fn of(&self) -> usize {
        self.places.len()
    }

    fn rows<T: Clone>(&self, table: &[T]) -> Vec<T> {
        self.needed.iter().map(|row| table[*row as usize].clone()).collect()
    }

    /// Begins again, in a time proportional to the part, not to the table. So many parts take linear time.
    fn clear(&mut self) {
        for row in self.needed.drain(..) {
            self.places[row as usize] = UNNEEDED;
        }
    }
}
