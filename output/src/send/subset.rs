//! Some samples of a profile, with only the rows of its tables that they need.

use crate::profile::{FunctionId, LocationId, MappingId, Profile, Sample};

/// Takes samples out of a profile, part by part.
pub(super) struct Subset<'a> {
    of: &'a Profile,
    locations: Rows,
    functions: Rows,
    mappings: Rows,
}

impl<'a> Subset<'a> {
    /// Of a profile that holds together.
    pub(super) fn new(of: &'a Profile) -> Self {
        Self {
            of,
            locations: Rows::new(of.locations.len()),
            functions: Rows::new(of.functions.len()),
            mappings: Rows::new(of.mappings.len()),
        }
    }

    /// The profile of these samples, whose frames lie in the whole profile's tables. Rows keep their order.
    pub(super) fn take(&mut self, mut samples: Vec<Sample>) -> Profile {
        let of = self.of;
        for frame in samples.iter().flat_map(|sample| &sample.frames) {
            self.locations.need(frame.location.0);
        }
        self.locations.settle();
        for &row in &self.locations.needed {
            let location = &of.locations[row as usize];
            location.mapping.iter().for_each(|mapping| self.mappings.need(mapping.0));
            location.lines.iter().for_each(|line| self.functions.need(line.function.0));
        }
        self.functions.settle();
        self.mappings.settle();
        for frame in samples.iter_mut().flat_map(|sample| &mut sample.frames) {
            frame.location = LocationId(self.locations.place(frame.location.0));
        }
        let mut part = head(of);
        part.samples = samples;
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
        for rows in [&mut self.locations, &mut self.functions, &mut self.mappings] {
            rows.clear();
        }
        part
    }
}

/// Everything but tables and samples.
fn head(of: &Profile) -> Profile {
    Profile {
        sample_types: of.sample_types.clone(),
        default_sample_type: of.default_sample_type,
        period_type: of.period_type.clone(),
        period: of.period,
        time_nanos: of.time_nanos,
        duration_nanos: of.duration_nanos,
        summary: of.summary.clone(),
        comments: of.comments.clone(),
        ..Profile::default()
    }
}

/// Which rows of a table are needed, and where they go.
struct Rows {
    /// A place for each needed row; [`UNNEEDED`] for all others.
    places: Vec<u32>,
    /// The needed rows, in order once they are settled.
    needed: Vec<u32>,
}

const UNNEEDED: u32 = u32::MAX;

impl Rows {
    fn new(len: usize) -> Self {
        Self { places: vec![UNNEEDED; len], needed: Vec::new() }
    }

    fn need(&mut self, row: u32) {
        let place = &mut self.places[row as usize];
        if *place == UNNEEDED {
            *place = 0;
            self.needed.push(row);
        }
    }

    fn settle(&mut self) {
        self.needed.sort_unstable();
        for (place, row) in (0..).zip(&self.needed) {
            self.places[*row as usize] = place;
        }
    }

    fn place(&self, row: u32) -> u32 {
        self.places[row as usize]
    }

    fn rows<T: Clone>(&self, table: &[T]) -> Vec<T> {
        self.needed.iter().map(|row| table[*row as usize].clone()).collect()
    }

    /// Costs what the part has, not what the table has: a profile of many parts stays linear.
    fn clear(&mut self) {
        for row in self.needed.drain(..) {
            self.places[row as usize] = UNNEEDED;
        }
    }
}
