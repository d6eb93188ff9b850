//! Reading pprof files of any producer.

use super::assemble;
use super::fields::{Meter, Parts, malformed};
use crate::{Error, Profile};
use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::io::Read;

/// Limits for reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after decompression.
    pub bytes: u64,
    /// Bytes of memory for the profile, approximately.
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
/// Sample types, labels, lines, mappings and comments are kept. `drop_frames` and `keep_frames` are ignored. By the format's rule, the first
/// mapping is the profiled program. Our own comments become fields. The name of a mapping (`[kernel]`, `[kernel.kallsyms]`, …) decides the
/// kind of its frames. Code with a name and an address but without a mapping was made at run time. Text that is not UTF-8 is read with
/// replacement characters.
///
/// # Errors
/// [`Error::Malformed`] if the bytes are not a complete pprof file, [`Error::TooLarge`] beyond the limits.
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
