//! A request read again: each index is checked, and that the rules of the format hold.

use super::messages::{
    AnyValue, Function, KeyValueAndUnit, Link, Location, Mapping, Profile, ProfilesDictionary,
    Request, Stack, Value, ValueType,
};
use prost::Message;
use std::collections::BTreeSet;
use std::fmt::Write;

impl AnyValue {
    pub(crate) fn told(&self) -> String {
        match self.value.as_ref().expect("a value") {
            Value::Text(text) => format!("{text:?}"),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::List(list) => {
                let list: Vec<_> = list.values.iter().map(AnyValue::told).collect();
                format!("[{}]", list.join(", "))
            }
            other => panic!("{other:?} is never written"),
        }
    }
}

/// A row of a table. Panics where the index lies outside.
pub(crate) fn at<T>(table: &[T], index: i32) -> &T {
    let row = usize::try_from(index).ok().and_then(|index| table.get(index));
    row.unwrap_or_else(|| panic!("row {index} of {}", table.len()))
}

impl ProfilesDictionary {
    pub(crate) fn text(&self, index: i32) -> &str {
        at::<String>(&self.string_table, index)
    }

    /// `key=value` of each, and that no key is there twice.
    pub(crate) fn attributes(&self, indices: &[i32]) -> Vec<String> {
        let rows: Vec<_> = indices.iter().map(|index| at(&self.attribute_table, *index)).collect();
        let keys: BTreeSet<_> = rows.iter().map(|row| self.text(row.key_strindex)).collect();
        assert_eq!(keys.len(), rows.len(), "{keys:?} are unique");
        let told = rows.iter().map(|row| {
            let value = row.value.as_ref().expect("a value").told();
            format!("{}={value}{}", self.text(row.key_strindex), self.text(row.unit_strindex))
        });
        told.collect()
    }

    pub(crate) fn value_type(&self, t: &ValueType) -> String {
        format!("{}/{}", self.text(t.type_strindex), self.text(t.unit_strindex))
    }

    /// A location in words: address, file, frame type, lines.
    pub(crate) fn location(&self, index: i32) -> String {
        let location = at(&self.location_table, index);
        let mapping = at(&self.mapping_table, location.mapping_index);
        let mut words = format!("{:#x}", location.address);
        if location.mapping_index != 0 {
            write!(words, " {}", self.text(mapping.filename_strindex)).unwrap();
        }
        for line in &location.lines {
            let function = at(&self.function_table, line.function_index);
            let (name, file) =
                (self.text(function.name_strindex), self.text(function.filename_strindex));
            write!(words, " {name} {file}:{}", line.line).unwrap();
            if function.start_line != 0 {
                write!(words, " from {}", function.start_line).unwrap();
            }
        }
        for attribute in self.attributes(&location.attribute_indices) {
            write!(words, " {attribute}").unwrap();
        }
        words
    }

    /// Leaf first.
    pub(crate) fn stack(&self, index: i32) -> Vec<String> {
        let stack = at(&self.stack_table, index);
        stack.location_indices.iter().map(|index| self.location(*index)).collect()
    }
}

