//! The messages of a profile, written field by field. In a large profile they are nearly everything.

use super::location_ids::LocationIds;
use super::mappings::Counts;
use super::texts::{LabelIds, Order, TextIds};
use super::wire::field;
use crate::model::profile::{FrameRef, Profile};
use crate::model::subset::Subset;
use crate::model::symbols::Symbols;
use crate::protobuf::{put_bytes, put_key, put_list, put_number, put_varint};

/// Writes profiles of some samples of one profile, one after the other.
#[derive(Debug)]
pub(super) struct Body<'a> {
    tables: &'a Profile,
    texts: &'a TextIds,
    pub(super) subset: Subset<'a>,
    pub(super) order: Order,
    locations: LocationIds,
    counts: Counts,
    /// The bytes so far.
    pub(super) bytes: Vec<u8>,
    /// The size of the last profile, an estimate for the next one.
    last: usize,
    message: Vec<u8>,
    inner: Vec<u8>,
}

impl<'a> Body<'a> {
    /// Begins with `strings` texts.
    pub(super) fn new(subset: Subset<'a>, texts: &'a TextIds, strings: usize) -> Self {
        Self {
            tables: subset.of,
            texts,
            order: Order::new(strings),
            locations: LocationIds::new(subset.locations.of()),
            counts: Counts::new(subset.of),
            subset,
            bytes: Vec::new(),
            last: 0,
            message: Vec::new(),
            inner: Vec::new(),
        }
    }

    /// Begins a profile. The subset must be settled.
    pub(super) fn begin(&mut self, time_nanos: i64) {
        self.locations.number(&self.subset.locations);
        self.bytes.reserve(self.last);
        let profile = self.tables;
        let kind = |[kind, unit]: [u32; 2], order: &mut Order, to: &mut Vec<u8>| {
            put_number(1, order.of(kind), to);
            put_number(2, order.of(unit), to);
        };
        for t in &self.texts.types {
            self.message.clear();
            kind(*t, &mut self.order, &mut self.message);
            put_bytes(field::SAMPLE_TYPE, &self.message, &mut self.bytes);
        }
        put_number(field::TIME_NANOS, time_nanos as u64, &mut self.bytes);
        put_number(field::DURATION_NANOS, profile.duration_nanos as u64, &mut self.bytes);
        if self.texts.period_type != [0, 0] {
            self.message.clear();
            kind(self.texts.period_type, &mut self.order, &mut self.message);
            put_bytes(field::PERIOD_TYPE, &self.message, &mut self.bytes);
        }
        put_number(field::PERIOD, profile.period as u64, &mut self.bytes);
        self.inner.clear();
        for text in &self.texts.comments {
            put_varint(self.order.of(*text), &mut self.inner);
        }
        put_list(field::COMMENT, &self.inner, &mut self.bytes);
        let default = self.texts.types[profile.default_sample_type][0];
        put_number(field::DEFAULT_SAMPLE_TYPE, self.order.of(default), &mut self.bytes);
    }

    /// Writes a sample. `labels` are encoded.
    pub(super) fn sample(&mut self, at: usize, frames: &[FrameRef], values: &[i64], labels: &[u8]) {
        self.counts.add(at, frames, values.first().map_or(0, |value| value.unsigned_abs()));
        self.message.clear();
        self.locations.write(frames, &mut self.inner);
        put_list(1, &self.inner, &mut self.message);
        self.inner.clear();
        values.iter().for_each(|value| put_varint(*value as u64, &mut self.inner));
        put_list(2, &self.inner, &mut self.message);
        put_key(field::SAMPLE, self.message.len() + labels.len(), &mut self.bytes);
        self.bytes.extend_from_slice(&self.message);
        self.bytes.extend_from_slice(labels);
    }

    /// Writes the tables. The mapping `main` comes first, if there is one. `no_file` is the number of the text [`NO_FILE`](super::NO_FILE).
    pub(super) fn tables(&mut self, symbols: &[Symbols], main: Option<&str>, no_file: u32) {
        let order = self.counts.order(&self.subset, main);
        self.mapping_table(&order, symbols, no_file);
        self.location_table(&order);
        self.function_table();
    }

