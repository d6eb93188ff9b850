//! The request's dictionary: tables whose rows are referred to by number. Row 0 of each is the zero value.

use super::attributes::Attribute;
use super::wire::{self, field, put_length_delimited};
use prost::Message;
use std::collections::HashMap;

/// A table: no row is there twice.
struct Table {
    field: u32,
    rows: HashMap<Vec<u8>, i32>,
}

impl Table {
    fn new(field: u32, to: &mut Vec<u8>) -> Self {
        put_length_delimited(field, 0, to);
        Self { field, rows: HashMap::from([(Vec::new(), 0)]) }
    }

    /// The number of the row with these bytes, which is written when it is first seen.
    fn row(&mut self, bytes: &[u8], to: &mut Vec<u8>) -> i32 {
        if let Some(row) = self.rows.get(bytes) {
            return *row;
        }
        put_length_delimited(self.field, bytes.len(), to);
        to.extend_from_slice(bytes);
        let row = self.rows.len() as i32;
        self.rows.insert(bytes.to_vec(), row);
        row
    }
}

/// All tables.
pub(super) struct Dictionary {
    /// Rows of all tables, each written as the field that it is.
    bytes: Vec<u8>,
    mappings: Table,
    locations: Table,
    functions: Table,
    strings: Table,
    attributes: Table,
    stacks: Table,
    /// A row to be; used again and again.
    scratch: Vec<u8>,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        let mut bytes = Vec::new();
        put_length_delimited(field::LINK, 0, &mut bytes);
        let mut table = |field| Table::new(field, &mut bytes);
        let [mappings, locations, functions] =
            [field::MAPPING, field::LOCATION, field::FUNCTION].map(&mut table);
        let [strings, attributes, stacks] =
            [field::STRING, field::ATTRIBUTE, field::STACK].map(&mut table);
        let scratch = Vec::new();
        Self { bytes, mappings, locations, functions, strings, attributes, stacks, scratch }
    }

    /// All tables' rows, as fields of the dictionary.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn mapping(&mut self, message: &wire::Mapping) -> i32 {
        encode(message, &mut self.scratch);
        self.mappings.row(&self.scratch, &mut self.bytes)
    }

    pub(super) fn location(&mut self, message: &wire::Location) -> i32 {
        encode(message, &mut self.scratch);
        self.locations.row(&self.scratch, &mut self.bytes)
    }

    pub(super) fn function(&mut self, message: &wire::Function) -> i32 {
        encode(message, &mut self.scratch);
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

    pub(super) fn stack(&mut self, message: &wire::Stack) -> i32 {
        encode(message, &mut self.scratch);
        self.stacks.row(&self.scratch, &mut self.bytes)
    }
}

fn encode(message: &impl Message, to: &mut Vec<u8>) {
    to.clear();
    message.encode_raw(to);
}