impl Request {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let request = Self::decode(bytes).expect("a request");
        request.check();
        request
    }

    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.resource_profiles.iter().flat_map(|r| &r.scope_profiles).flat_map(|s| &s.profiles)
    }

    /// Checks the rules of the format: zero values, indices, no row twice, no row without a reference, ids.
    pub(crate) fn check(&self) {
        let tables = &self.dictionary;
        assert_eq!(tables.mapping_table[0], Mapping::default());
        assert_eq!(tables.location_table[0], Location::default());
        assert_eq!(tables.function_table[0], Function::default());
        assert_eq!(tables.link_table, [Link::default()]);
        assert_eq!(tables.string_table[0], "");
        assert_eq!(tables.attribute_table[0], KeyValueAndUnit::default());
        assert_eq!(tables.stack_table[0], Stack::default());
        let unique = |what: &str, rows: Vec<Vec<u8>>| {
            assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len(), "{what} twice");
        };
        unique("strings", tables.string_table.iter().map(|s| s.clone().into_bytes()).collect());
        unique("attributes", tables.attribute_table.iter().map(Message::encode_to_vec).collect());
        unique("stacks", tables.stack_table.iter().map(Message::encode_to_vec).collect());
        unique("mappings", tables.mapping_table.iter().map(Message::encode_to_vec).collect());
        unique("functions", tables.function_table.iter().map(Message::encode_to_vec).collect());
        unique("locations", tables.location_table.iter().map(Message::encode_to_vec).collect());
        let ids: BTreeSet<_> = self.profiles().map(|profile| &profile.profile_id).collect();
        assert_eq!(ids.len(), self.profiles().count(), "ids are unique");
        assert!(ids.iter().all(|id| id.len() == 16 && id.iter().any(|byte| *byte != 0)));
        for profile in self.profiles() {
            let mut identities = BTreeSet::new();
            for sample in &profile.samples {
                assert_eq!(sample.values.len(), 1, "one sample type, one value");
                assert_eq!((sample.link_index, sample.timestamps_unix_nano.len()), (0, 0));
                let attributes: BTreeSet<_> = sample.attribute_indices.iter().copied().collect();
                assert!(identities.insert((sample.stack_index, attributes)), "samples are merged");
                tables.stack(sample.stack_index);
            }
        }
        self.check_orphans();
    }

    /// The rows with a reference in each table: mappings, locations, functions, strings, attributes, stacks.
    fn used(&self) -> [BTreeSet<i32>; 6] {
        let tables = &self.dictionary;
        let mut used: [BTreeSet<i32>; 6] = Default::default();
        let [mappings, locations, functions, strings, attributes, stacks] = &mut used;
        for profile in self.profiles() {
            attributes.extend(&profile.attribute_indices);
            for t in std::iter::once(&profile.sample_type).chain(&profile.period_type) {
                strings.extend([t.type_strindex, t.unit_strindex]);
            }
            for sample in &profile.samples {
                stacks.insert(sample.stack_index);
                attributes.extend(&sample.attribute_indices);
            }
        }
        let rows = stacks.iter().map(|index| at(&tables.stack_table, *index));
        locations.extend(rows.flat_map(|stack| &stack.location_indices));
        for location in locations.iter().map(|index| at(&tables.location_table, *index)) {
            mappings.insert(location.mapping_index);
            attributes.extend(&location.attribute_indices);
            functions.extend(location.lines.iter().map(|line| line.function_index));
        }
        for mapping in mappings.iter().map(|index| at(&tables.mapping_table, *index)) {
            strings.insert(mapping.filename_strindex);
            attributes.extend(&mapping.attribute_indices);
        }
        for f in functions.iter().map(|index| at(&tables.function_table, *index)) {
            strings.extend([f.name_strindex, f.system_name_strindex, f.filename_strindex]);
        }
        for attribute in attributes.iter().map(|index| at(&tables.attribute_table, *index)) {
            strings.extend([attribute.key_strindex, attribute.unit_strindex]);
        }
        used
    }

    /// Checks that each row has a reference.
    fn check_orphans(&self) {
        let tables = &self.dictionary;
        let mut used = self.used();
        let lens = [
            tables.mapping_table.len(),
            tables.location_table.len(),
            tables.function_table.len(),
            tables.string_table.len(),
            tables.attribute_table.len(),
            tables.stack_table.len(),
        ];
        for (table, (used, len)) in used.iter_mut().zip(lens).enumerate() {
            used.insert(0);
            assert_eq!(used.len(), len, "table {table} has rows that nobody refers to");
            assert!(used.iter().all(|index| (0..len as i32).contains(index)), "table {table}");
        }
    }
}
