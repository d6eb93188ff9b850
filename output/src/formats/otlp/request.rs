//! The request: the dictionary, and a profile for each resource and value column.

use super::attributes::{self, Attribute, Value};
use super::dictionary::Dictionary;
use super::samples::{self, Group, Groups, Place};
use super::tables;
use super::wire::{self, field};
use crate::model::lean::Lean;
use crate::model::profile::{Profile, ValueType};
use crate::model::subset::Subset;
use crate::protobuf::{self, nest, put, put_bytes};
use crate::tell;
use std::borrow::Cow;

/// The release of the semantic conventions.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.43.0";

/// Writes an `ExportProfilesServiceRequest` of OpenTelemetry's profiles, uncompressed.
///
/// Only the rows of samples with a value are written. Samples with the same stack and attributes are merged, even if their frames were found
/// in different ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Otlp {
    /// The resource's `service.name`. An empty one is left out.
    pub service_name: String,
    /// Further attributes of the resource. Of equal keys, the first counts.
    pub attributes: Vec<(String, String)>,
    /// The id of the first profile. Further ones count up from it. It should be random, so that no two profiles have the same id.
    pub first_id: u128,
}

/// The request's bytes. There must be samples, and each must have a value.
pub(super) fn bytes(options: &Otlp, lean: &Lean, rows: &[u32]) -> Vec<u8> {
    let profile = &lean.tables;
    let mut subset = Subset::new(profile);
    lean.need(rows, &mut subset);
    let mut dictionary = Dictionary::new();
    let locations = tables::write(&subset, &mut dictionary);
    let groups = samples::groups(lean, rows, &locations, &mut dictionary);
    let columns = columns(profile, &groups, &mut dictionary);
    let dictionary = dictionary.into_bytes();
    let mut to = Vec::with_capacity(dictionary.len() + 32 * rows.len());
    // The dictionary comes first, so that its memory is free when the samples are written.
    protobuf::put_key(field::DICTIONARY, dictionary.len(), &mut to);
    to.extend_from_slice(&dictionary);
    drop(dictionary);
    let mut ids = Ids(options.first_id);
    for group in &groups.list {
        nest(field::RESOURCE_PROFILES, &mut to, |to| {
            put(field::RESOURCE, &resource(options, &group.place), to);
            nest(field::SCOPE_PROFILES, to, |to| {
                let told = columns.iter().filter(|column| has_values(group, column.at));
                let columns: Vec<&Column> = told.collect();
                put(field::SCOPE, &scope(profile, &columns), to);
                for column in columns {
                    write_profile(column, group, &groups, &mut ids, to);
                }
                put_bytes(field::SCHEMA_URL, SCHEMA_URL.as_bytes(), to);
            });
            put_bytes(field::SCHEMA_URL, SCHEMA_URL.as_bytes(), to);
        });
    }
    to
}

/// Ids of profiles. None is zero, which means that there is no id.
struct Ids(u128);

impl Ids {
    fn next(&mut self) -> Vec<u8> {
        let id = self.0.max(1);
        self.0 = id.wrapping_add(1);
        id.to_be_bytes().to_vec()
    }
}

/// A value column: a profile without samples.
struct Column {
    at: usize,
    head: wire::Head,
}

/// The columns that have values. The default column is first, because readers show the first profile.
fn columns(profile: &Profile, groups: &Groups<'_>, dictionary: &mut Dictionary) -> Vec<Column> {
    let mut value_type = |t: &ValueType| wire::ValueType {
        type_strindex: dictionary.string(&t.kind),
        unit_strindex: dictionary.string(&t.unit),
    };
    let period_type =
        Some(value_type(&profile.period_type)).filter(|t| *t != wire::ValueType::default());
    let first = profile.default_sample_type;
    let others = (0..profile.sample_types.len()).filter(|at| *at != first);
    let told = |at: &usize| groups.list.iter().any(|group| has_values(group, *at));
    let mut columns: Vec<_> = std::iter::once(first)
        .chain(others)
        .filter(told)
        .map(|at| {
            let head = wire::Head {
                sample_type: Some(value_type(&profile.sample_types[at])),
                time_unix_nano: u64::try_from(profile.time_nanos).unwrap_or(0),
                duration_nano: u64::try_from(profile.duration_nanos).unwrap_or(0),
                period_type,
                period: profile.period,
                ..wire::Head::default()
            };
            Column { at, head }
        })
        .collect();
    if let Some(comment) = comment(profile) {
        let comment = dictionary.attribute(&comment);
        columns.iter_mut().for_each(|column| column.head.attribute_indices.push(comment));
    }
    columns
}

