//! Reading pprof of any producer.

use super::assemble;
use super::fields::{Meter, Parts, malformed};
use crate::{Error, Profile};
use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::io::Read;

/// What reading may take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after decompression.
    pub bytes: u64,
    /// Bytes of memory for the profile, about.
    pub memory: u64,
}

impl Default for Limits {
    /// 512 MiB of content, 1 GiB of memory.
    fn default() -> Self {
        Self { bytes: 512 << 20, memory: 1 << 30 }
    }
}

/// Reads a pprof file, compressed with gzip or not.
///
/// Sample types, labels, lines, mappings and comments are kept; `drop_frames` and `keep_frames` are ignored. The
/// profiled program is the first mapping's file, by the format's rule. Comments of ours become fields. What a frame is follows from its mapping's name (`[kernel]`,
/// `[kernel.kallsyms]`, …): code with a name and an address outside every mapping was made at run time.
/// Text that is not UTF-8 is read with replacement characters.
///
/// # Errors
/// [`Error::Malformed`] for anything but a whole pprof file, [`Error::TooLarge`] beyond the limits.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Profile, Error> {
    let plain = decompress(bytes, limits)?;
    let mut meter = Meter::new(limits.memory);
    let parts = Parts::split(&plain, &mut meter)?;
    assemble::profile(&parts, &mut meter)
}

fn decompress(bytes: &[u8], limits: Limits) -> Result<Cow<'_, [u8]>, Error> {
    let too_large = || Error::TooLarge(format!("more than {} bytes of content", limits.bytes));
    if bytes.is_empty() {
        return malformed("it is empty");
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return if bytes.len() as u64 > limits.bytes {
            Err(too_large())
        } else {
            Ok(Cow::Borrowed(bytes))
        };
    }
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limits.bytes.saturating_add(1));
    if let Err(error) = decoder.read_to_end(&mut plain) {
        return malformed(format!("its compression is damaged ({error})"));
    }
    if plain.len() as u64 > limits.bytes { Err(too_large()) } else { Ok(Cow::Owned(plain)) }
}
