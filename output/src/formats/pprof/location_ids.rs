//! The ids of locations. Most numbers of a profile are such ids.

use crate::model::profile::FrameRef;
use crate::model::subset::Rows;
use crate::protobuf::put_varint;

/// The encoded ids of locations. The lower bytes of each are the encoding, and the highest byte is its length.
#[derive(Debug)]
pub(super) struct LocationIds(Vec<u64>);

impl LocationIds {
    /// Ids for a table with this many rows. No row has one yet.
    pub(super) fn new(rows: usize) -> Self {
        Self(vec![0; rows])
    }

    /// Numbers the needed rows from 1.
    pub(super) fn number(&mut self, locations: &Rows) {
        let mut bytes = Vec::new();
        for (id, row) in (1..).zip(&locations.needed) {
            bytes.clear();
            put_varint(id, &mut bytes);
            let digits = bytes.iter().rev().fold(0, |code, byte| code << 8 | u64::from(*byte));
            self.0[*row as usize] = digits | (bytes.len() as u64) << 56;
        }
    }

    /// Writes the ids of frames. The content of `to` is replaced.
    pub(super) fn write(&self, frames: &[FrameRef], to: &mut Vec<u8>) {
        // An index has 32 bits, so an id has five bytes at most. Eight bytes are written for each, and the next id overwrites the rest.
        to.resize(5 * frames.len() + 8, 0);
        let mut len = 0;
        for frame in frames {
            let code = self.0[frame.location.0 as usize];
            to[len..len + 8].copy_from_slice(&code.to_le_bytes());
            len += (code >> 56) as usize;
        }
        to.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::{LocationId, Trust};

    #[test]
    fn ids_are_the_numbers_from_one() {
        let mut ids = LocationIds::new(20_000);
        ids.number(&Rows::all_of(20_000));
        let rows = [0, 126, 127, 128, 16_382, 16_383, 19_999, 0];
        let frame = |row| FrameRef { location: LocationId(row), trust: Trust::Sure };
        let (mut written, mut wanted) = (vec![7; 3], Vec::new());
        ids.write(&rows.map(frame), &mut written);
        rows.iter().for_each(|row| put_varint(u64::from(*row) + 1, &mut wanted));
        assert_eq!(written, wanted);
    }
}
