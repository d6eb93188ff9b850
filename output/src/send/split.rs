//! A profile in parts that are small enough.

mod cost;
#[cfg(test)]
mod tests;

use super::series::by_labels;
use crate::subset::Subset;
use crate::{Error, Profile};
use cost::Meter;

/// How large a part may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Samples at most.
    pub(super) samples: usize,
    /// Bytes at most, as pprof, not compressed.
    pub(super) bytes: usize,
}

/// Bytes that all parts of a profile may have together, as pprof: as many as a file is read of.
const ROOM: usize = 512 << 20;

/// What is left for the parts of a profile, which stand in memory at the same time. Each has what its samples share
/// with those of others, too: a small file can be made of which every sample needs a part of the largest size.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    /// All of it.
    pub(super) fn new() -> Self {
        Self(ROOM)
    }

    /// Takes some of it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where there is not so much.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| {
            Error::TooLarge(format!("its parts for the backend would take more than {ROOM} bytes"))
        })?;
        Ok(())
    }
}

/// The profile in parts under the limits; the parts' samples are the whole's, by their labels. Each part has only
/// the rows that it needs; a profile that fits comes back as it is.
///
/// What is far below the limits is not measured further. Nothing is encoded here: sizes are an upper bound, summed up
/// from what each sample adds to its part. Samples that share most of their stacks stand together, and so do their
/// tables.
///
/// The profile must hold together, as [`Profile::check`] tells.
///
/// # Errors
/// [`Error::TooLarge`] where a single sample is over the limit, or there is no room for all parts.
pub(super) fn split(
    mut profile: Profile,
    limits: Limits,
    room: &mut Room,
) -> Result<Vec<Profile>, Error> {
    let rough = cost::rough(&profile);
    if profile.samples.len() <= limits.samples && rough <= limits.bytes {
        room.take(rough)?;
        return Ok(vec![profile]);
    }
    // Samples with the same labels are of one program, mostly, and share their tables.
    profile.samples = by_labels(profile.samples).into_iter().flatten().collect();
    let mut meter = Meter::new(&profile);
    let lengths = lengths(&mut meter, profile.samples.len(), limits, room)?;
    if lengths.len() == 1 && meter.needs_all() {
        return Ok(vec![profile]);
    }
    let mut samples = std::mem::take(&mut profile.samples).into_iter();
    let mut subset = Subset::new(&profile);
    Ok(lengths.iter().map(|len| subset.take(samples.by_ref().take(*len).collect())).collect())
}

/// How many samples each part has; one part without any where there are none.
fn lengths(
    meter: &mut Meter<'_>,
    samples: usize,
    limits: Limits,
    room: &mut Room,
) -> Result<Vec<usize>, Error> {
    let mut lengths = Vec::new();
    let (mut len, mut bytes) = (0, meter.head());
    for at in 0..samples {
        let added = meter.add(at);
        if len > 0 && (len >= limits.samples || bytes + added > limits.bytes) {
            lengths.push(len);
            room.take(bytes)?;
            meter.next_part();
            (len, bytes) = (0, meter.head() + meter.add(at));
        } else {
            bytes += added;
        }
        len += 1;
        if len == 1 && bytes > limits.bytes {
            return Err(Error::TooLarge(format!(
                "one sample alone takes {bytes} bytes, and {} are allowed",
                limits.bytes
            )));
        }
    }
    lengths.push(len);
    room.take(bytes)?;
    Ok(lengths)
}