fn has_values(group: &Group<'_>, column: usize) -> bool {
    group.column(column).next().is_some()
}

fn comment(profile: &Profile) -> Option<Attribute<'static>> {
    let comments = tell::comments(profile).into_iter();
    let list: Vec<_> = comments.map(|line| Value::Text(Cow::Owned(line))).collect();
    (!list.is_empty()).then_some(Attribute {
        key: attributes::COMMENT,
        value: Value::List(list),
        unit: "",
    })
}

fn key_value(key: &str, value: &Value<'_>) -> wire::KeyValue {
    wire::KeyValue { key: key.into(), value: Some(value.to_wire()) }
}

fn resource(options: &Otlp, place: &Place<'_>) -> wire::Resource {
    let service = place.service_name.unwrap_or(&options.service_name);
    let own =
        [(attributes::SERVICE_NAME, Some(service)), (attributes::CONTAINER_ID, place.container_id)];
    let own = own.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let given = options.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let mut resource = wire::Resource::default();
    for (key, value) in own.chain(given).filter(|(_, value)| !value.is_empty()) {
        if resource.attributes.iter().any(|known| known.key == key) {
            resource.dropped_attributes_count += 1;
        } else {
            resource.attributes.push(key_value(key, &Value::Text(Cow::Borrowed(value))));
        }
    }
    resource
}

fn scope(profile: &Profile, columns: &[&Column]) -> wire::InstrumentationScope {
    let default = &profile.sample_types[profile.default_sample_type].kind;
    let order = columns.iter().map(|column| Value::Number(column.at as i64)).collect();
    wire::InstrumentationScope {
        name: "bpflame".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        attributes: vec![
            key_value(attributes::DEFAULT_SAMPLE_TYPE, &Value::Text(Cow::Borrowed(default))),
            key_value(attributes::SAMPLE_TYPE_ORDER, &Value::List(order)),
        ],
    }
}

fn write_profile(
    column: &Column,
    group: &Group<'_>,
    groups: &Groups<'_>,
    ids: &mut Ids,
    to: &mut Vec<u8>,
) {
    nest(field::PROFILES, to, |to| {
        let head = wire::Head { profile_id: ids.next(), ..column.head.clone() };
        prost::Message::encode_raw(&head, to);
        // Samples without a value in this column are left out.
        for (stack, attributes, value) in group.column(column.at) {
            put_sample(stack, &groups.attributes[attributes].written, value, to);
        }
    });
}

/// Appends a sample as a field. `attributes` are those of [`List::written`](samples::List::written).
fn put_sample(stack: i32, attributes: &[u8], value: i64, to: &mut Vec<u8>) {
    let (stack, value) = (stack as u64, value as u64);
    let (stack_len, value_len) = (protobuf::varint_len(stack), protobuf::varint_len(value));
    // An empty stack is row 0, which is not written.
    let stack_field = if stack == 0 { 0 } else { 1 + stack_len };
    protobuf::put_key(field::SAMPLES, stack_field + attributes.len() + 2 + value_len, to);
    if stack != 0 {
        to.push(8);
        protobuf::put_varint(stack, to);
    }
    to.extend_from_slice(attributes);
    // A list of one number.
    to.extend([4 << 3 | 2, value_len as u8]);
    protobuf::put_varint(value, to);
}