    /// Writes the string table from the list of all texts.
    pub(super) fn strings(&mut self, list: &[&str]) {
        for text in self.order.used() {
            let text = list[*text as usize];
            put_key(field::STRING, text.len(), &mut self.bytes);
            self.bytes.extend_from_slice(text.as_bytes());
        }
    }

    /// The profile's bytes. The next profile begins with an empty subset.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.counts.clear(&self.subset);
        self.subset.clear();
        self.order.clear();
        self.last = self.bytes.len();
        std::mem::take(&mut self.bytes)
    }

    fn mapping_table(&mut self, order: &[usize], symbols: &[Symbols], no_file: u32) {
        if order.is_empty() {
            // Without a mapping, readers warn that the program is missing.
            self.message.clear();
            put_number(1, 1, &mut self.message);
            put_number(5, self.order.of(no_file), &mut self.message);
            put_number(7, 1, &mut self.message);
            return put_bytes(field::MAPPING, &self.message, &mut self.bytes);
        }
        for (id, &at) in (1..).zip(order) {
            let mapping = &self.tables.mappings[at];
            let [file, build_id] = self.texts.mappings[at].map(|text| self.order.of(text));
            self.message.clear();
            let numbers = [id, mapping.start, mapping.end, mapping.offset, file, build_id];
            for (number, value) in (1..).zip(numbers.into_iter().chain(symbols[at].flags())) {
                put_number(number, value, &mut self.message);
            }
            put_bytes(field::MAPPING, &self.message, &mut self.bytes);
        }
    }

    fn location_table(&mut self, order: &[usize]) {
        let mut mapping_ids = vec![0; self.subset.mappings.of()];
        for (id, &at) in (1..).zip(order) {
            mapping_ids[at] = id;
        }
        for (id, row) in (1..).zip(&self.subset.locations.needed) {
            let location = &self.tables.locations[*row as usize];
            self.message.clear();
            put_number(1, id, &mut self.message);
            let mapping = location.mapping.map_or(0, |mapping| mapping_ids[mapping.0 as usize]);
            put_number(2, mapping, &mut self.message);
            put_number(3, location.address, &mut self.message);
            for line in &location.lines {
                self.inner.clear();
                let function = u64::from(self.subset.functions.place(line.function.0)) + 1;
                put_number(1, function, &mut self.inner);
                put_number(2, line.line as u64, &mut self.inner);
                put_bytes(4, &self.inner, &mut self.message);
            }
            put_bytes(field::LOCATION, &self.message, &mut self.bytes);
        }
    }

    fn function_table(&mut self) {
        for (id, row) in (1..).zip(&self.subset.functions.needed) {
            let [name, system_name, file] = self.texts.functions[*row as usize];
            self.message.clear();
            put_number(1, id, &mut self.message);
            for (number, text) in [(2, name), (3, system_name), (4, file)] {
                put_number(number, self.order.of(text), &mut self.message);
            }
            let start_line = self.tables.functions[*row as usize].start_line;
            put_number(5, start_line as u64, &mut self.message);
            put_bytes(field::FUNCTION, &self.message, &mut self.bytes);
        }
    }
}

/// Writes a label. A label with an empty text is left out, since it would be read as the number 0.
pub(super) fn put_label(label: LabelIds, order: &mut Order, to: &mut Vec<u8>) {
    if label.number.is_none() && label.text == 0 {
        return;
    }
    let key = order.of(label.key);
    let text = order.of(label.text);
    // For a number 0 without a unit, only the key is written.
    let (text, number, unit) = label.number.map_or((text, 0, 0), |number| (0, number, text));
    let mut message = Vec::with_capacity(32);
    for (field, value) in [(1, key), (2, text), (3, number as u64), (4, unit)] {
        put_number(field, value, &mut message);
    }
    put_bytes(3, &message, to);
}
