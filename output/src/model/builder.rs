//! Builds profiles. Tables are interned, equal samples are merged, and the result does not depend on the order of
//! arrival.

#[cfg(test)]
mod tests;

use crate::model::profile::{
    FrameKind, Function, FunctionId, INTERPRETED, Line, Location, LocationId, Mapping, MappingId,
    Profile, Sample,
};
use crate::model::timeline::SampleTimes;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Builds a profile, interning its tables.
#[derive(Debug, Default)]
pub struct ProfileBuilder {
    profile: Profile,
    mappings: HashMap<Mapping, MappingId>,
    functions: HashMap<Function, FunctionId>,
    locations: HashMap<Location, LocationId>,
    /// Whether the samples are out of order.
    unsorted: bool,
}

impl ProfileBuilder {
    /// A builder with the types, times and comments of `head`, which has no tables and samples.
    pub fn new(head: Profile) -> Self {
        Self { profile: head, ..Self::default() }
    }

    /// The id of a mapping. It is valid until [`ProfileBuilder::finish`], which sorts the tables.
    pub fn mapping(&mut self, mapping: Mapping) -> MappingId {
        let list = &mut self.profile.mappings;
        *self.mappings.entry(mapping).or_insert_with_key(|m| {
            list.push(m.clone());
            MappingId(list.len() as u32 - 1)
        })
    }

    /// The id of a function. It is valid until [`ProfileBuilder::finish`], which sorts the tables.
    pub fn function(&mut self, function: Function) -> FunctionId {
        let list = &mut self.profile.functions;
        *self.functions.entry(function).or_insert_with_key(|f| {
            list.push(f.clone());
            FunctionId(list.len() as u32 - 1)
        })
    }

    /// The id of a location. It is valid until [`ProfileBuilder::finish`], which sorts the tables.
    pub fn location(&mut self, location: Location) -> LocationId {
        let list = &mut self.profile.locations;
        *self.locations.entry(location).or_insert_with_key(|l| {
            list.push(l.clone());
            LocationId(list.len() as u32 - 1)
        })
    }

    /// The id of an interpreter's frame, which has functions and lines, but no address. It is valid until
    /// [`ProfileBuilder::finish`].
    pub fn interpreted(&mut self, lines: Vec<Line>) -> LocationId {
        let mapping =
            Some(self.mapping(Mapping { file: INTERPRETED.into(), ..Mapping::default() }));
        self.location(Location { mapping, address: 0, lines, kind: FrameKind::Interpreted })
    }

    /// Adds a sample. [`ProfileBuilder::finish`] merges samples with equal frames, labels and marks.
    pub fn sample(&mut self, sample: Sample) {
        self.timed(sample, SampleTimes::default());
    }

    /// Adds a sample with its times. The times are dropped if the head has no [`Profile::timeline`].
    pub fn timed(&mut self, sample: Sample, times: SampleTimes) {
        let Profile { samples, timeline, .. } = &mut self.profile;
        let timeline = timeline.as_mut().map(|timeline| &mut timeline.samples);
        // For samples that arrive in order, this is the only comparison.
        if let Some(last) = samples.last_mut() {
            match compare(last, &sample) {
                Ordering::Equal if merge(last, &sample) => {
                    if let Some(last) = timeline.and_then(|timeline| timeline.last_mut()) {
                        last.append(&times);
                    }
                    return;
                }
                order => self.unsorted |= order != Ordering::Less,
            }
        }
        samples.push(sample);
        if let Some(timeline) = timeline {
            timeline.push(times);
        }
    }

    /// The profile. The caller may still change figures that are only known now.
    ///
    /// The order of tables and samples depends only on their content, and equal samples are merged. So the same facts give the same bytes,
    /// in whatever order they arrived.
    pub fn finish(self) -> Profile {
        let mut profile = self.profile;
        let moved = sort_tables(&mut profile);
        if moved || self.unsorted {
            match &mut profile.timeline {
                Some(timeline) => merge_timed(&mut profile.samples, &mut timeline.samples),
                None => merge_samples(&mut profile.samples),
            }
        }
        profile
    }
}

/// The new place of each row of a table; `None` if all rows stay.
type Places = Option<Vec<u32>>;

/// Sorts a table.
fn sort_table<T>(table: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Places {
    if table.is_sorted_by(|a, b| compare(a, b) != Ordering::Greater) {
        return None;
    }
    let mut rows: Vec<(u32, T)> = (0u32..).zip(table.drain(..)).collect();
    rows.sort_by(|(_, a), (_, b)| compare(a, b));
    let mut places = vec![0; rows.len()];
    for (new, (old, row)) in (0u32..).zip(rows) {
        places[old as usize] = new;
        table.push(row);
    }
    Some(places)
}

/// The new place of an index. An index outside the table stays, so that [`Profile::check`] finds it.
fn place(places: &[u32], old: u32) -> u32 {
    places.get(old as usize).copied().unwrap_or(old)
}

/// Sorts the tables. Returns whether locations moved, which changes the order of samples.
fn sort_tables(profile: &mut Profile) -> bool {
    let mappings = sort_table(&mut profile.mappings, |a, b| {
        (&a.file, &a.build_id, a.start, a.end, a.offset).cmp(&(
            &b.file,
            &b.build_id,
            b.start,
            b.end,
            b.offset,
        ))
    });
    let functions = sort_table(&mut profile.functions, |a, b| {
        (&a.name, &a.system_name, &a.file, a.start_line).cmp(&(
            &b.name,
            &b.system_name,
            &b.file,
            b.start_line,
        ))
    });
    if let Some(mappings) = mappings {
        for mapping in profile.locations.iter_mut().filter_map(|l| l.mapping.as_mut()) {
            mapping.0 = place(&mappings, mapping.0);
        }
    }
    if let Some(functions) = functions {
        for line in profile.locations.iter_mut().flat_map(|location| &mut location.lines) {
            line.function.0 = place(&functions, line.function.0);
        }
    }
    let Some(locations) = sort_table(&mut profile.locations, Ord::cmp) else { return false };
    for frame in profile.samples.iter_mut().flat_map(|sample| &mut sample.frames) {
        frame.location.0 = place(&locations, frame.location.0);
    }
    true
}

fn merge_samples(samples: &mut Vec<Sample>) {
    samples.sort_by(compare);
    samples.dedup_by(|later, kept| compare(kept, later) == Ordering::Equal && merge(kept, later));
}

/// Merges samples as [`merge_samples`] does, with the times of each sample.
fn merge_timed(samples: &mut Vec<Sample>, times: &mut Vec<SampleTimes>) {
    let mut rows: Vec<_> = samples.drain(..).zip(times.drain(..)).collect();
    rows.sort_by(|(a, _), (b, _)| compare(a, b));
    rows.dedup_by(|(later, later_times), (kept, kept_times)| {
        let one = compare(kept, later) == Ordering::Equal && merge(kept, later);
        if one {
            kept_times.append(later_times);
        }
        one
    });
    (*samples, *times) = rows.into_iter().unzip();
}

fn compare(a: &Sample, b: &Sample) -> Ordering {
    (&a.frames, &a.labels, a.marks).cmp(&(&b.frames, &b.labels, b.marks))
}

/// Adds the values of an equal sample. Returns whether it has the same number of values.
fn merge(kept: &mut Sample, later: &Sample) -> bool {
    let fits = kept.values.len() == later.values.len();
    if fits {
        for (sum, value) in kept.values.iter_mut().zip(&later.values) {
            *sum = sum.saturating_add(*value);
        }
    }
    fits
}
