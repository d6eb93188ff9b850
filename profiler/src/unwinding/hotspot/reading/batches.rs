//! New code in parts that are read at once.

use bpf::unwind::hotspot::MOST_CODE;
use symbolizer::runtime::hotspot::cache::Blob;

/// The bytes of code that are read at once.
const AT_ONCE: usize = 1 << 20;

/// Parts of the new code, each of which is read at once. Code that is too large is in none.
pub(super) fn batches<'a>(new: &[&'a (u64, Blob)]) -> Vec<Vec<&'a (u64, Blob)>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for &one in new {
        let len = (one.1.code.end - one.1.code.start) as usize;
        if len > MOST_CODE {
            continue;
        }
        if bytes + len > AT_ONCE {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += len;
        batches.last_mut().expect("never empty").push(one);
    }
    batches
}
