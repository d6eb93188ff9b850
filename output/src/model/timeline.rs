//! The times of samples, for encoders that ask for them. Without such an encoder, a profile has none.

/// Times in the order in which they were added, in microseconds. They are stored as differences of few bytes.
///
/// The lowest bit of a difference is its sign. Each byte has seven bits: three bytes reach one second, four reach 134
/// seconds. A time may be before the last one, because equal samples may come together out of order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    bytes: Vec<u8>,
    last: u64,
}

impl Times {
    /// Adds a time in microseconds.
    pub fn push(&mut self, time: u64) {
        let difference = time.wrapping_sub(self.last) as i64;
        let mut rest = ((difference << 1) ^ (difference >> 63)) as u64;
        while rest > 0x7f {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        self.last = time;
    }

    /// Adds all times of another row.
    pub fn append(&mut self, other: &Self) {
        other.iter().for_each(|time| self.push(time));
    }

    /// All times.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let (mut rest, mut last) = (self.bytes.as_slice(), 0_u64);
        std::iter::from_fn(move || {
            let number = number(&mut rest)?;
            last = last.wrapping_add((number >> 1) ^ (number & 1).wrapping_neg());
            Some(last)
        })
    }

    /// The number of times.
    pub fn len(&self) -> usize {
        self.bytes.iter().filter(|byte| **byte < 0x80).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes that they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Removes a number from the front.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    Some(number)
}

/// The times of one sample of a profile: a row for each event that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleTimes(Vec<(u16, Times)>);

impl SampleTimes {
    /// The times of an event. `event` is its index in [`Facts::events`](super::facts::Facts::events).
    pub fn of_event(event: u16, times: Times) -> Self {
        Self(vec![(event, times)])
    }

    /// The rows, each with its event.
    pub fn rows(&self) -> &[(u16, Times)] {
        &self.0
    }

    /// Adds the times of an equal sample.
    pub(super) fn append(&mut self, other: &Self) {
        for (event, times) in &other.0 {
            match self.0.iter_mut().find(|(known, _)| known == event) {
                Some((_, known)) => known.append(times),
                None => self.0.push((*event, times.clone())),
            }
        }
    }
}

/// The times of the samples of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Time 0: nanoseconds since 1970.
    pub begin: i64,
    /// The times of each of [`Profile::samples`](super::profile::Profile::samples), in their order.
    pub samples: Vec<SampleTimes>,
    /// The number of samples without a time. They were added up before user space saw them one by one, or there was no
    /// memory for their times.
    pub untimed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random::Dice;

    fn times(list: &[u64]) -> Times {
        let mut times = Times::default();
        list.iter().for_each(|time| times.push(*time));
        times
    }

    #[test]
    fn any_times_come_back_as_they_were() {
        let dice = &mut Dice::new(7);
        for round in 0..2_000 {
            let widest = 1 + dice.below(63);
            let one = |dice: &mut Dice| match dice.below(20) {
                0 => u64::MAX,
                1 => 0,
                _ => dice.below(1 << widest),
            };
            let list: Vec<u64> = (0..dice.below(50)).map(|_| one(dice)).collect();
            let half = dice.below(list.len() as u64 + 1) as usize;
            let mut joined = times(&list[..half]);
            joined.append(&times(&list[half..]));
            for kept in [&joined, &times(&list)] {
                assert_eq!(kept.iter().collect::<Vec<_>>(), list, "round {round}");
                assert_eq!((kept.len(), kept.is_empty()), (list.len(), list.is_empty()));
            }
            assert_eq!(joined, times(&list));
        }
    }

    /// An hour on 8 CPUs. Each sample has one of 400 stacks: a few are frequent, most are rare.
    #[test]
    fn a_sample_takes_four_bytes_at_the_most() {
        for hertz in [19, 49, 99, 499, 999] {
            let dice = &mut Dice::new(hertz);
            let mut stacks = vec![Times::default(); 400];
            let (tick, seconds) = (1_000_000 / hertz, 3_600.min(2_000_000 / (8 * hertz)));
            for at in 0..seconds * hertz {
                for _cpu in 0..8 {
                    let time = at * tick + dice.below(tick);
                    let rare = 1 + dice.below(400);
                    let stack = dice.below(rare) as usize;
                    stacks[stack].push(time);
                }
            }
            let samples: usize = stacks.iter().map(Times::len).sum();
            let bytes: usize = stacks.iter().map(Times::bytes).sum();
            assert_eq!(samples as u64, seconds * hertz * 8);
            let each = bytes as f64 / samples as f64;
            assert!(each <= 4.0, "{each} bytes a sample at {hertz} Hz");
        }
    }

    #[test]
    fn the_events_of_a_sample_keep_apart() {
        let mut sample = SampleTimes::of_event(0, times(&[1, 5]));
        sample.append(&SampleTimes::of_event(1, times(&[3])));
        sample.append(&SampleTimes::of_event(0, times(&[4])));
        assert_eq!(sample.rows(), [(0, times(&[1, 5, 4])), (1, times(&[3]))]);
    }
}
