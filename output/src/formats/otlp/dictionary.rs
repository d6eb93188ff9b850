//! The dictionary of a request: tables whose rows have numbers. Row 0 of each table is the zero value.

use super::attributes::Attribute;
use super::wire::{self, field};
use crate::protobuf::{put_key, put_number};
use ahash::RandomState;
use prost::Message;
use std::ops::Range;

/// A table of different rows.
///
/// A hash table of places finds a row by its bytes, where they are written. So no row needs an allocation.
struct Table {
    field: u32,
    /// The range of each row's bytes, and their hash.
    rows: Vec<(Range<usize>, u64)>,
    /// The numbers of rows, each in the first free place from its hash on. A free place has 0. Their count is a power of two, and half of
    /// them are free.
    places: Vec<i32>,
    hasher: RandomState,
}

impl Table {
    fn new(field: u32, hasher: &RandomState, to: &mut Vec<u8>) -> Self {
        put_key(field, 0, to);
        Self { field, rows: vec![(0..0, 0)], places: vec![0; 64], hasher: hasher.clone() }
    }

    /// The number of the row with these bytes. A new row is written.
    fn row(&mut self, bytes: &[u8], to: &mut Vec<u8>) -> i32 {
        if bytes.is_empty() {
            return 0;
        }
        if 2 * self.rows.len() >= self.places.len() {
            self.grow();
        }
        let hash = self.hasher.hash_one(bytes);
        let mut place = self.place(hash);
        while let row @ 1.. = self.places[place] {
            let (range, known) = &self.rows[row as usize];
            if *known == hash && to[range.clone()] == *bytes {
                return row;
            }
            place = self.after(place);
        }
        put_key(self.field, bytes.len(), to);
        let start = to.len();
        to.extend_from_slice(bytes);
        let row = self.rows.len() as i32;
        self.rows.push((start..to.len(), hash));
        self.places[place] = row;
        row
    }

    fn place(&self, hash: u64) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    fn grow(&mut self) {
        self.places = vec![0; 4 * self.places.len()];
        for row in 1..self.rows.len() {
            let mut place = self.place(self.rows[row].1);
            while self.places[place] != 0 {
                place = self.after(place);
            }
            self.places[place] = row as i32;
        }
    }
}

/// All tables.
pub(super) struct Dictionary {
    /// The rows of all tables, encoded as fields.
    bytes: Vec<u8>,
    mappings: Table,
    locations: Table,
    functions: Table,
    strings: Table,
    attributes: Table,
    stacks: Table,
    /// Memory for the next row.
    scratch: Vec<u8>,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::new();
        put_key(field::LINK, 0, &mut bytes);
        let hasher = RandomState::new();
        let mut table = |field| Table::new(field, &hasher, &mut bytes);
        let [mappings, locations, functions] =
            [field::MAPPING, field::LOCATION, field::FUNCTION].map(&mut table);
        let [strings, attributes, stacks] =
            [field::STRING, field::ATTRIBUTE, field::STACK].map(&mut table);
        let scratch = Vec::new();
        Self { bytes, mappings, locations, functions, strings, attributes, stacks, scratch }
    }

    /// The rows of all tables, as fields of the dictionary.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn mapping(&mut self, message: &wire::Mapping) -> i32 {
        encode(message, &mut self.scratch);
        self.mappings.row(&self.scratch, &mut self.bytes)
    }

    /// The number of a location. `row` is its message.
    pub(super) fn location(&mut self, row: &[u8]) -> i32 {
        self.locations.row(row, &mut self.bytes)
    }

    /// The number of a function. `texts` are the rows of its name, its system name and its file.
    pub(super) fn function(&mut self, texts: [i32; 3], start_line: i64) -> i32 {
        self.scratch.clear();
        for (number, text) in (1..).zip(texts) {
            put_number(number, text as u64, &mut self.scratch);
        }
        put_number(4, start_line as u64, &mut self.scratch);
        self.functions.row(&self.scratch, &mut self.bytes)
    }

    pub(super) fn string(&mut self, text: &str) -> i32 {
        self.strings.row(text.as_bytes(), &mut self.bytes)
    }

    pub(super) fn attribute(&mut self, attribute: &Attribute<'_>) -> i32 {
        let message = wire::KeyValueAndUnit {
            key_strindex: self.string(attribute.key),
            value: Some(attribute.value.to_wire()),
            unit_strindex: self.string(attribute.unit),
        };
        encode(&message, &mut self.scratch);
        self.attributes.row(&self.scratch, &mut self.bytes)
    }

    /// The number of a stack. `locations` are the rows of its locations, encoded.
    pub(super) fn stack(&mut self, locations: &[u8]) -> i32 {
        self.scratch.clear();
        if !locations.is_empty() {
            put_key(1, locations.len(), &mut self.scratch);
            self.scratch.extend_from_slice(locations);
        }
        self.stacks.row(&self.scratch, &mut self.bytes)
    }
}

fn encode(message: &impl Message, to: &mut Vec<u8>) {
    to.clear();
    message.encode_raw(to);
}
