//! The value columns of a profile, made from the list of events.

use crate::record::counts::{Count, StackCounts};
use bpf::{Event, Rate};
use output::{Profile, ValueType};

/// The columns: the samples of one event, then the values of each event.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// The event that is shown, and whose samples have a column: the first one that has samples, because a graph
    /// without samples would be empty.
    shown: usize,
    /// The shown event's rate.
    rate: Rate,
    events: Vec<Column>,
}

/// The values of an event.
#[derive(Clone, Debug)]
struct Column {
    what: ValueType,
    /// The value of one unit of weight.
    scale: f64,
}

impl Columns {
    /// Makes the columns of these events from their counts. `accounted` is the kernel's account of CPU time in
    /// nanoseconds.
    pub(crate) fn of(events: &[Event], counts: &StackCounts, accounted: Option<u64>) -> Self {
        let scale = |at, event| counts.of_event(at).scale(event, accounted);
        let column = |(at, event)| Column { what: what(event), scale: scale(at, event) };
        let shown = (0..events.len()).find(|at| counts.of_event(*at).samples > 0).unwrap_or(0);
        let rate = events.get(shown).map_or(Rate::Every(1), |event| event.rate);
        Self { shown, rate, events: events.iter().enumerate().map(column).collect() }
    }

    /// Adds the columns to a profile. The rate of the shown event is the period.
    pub(crate) fn head(&self, head: Profile) -> Profile {
        let samples = value_type("samples", "count");
        let types = self.events.iter().map(|column| column.what.clone());
        let shown = self.events.get(self.shown).map_or(&samples, |column| &column.what);
        Profile {
            period_type: shown.clone(),
            period: match self.rate {
                Rate::Hertz(hertz) => 1_000_000_000 / i64::from(hertz.max(1)),
                Rate::Every(count) => i64::try_from(count).unwrap_or(i64::MAX),
            },
            default_sample_type: if self.events.is_empty() { 0 } else { 1 + self.shown },
            sample_types: [samples.clone()].into_iter().chain(types).collect(),
            ..head
        }
    }

    /// A row: the values of a count of this event.
    pub(crate) fn values(&self, event: u16, count: &Count) -> Vec<i64> {
        let event = usize::from(event);
        let samples = if event == self.shown { count.samples } else { 0 };
        let column = |(at, column): (usize, &Column)| match at == event {
            true => (count.weight as f64 * column.scale).round() as i64,
            false => 0,
        };
        let samples = i64::try_from(samples).unwrap_or(i64::MAX);
        [samples].into_iter().chain(self.events.iter().enumerate().map(column)).collect()
    }
}

/// The value that a sample of an event stands for: CPU time, or a count of the event.
fn what(event: &Event) -> ValueType {
    if event.samples_time() {
        value_type("cpu", "nanoseconds")
    } else {
        value_type(&event.name, event.unit.name())
    }
}

/// A value type that every backend accepts. Pyroscope and Parca accept only letters, digits and `_`.
fn value_type(kind: &str, unit: &str) -> ValueType {
    let kind = kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    ValueType { kind, unit: String::from(unit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpf::Unit;

    fn event(name: &str, unit: Unit, rate: Rate) -> Event {
        Event { name: String::from(name), unit, rate }
    }

    #[test]
    fn each_event_has_its_column_and_the_first_one_its_samples() {
        let clock = event("cpu-clock", Unit::Nanoseconds, Rate::Hertz(100));
        let faults = event("page-faults", Unit::Count, Rate::Every(50));
        let columns = Columns::of(&[clock.clone(), faults.clone()], &StackCounts::default(), None);
        let head = columns.head(Profile::default());
        let kinds: Vec<(&str, &str)> =
            head.sample_types.iter().map(|t| (t.kind.as_str(), t.unit.as_str())).collect();
        assert_eq!(kinds, [("samples", "count"), ("cpu", "nanoseconds"), ("page_faults", "count")]);
        assert_eq!((head.default_sample_type, head.period), (1, 10_000_000));
        let count = Count { samples: 3, weight: 150 };
        assert_eq!(columns.values(0, &count), [3, 150, 0]);
        assert_eq!(columns.values(1, &count), [0, 0, 150]);

        let head =
            Columns::of(&[faults, clock], &StackCounts::default(), None).head(Profile::default());
        assert_eq!((head.period_type.kind.as_str(), head.period), ("page_faults", 50));
    }

    #[test]
    fn an_event_without_samples_is_not_the_one_that_is_shown() {
        let clock = event("cpu-clock", Unit::Nanoseconds, Rate::Hertz(100));
        let faults = event("page-faults", Unit::Count, Rate::Every(50));
        let counted = [Count::default(), Count { samples: 3, weight: 150 }];
        let counts = StackCounts { events: counted.to_vec(), ..StackCounts::default() };
        let columns = Columns::of(&[clock, faults], &counts, None);
        let head = columns.head(Profile::default());
        assert_eq!((head.default_sample_type, head.period), (2, 50));
        assert_eq!(columns.values(1, &counted[1]), [3, 0, 150]);
    }

    #[test]
    fn cycles_of_the_timer_are_scaled_to_time_and_no_other_event_is() {
        let cycles = event("cycles", Unit::Cycles, Rate::Hertz(100));
        let faults = event("page-faults", Unit::Count, Rate::Every(1));
        let counted = [Count { samples: 10, weight: 1_000 }, Count { samples: 1, weight: 7 }];
        let counts = StackCounts { events: counted.to_vec(), ..StackCounts::default() };
        let columns = Columns::of(&[cycles, faults], &counts, Some(5_000));
        assert_eq!(columns.values(0, &counted[0]), [10, 5_000, 0]);
        assert_eq!(columns.values(1, &counted[1]), [0, 0, 7]);
    }
}
