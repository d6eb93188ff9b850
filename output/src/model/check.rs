//! The consistency of a profile.

use crate::Error;
use crate::model::profile::Profile;

impl Profile {
    /// The requested value column, or the default one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no such column.
    pub fn column(&self, asked: Option<usize>) -> Result<usize, Error> {
        let column = asked.unwrap_or(self.default_sample_type);
        if column < self.sample_types.len() {
            Ok(column)
        } else {
            Err(Error::Invalid(format!("there is no value column {column}")))
        }
    }

    /// Checks that every index is in its table, and that every sample has a value for each type. Encoders check first,
    /// so that they never write half of an inconsistent profile.
    /// write half of an inconsistent profile.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the first defect.
    pub fn check(&self) -> Result<(), Error> {
        self.check_tables()?;
        if let Some(timeline) = &self.timeline
            && timeline.samples.len() != self.samples.len()
        {
            let (times, samples) = (timeline.samples.len(), self.samples.len());
            return Err(Error::Invalid(format!("{times} samples have times, of {samples}")));
        }
        for (row, sample) in self.samples.iter().enumerate() {
            if sample.values.len() != self.sample_types.len() {
                return Err(Error::Invalid(format!(
                    "sample {row} has {} values",
                    sample.values.len()
                )));
            }
            // One comparison for each sample, because millions of frames are checked before each encoding.
            if let Some(largest) = sample.frames.iter().map(|frame| frame.location.0).max() {
                within("a sample's location", row, largest, self.locations.len())?;
            }
        }
        Ok(())
    }

    /// Checks everything but the samples, as [`Profile::check`] does.
    pub(crate) fn check_tables(&self) -> Result<(), Error> {
        if self.sample_types.is_empty() || self.default_sample_type >= self.sample_types.len() {
            return Err(Error::Invalid("no sample type to show by default".into()));
        }
        for (row, location) in self.locations.iter().enumerate() {
            if let Some(mapping) = location.mapping {
                within("a location's mapping", row, mapping.0, self.mappings.len())?;
            }
            for line in &location.lines {
                within("a location's function", row, line.function.0, self.functions.len())?;
            }
        }
        Ok(())
    }
}

fn within(what: &str, row: usize, index: u32, len: usize) -> Result<(), Error> {
    if (index as usize) < len {
        return Ok(());
    }
    Err(Error::Invalid(format!("{what} of row {row} is {index}, of {len}")))
}

#[cfg(test)]
mod tests {
    use crate::model::profile::{
        FrameKind, FrameRef, FunctionId, Line, Location, LocationId, MappingId, Marks, Profile,
        Sample, Trust, ValueType,
    };
    use crate::model::timeline::Timeline;

    fn whole() -> Profile {
        let location =
            Location { mapping: None, address: 1, lines: Vec::new(), kind: FrameKind::Unknown };
        let frames = vec![FrameRef { location: LocationId(0), trust: Trust::Sure }];
        Profile {
            sample_types: vec![ValueType { kind: "samples".into(), unit: "count".into() }],
            locations: vec![location],
            samples: vec![Sample {
                frames,
                values: vec![1],
                labels: Vec::new(),
                marks: Marks::default(),
            }],
            ..Profile::default()
        }
    }

    #[test]
    fn every_index_is_checked() {
        whole().check().unwrap();
        let spoil: [fn(&mut Profile); 7] = [
            |p| p.timeline = Some(Timeline::default()),
            |p| p.sample_types.clear(),
            |p| p.default_sample_type = 1,
            |p| p.locations[0].mapping = Some(MappingId(0)),
            |p| p.locations[0].lines.push(Line { function: FunctionId(0), line: 1 }),
            |p| p.samples[0].values.clear(),
            |p| p.samples[0].frames[0].location = LocationId(1),
        ];
        for (at, spoil) in spoil.iter().enumerate() {
            let mut profile = whole();
            spoil(&mut profile);
            assert!(profile.check().is_err(), "{at}");
        }
    }
}
