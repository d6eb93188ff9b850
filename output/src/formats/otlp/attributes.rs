//! The names of attributes, and the attributes of labels.

use super::wire;
use crate::model::profile::{FrameKind, Label, LabelValue, Location, Marks};
use std::borrow::Cow;

/// The attribute with the service's name.
pub const SERVICE_NAME: &str = "service.name";
pub(super) const CONTAINER_ID: &str = "container.id";
pub(super) const DEFAULT_SAMPLE_TYPE: &str = "pprof.scope.default_sample_type";
pub(super) const SAMPLE_TYPE_ORDER: &str = "pprof.scope.sample_type_order";
pub(super) const COMMENT: &str = "pprof.profile.comment";
pub(super) const HAS_FUNCTIONS: &str = "pprof.mapping.has_functions";
pub(super) const HAS_FILENAMES: &str = "pprof.mapping.has_filenames";
pub(super) const HAS_LINE_NUMBERS: &str = "pprof.mapping.has_line_numbers";
pub(super) const HAS_INLINE_FRAMES: &str = "pprof.mapping.has_inline_frames";
const FRAME_TYPE: &str = "profile.frame.type";
const GUESSED_FRAMES: &str = "bpflame.guessed_frames";
const APPROXIMATE_LINES: &str = "bpflame.approximate_lines";
const TRUNCATED: &str = "bpflame.truncated";
const CALLER_MAY_BE_MISSING: &str = "bpflame.caller_may_be_missing";

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Number(i64),
    List(Vec<Value<'a>>),
}

impl Value<'_> {
    pub(super) fn to_wire(&self) -> wire::AnyValue {
        let value = match self {
            Self::Text(text) => wire::Value::Text(text.as_ref().to_owned()),
            Self::Flag(flag) => wire::Value::Flag(*flag),
            Self::Number(number) => wire::Value::Number(*number),
            Self::List(list) => wire::Value::List(wire::ArrayValue {
                values: list.iter().map(Value::to_wire).collect(),
            }),
        };
        wire::AnyValue { value: Some(value) }
    }
}

/// A row of the attribute table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attribute<'a> {
    pub(super) key: &'a str,
    pub(super) value: Value<'a>,
    /// The unit. It is empty if the key implies it.
    pub(super) unit: &'a str,
}

impl<'a> Attribute<'a> {
    pub(super) fn text(key: &'a str, value: &'a str) -> Self {
        Self { key, value: Value::Text(Cow::Borrowed(value)), unit: "" }
    }

    pub(super) fn flag(key: &'a str) -> Self {
        Self { key, value: Value::Flag(true), unit: "" }
    }
}

/// A mapping's build ID. GNU's are hexadecimal; all others are Go's.
pub(super) fn build_id(id: &str) -> Option<Attribute<'_>> {
    let hexadecimal = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = if hexadecimal {
        "process.executable.build_id.gnu"
    } else {
        "process.executable.build_id.go"
    };
    (!id.is_empty()).then(|| Attribute::text(key, id))
}

/// The kind of a frame. User code without a file belongs to an unknown interpreter.
pub(super) fn frame_type(location: &Location) -> Option<Attribute<'static>> {
    let kind = match location.kind {
        FrameKind::User if location.mapping.is_some() => "native",
        FrameKind::Kernel => "kernel",
        FrameKind::Jit => "jit",
        FrameKind::Interpreted => "interpreted",
        FrameKind::User | FrameKind::Unknown => return None,
    };
    Some(Attribute::text(FRAME_TYPE, kind))
}

/// The attributes of a defective stack.
pub(super) fn quality(guessed: u64, marks: Marks) -> Vec<Attribute<'static>> {
    let mut list = Vec::new();
    let lines = u64::from(marks.approximate_lines);
    for (key, count, unit) in
        [(APPROXIMATE_LINES, lines, "{line}"), (GUESSED_FRAMES, guessed, "{frame}")]
    {
        if count > 0 {
            list.push(Attribute { key, value: Value::Number(count as i64), unit });
        }
    }
    if marks.truncated {
        list.push(Attribute::flag(TRUNCATED));
    }
    if marks.caller_may_be_missing {
        list.push(Attribute::flag(CALLER_MAY_BE_MISSING));
    }
    list
}

/// The attribute for a label by the semantic conventions. Without one, it is the label's key.
fn key(label: &str) -> &str {
    match label {
        "service_name" => SERVICE_NAME,
        "container_id" => CONTAINER_ID,
        "comm" => "process.title",
        "pid" => "process.pid",
        "thread" => "thread.name",
        "tid" => "thread.id",
        "unit" => "bpflame.unit",
        other => other,
    }
}

/// Labels as attributes, sorted by key. The format demands unique keys, so several values become a list.
pub(super) fn of_labels<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<Attribute<'a>> {
    let mut list: Vec<Attribute<'a>> = labels
        .filter_map(|label| {
            let (value, unit) = match &label.value {
                LabelValue::Text(text) if text.is_empty() => return None,
                LabelValue::Text(text) => (Value::Text(Cow::Borrowed(text)), ""),
                LabelValue::Number(number, unit) => (Value::Number(*number), unit.as_str()),
            };
            Some(Attribute { key: key(&label.key), value, unit })
        })
        .collect();
    list.sort_by_key(|attribute| attribute.key);
    list.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            let value = std::mem::replace(&mut later.value, Value::Flag(false));
            match &mut kept.value {
                Value::List(values) => values.push(value),
                one => {
                    let first = std::mem::replace(one, Value::Flag(false));
                    *one = Value::List(vec![first, value]);
                }
            }
        }
        same
    });
    list
}
