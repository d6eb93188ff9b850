//! Bodies as they are sent.

use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::sync::Arc;

/// The compression level of bodies.
const LEVEL: u32 = 2;

/// A body as it is sent.
pub(crate) fn wire_body(bytes: &[u8], compress: bool) -> Arc<[u8]> {
    if !compress {
        return bytes.into();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("writing to memory does not fail").into()
}
