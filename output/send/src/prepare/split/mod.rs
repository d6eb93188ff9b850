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
    /// Samples at most.
    pub(crate) samples: usize,
    /// Bytes at most, as pprof, not compressed.
    pub(crate) bytes: usize,
}

/// Bytes that all parts of a profile may have together, as pprof: as many as a file is read of.
const ROOM: usize = 512 << 20;

/// What is left for the parts of a profile, which stand in memory at the same time. Each has what its samples share
/// with those of others, too: a small file can be made of which every sample needs a part of the largest size.
#[derive(Debug)]
pub(crate) struct Room(Option<usize>);

impl Room {
    /// All of it.
    pub(crate) fn new() -> Self {
        Self(Some(ROOM))
    }

    /// Takes some of it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where there is not so much, and ever after.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        self.0 = self.0.and_then(|left| left.checked_sub(bytes));
        let why = || format!("its parts for the backend would take more than {ROOM} bytes");
        self.0.map(drop).ok_or_else(|| Error::TooLarge(why()))
    }
}

/// Samples of the meter's profile in parts under the limits; the parts' samples are the whole's, by their labels. What
/// fits comes back as it is.
///
/// What is far below the limits is not measured further. Nothing is encoded here: sizes are an upper bound, summed up
/// from what each sample adds to its part. Samples that share most of their stacks stand together, and so do their
/// tables.
///
/// # Errors
/// [`Error::TooLarge`] where a single sample is over the limit, or there is no room for all parts.
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
    // Samples with the same labels are of one program, mostly, and share their tables.
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

/// How many samples each part has; one part without any where there are none.
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
