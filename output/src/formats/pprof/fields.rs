//! The fields of a pprof message, and the limits for reading them.

use super::wire::field;
use crate::Error;

/// The largest sample, location or string, in bytes.
const LARGEST_PART: usize = 8 << 20;

pub(super) fn malformed<T>(what: impl Into<String>) -> Result<T, Error> {
    Err(Error::Malformed(what.into()))
}

/// The rest of the allowed memory.
pub(super) struct Meter {
    left: u64,
    limit: u64,
}

impl Meter {
    /// A meter with this many bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// Takes the memory of `count` values of `T`.
    pub(super) fn take<T>(&mut self, count: usize) -> Result<(), Error> {
        let bytes = (count as u64).saturating_mul(size_of::<T>() as u64);
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Error::TooLarge(format!(
                "its profile would take more than {} bytes of memory",
                self.limit
            ))
        })?;
        Ok(())
    }
}

/// The fields of `Profile`. The rows of tables are still encoded.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) sample_types: Vec<&'a [u8]>,
    pub(super) samples: Vec<&'a [u8]>,
    pub(super) mappings: Vec<&'a [u8]>,
    pub(super) locations: Vec<&'a [u8]>,
    pub(super) functions: Vec<&'a [u8]>,
    pub(super) strings: Vec<&'a [u8]>,
    pub(super) period_type: &'a [u8],
    pub(super) comments: Vec<i64>,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    pub(super) period: i64,
    pub(super) default_sample_type: i64,
}

impl<'a> Parts<'a> {
    pub(super) fn split(mut bytes: &'a [u8], meter: &mut Meter) -> Result<Self, Error> {
        let mut parts = Self::default();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let number = u32::try_from(key >> 3).unwrap_or(0);
            match key & 7 {
                _ if number == 0 => return malformed("it is not made of protocol buffer fields"),
                0 => parts.number(number, varint(&mut bytes)? as i64),
                1 => drop(part(&mut bytes, 8)?),
                2 => {
                    let len = varint(&mut bytes)?;
                    let row = part(&mut bytes, len)?;
                    parts.row(number, row, meter)?;
                }
                5 => drop(part(&mut bytes, 4)?),
                _ => return malformed("it is not made of protocol buffer fields"),
            }
        }
        Ok(parts)
    }

    fn number(&mut self, field: u32, value: i64) {
        match field {
            field::TIME_NANOS => self.time_nanos = value,
            field::DURATION_NANOS => self.duration_nanos = value,
            field::PERIOD => self.period = value,
            field::COMMENT => self.comments.push(value),
            field::DEFAULT_SAMPLE_TYPE => self.default_sample_type = value,
            _ => (),
        }
    }

    fn row(&mut self, field: u32, mut row: &'a [u8], meter: &mut Meter) -> Result<(), Error> {
        let table = match field {
            field::SAMPLE_TYPE => &mut self.sample_types,
            field::SAMPLE => &mut self.samples,
            field::MAPPING => &mut self.mappings,
            field::LOCATION => &mut self.locations,
            field::FUNCTION => &mut self.functions,
            field::STRING => &mut self.strings,
            field::PERIOD_TYPE => {
                self.period_type = row;
                return Ok(());
            }
            field::COMMENT => {
                while !row.is_empty() {
                    meter.take::<i64>(1)?;
                    self.comments.push(varint(&mut row)? as i64);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if row.len() > LARGEST_PART {
            return Err(Error::TooLarge(format!("one of its entries has {} bytes", row.len())));
        }
        meter.take::<&[u8]>(1)?;
        table.push(row);
        Ok(())
    }
}

fn part<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8], Error> {
    let Some((part, rest)) = usize::try_from(len).ok().and_then(|len| bytes.split_at_checked(len))
    else {
        return malformed("it ends in the middle");
    };
    *bytes = rest;
    Ok(part)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Error> {
    let mut value = 0u64;
    for at in 0..10 {
        let Some((byte, rest)) = bytes.split_first() else {
            return malformed("it ends in the middle");
        };
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    malformed("it is not made of protocol buffer fields")
}
