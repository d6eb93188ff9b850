//! A profile in parts that are small enough.

mod cost;
#[cfg(test)]
mod tests;

pub(crate) use cost::Meter;
use output::Error;
use output::lean::Lean;

/// The size limits of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The number of samples.
    pub(crate) samples: usize,
    /// The size in bytes, as pprof, not compressed.
    pub(crate) bytes: usize,
}

/// The size that all parts of a profile may have together, in bytes of pprof. It is as much as is read of a file.
const ROOM: usize = 512 << 20;

/// The memory left for the parts of a profile, which exist at the same time. Each part repeats the rows that its samples share with other
/// parts. So a small file can be made whose every sample needs a part of the largest size.
#[derive(Debug)]
pub(crate) struct Room(Option<usize>);

impl Room {
    /// All of the memory.
    pub(crate) fn new() -> Self {
        Self(Some(ROOM))
    }

    /// Takes some of the memory.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if not enough is left, and each time after that.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.0 = self.0.and_then(|left| left.checked_sub(bytes));
        let why = || format!("its parts for the backend would take more than {ROOM} bytes");
        self.0.map(drop).ok_or_else(|| Error::TooLarge(why()))
    }
}

/// Splits samples of the meter's profile into parts within the limits, sorted by their labels. Samples that fit into one part are returned
/// as they are.
///
/// Nothing is encoded here. The size of a part is an upper bound, the sum of what each sample adds to it. Samples far below the limits are
/// not measured. Samples that share most of their stacks are next to each other, so that they also share the rows of tables.
///
/// # Errors
/// [`Error::TooLarge`] if a single sample exceeds the limit, or if all parts together take too much memory.
pub(crate) fn split(
    meter: &mut Meter<'_>,
    rows: Vec<u32>,
    limits: Limits,
    room: &mut Room,
) -> Result<Vec<Vec<u32>>, Error> {
    let lean = meter.of();
    if rows.len() == lean.sample_count() && fits(lean, limits) {
        room.take(cost::rough(lean))?;
        return Ok(vec![rows]);
    }
    // Samples with the same labels are mostly of one program and share its rows of tables.
    let sorted: Vec<u32> = lean.by_set(&rows).concat();
    let lengths = lengths(meter, &sorted, limits, room)?;
    if lengths.len() == 1 {
        return Ok(vec![rows]);
    }
    let mut rest = sorted.as_slice();
    let mut part = |len: &usize| {
        let (part, others) = rest.split_at(*len);
        rest = others;
        part.to_vec()
    };
    Ok(lengths.iter().map(&mut part).collect())
}

/// Whether all samples are far below the limits.
pub(crate) fn fits(lean: &Lean, limits: Limits) -> bool {
    lean.sample_count() <= limits.samples && cost::rough(lean) <= limits.bytes
}

/// The number of samples of each part. Without samples, there is one empty part.
fn lengths(
    meter: &mut Meter<'_>,
    rows: &[u32],
    limits: Limits,
    room: &mut Room,
) -> Result<Vec<usize>, Error> {
    let mut lengths = Vec::new();
    meter.next_part();
    let (mut len, mut bytes) = (0, meter.head());
    for row in rows {
        let added = meter.add(*row);
        if len > 0 && (len >= limits.samples || bytes + added > limits.bytes) {
            lengths.push(len);
            room.take(bytes)?;
            meter.next_part();
            (len, bytes) = (0, meter.head() + meter.add(*row));
        } else {
            bytes += added;
        }
        len += 1;
        if len == 1 && bytes > limits.bytes {
            return Err(Error::TooLarge(format!(
                "one sample alone takes {bytes} bytes; {} are allowed",
                limits.bytes
            )));
        }
    }
    lengths.push(len);
    room.take(bytes)?;
    Ok(lengths)
}
