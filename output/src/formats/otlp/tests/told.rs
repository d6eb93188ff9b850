//! A request in lines, for the golden file.

use super::request::messages::{KeyValue, Profile, Request, Scope};
use std::collections::BTreeSet;
use std::fmt::Write;

fn pairs(attributes: &[KeyValue]) -> Vec<String> {
    let keys: BTreeSet<_> = attributes.iter().map(|pair| &pair.key).collect();
    assert_eq!(keys.len(), attributes.len(), "{keys:?} are unique");
    let told = attributes
        .iter()
        .map(|pair| format!("{}={}", pair.key, pair.value.as_ref().unwrap().told()));
    told.collect()
}

impl Request {
    /// All of it, in lines.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        let tables = &self.dictionary;
        for (row, mapping) in tables.mapping_table.iter().enumerate() {
            let (start, limit, offset) =
                (mapping.memory_start, mapping.memory_limit, mapping.file_offset);
            let name = tables.text(mapping.filename_strindex);
            let attributes = tables.attributes(&mapping.attribute_indices).join(" ");
            writeln!(
                text,
                "mapping {row} {start:#x}..{limit:#x} +{offset:#x} {name:?} {attributes}"
            )
            .unwrap();
        }
        for (row, function) in tables.function_table.iter().enumerate() {
            let [name, system, file] =
                [function.name_strindex, function.system_name_strindex, function.filename_strindex]
                    .map(|index| tables.text(index));
            writeln!(text, "function {row} {name:?} {system:?} {file:?}").unwrap();
        }
        for row in 0..tables.location_table.len() {
            writeln!(text, "location {row} {}", tables.location(row as i32)).unwrap();
        }
        for (row, stack) in tables.stack_table.iter().enumerate() {
            writeln!(text, "stack {row} {:?}", stack.location_indices).unwrap();
        }
        self.tell_resources(&mut text);
        text
    }

    fn tell_resources(&self, text: &mut String) {
        for of in &self.resource_profiles {
            writeln!(
                text,
                "resource {} {}",
                pairs(&of.resource.attributes).join(" "),
                of.schema_url
            )
            .unwrap();
            for scope in &of.scope_profiles {
                // Not its version, which each release changes.
                let Scope { name, attributes, .. } = &scope.scope;
                writeln!(text, "scope {name} {} {}", pairs(attributes).join(" "), scope.schema_url)
                    .unwrap();
                scope.profiles.iter().for_each(|profile| self.tell_profile(profile, text));
            }
        }
    }

    fn tell_profile(&self, profile: &Profile, text: &mut String) {
        let tables = &self.dictionary;
        let id: String = profile.profile_id.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            text,
            "profile {id} {} at {} for {} every {} {}",
            tables.value_type(&profile.sample_type),
            profile.time_unix_nano,
            profile.duration_nano,
            profile.period,
            tables.value_type(profile.period_type.as_ref().expect("a period type")),
        )
        .unwrap();
        writeln!(text, "  {}", tables.attributes(&profile.attribute_indices).join(" ")).unwrap();
        for sample in &profile.samples {
            let attributes = tables.attributes(&sample.attribute_indices).join(" ");
            writeln!(text, "  stack {} {:?} {attributes}", sample.stack_index, sample.values)
                .unwrap();
        }
    }
}
