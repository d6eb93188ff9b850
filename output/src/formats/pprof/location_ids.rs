//! Ids of locations: most of the numbers of a profile.

use crate::model::profile::FrameRef;
use crate::model::subset::Rows;
use crate::protobuf::put_varint;

/// The locations' ids as they are written: the bytes from the lowest on, and in the highest one how many they are.
#[derive(Debug)]
pub(super) struct LocationIds(Vec<u64>);

impl LocationIds {
    /// Of a table with so many rows, none of them numbered.
    pub(super) fn new(rows: usize) -> Self {
        Self(vec![0; rows])
    }

    /// Numbers the rows that are needed, from 1.
    pub(super) fn number(&mut self, locations: &Rows) {
        let mut bytes = Vec::new();
        for (id, row) in (1..).zip(&locations.needed) {
            bytes.clear();
            put_varint(id, &mut bytes);
            let digits = bytes.iter().rev().fold(0, |code, byte| code << 8 | u64::from(*byte));
            self.0[*row as usize] = digits | (bytes.len() as u64) << 56;
        }
    }

    /// Writes the ids of frames over what `to` has.
    pub(super) fn write(&self, frames: &[FrameRef], to: &mut Vec<u8>) {
        // An index is 32 bits, so an id has five bytes at most; each is written with what follows it in its code.
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
