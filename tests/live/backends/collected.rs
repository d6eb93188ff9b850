//! OTLP profiles as the Collector's file exporter writes them: its JSON, with every reference checked and resolved. The
//! Collector itself takes references that lead nowhere.

use super::received::{Frame, Received, Sample, list, number};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The profiles of one request.
///
/// # Panics
/// When a reference leads nowhere, an entry of a table stands there twice or is never used, or a table does not begin
/// with the empty entry.
pub(crate) fn profiles(line: &str) -> Vec<Received> {
    let whole: Value = serde_json::from_str(line).expect("it is a line of JSON");
    let tables = Tables::new(&whole["dictionary"]);
    let mut profiles = Vec::new();
    for resource in list(&whole["resourceProfiles"]) {
        let labels = tables.own_attributes(&resource["resource"]["attributes"]);
        for scope in list(&resource["scopeProfiles"]) {
            assert_eq!(scope["scope"]["name"], "bpflame");
            for profile in list(&scope["profiles"]) {
                profiles.push(Received { labels: labels.clone(), ..tables.profile(profile) });
            }
        }
    }
    profiles
}

/// The dictionary's tables.
struct Tables<'a> {
    dictionary: &'a Value,
}

impl<'a> Tables<'a> {
    fn new(dictionary: &'a Value) -> Self {
        for table in ["mapping", "location", "function", "link", "attribute", "stack"] {
            let entries = list(&dictionary[format!("{table}Table")]);
            let mut all: Vec<String> = entries.iter().map(Value::to_string).collect();
            let empty = if table == "attribute" { r#"{"value":{}}"# } else { "{}" };
            assert_eq!(all.first().map(String::as_str), Some(empty), "the first {table}");
            all.sort_unstable();
            let count = all.len();
            all.dedup();
            assert_eq!(all.len(), count, "each {table} stands there once");
        }
        let strings = list(&dictionary["stringTable"]);
        assert_eq!(strings.first().and_then(Value::as_str), Some(""), "the first string");
        let distinct: BTreeSet<&str> = strings.iter().filter_map(Value::as_str).collect();
        assert_eq!(distinct.len(), strings.len(), "each string stands there once");
        Self { dictionary }
    }

    fn entry(&self, table: &str, index: &Value) -> &'a Value {
        let at = usize::try_from(number(index)).expect("an index is not negative");
        let entries = list(&self.dictionary[table]);
        entries.get(at).unwrap_or_else(|| panic!("{table} has no {at}: it has {}", entries.len()))
    }

    fn string(&self, index: &Value) -> String {
        self.entry("stringTable", index).as_str().expect("it is a string").to_owned()
    }

    fn kind(&self, value: &Value) -> String {
        format!("{}/{}", self.string(&value["typeStrindex"]), self.string(&value["unitStrindex"]))
    }

    /// A value as text.
    fn value(&self, value: &Value) -> String {
        let (kind, inner) =
            value.as_object().and_then(|o| o.iter().next()).expect("an attribute has a value");
        match kind.as_str() {
            "stringValueStrindex" => self.string(inner),
            "stringValue" | "intValue" => inner.as_str().expect("it is text").to_owned(),
            _ => inner.to_string(),
        }
    }

    /// Attributes that stand where they belong, as those of resources do.
    fn own_attributes(&self, attributes: &Value) -> BTreeMap<String, String> {
        let key = |a: &Value| match a["key"].as_str() {
            Some(key) if !key.is_empty() => key.to_owned(),
            _ => self.string(&a["keyStrindex"]),
        };
        list(attributes).iter().map(|a| (key(a), self.value(&a["value"]))).collect()
    }

    /// Attributes of the table.
    fn attributes(&self, holder: &Value) -> BTreeMap<String, String> {
        let indices = list(&holder["attributeIndices"]);
        let attribute = |index: &Value| {
            assert_ne!(number(index), 0, "nobody refers to the empty attribute");
            let attribute = self.entry("attributeTable", index);
            self.string(&attribute["unitStrindex"]);
            (self.string(&attribute["keyStrindex"]), self.value(&attribute["value"]))
        };
        let attributes: BTreeMap<_, _> = indices.iter().map(attribute).collect();
        assert_eq!(attributes.len(), indices.len(), "each key stands there once");
        attributes
    }

    fn profile(&self, profile: &Value) -> Received {
        let id = profile["profileId"].as_str().unwrap_or_default();
        assert!(id.len() == 32 && id.bytes().any(|b| b != b'0'), "16 bytes of ID: {id:?}");
        self.attributes(profile);
        Received {
            types: vec![self.kind(&profile["sampleType"])],
            period_type: self.kind(&profile["periodType"]),
            period: number(&profile["period"]),
            time: number(&profile["timeUnixNano"]),
            duration: number(&profile["durationNano"]),
            samples: list(&profile["samples"]).iter().map(|s| self.sample(s)).collect(),
            mappings: self.mappings(),
            ..Received::default()
        }
    }

    fn mappings(&self) -> Vec<(String, String)> {
        let mapping = |m: &Value| {
            let build_id = self.attributes(m).remove("process.executable.build_id.gnu");
            (self.string(&m["filenameStrindex"]), build_id.unwrap_or_default())
        };
        list(&self.dictionary["mappingTable"]).iter().skip(1).map(mapping).collect()
    }

    fn sample(&self, sample: &Value) -> Sample {
        self.entry("linkTable", &sample["linkIndex"]);
        let stack = self.entry("stackTable", &sample["stackIndex"]);
        let frames = |index| self.frames(self.entry("locationTable", index));
        let values: Vec<i64> = list(&sample["values"]).iter().map(number).collect();
        assert_eq!(values.len(), 1, "a profile has one sample type");
        Sample {
            stack: list(&stack["locationIndices"]).iter().flat_map(frames).collect(),
            values,
            labels: self.attributes(sample),
        }
    }

    fn frames(&self, location: &Value) -> Vec<Frame> {
        self.entry("mappingTable", &location["mappingIndex"]);
        let kind = self.attributes(location).remove("profile.frame.type");
        // An address that lies in no file may be of no known kind.
        let homeless = number(&location["mappingIndex"]) == 0;
        assert!(kind.map_or(homeless, |k| !k.is_empty()), "what kind of frame: {location}");
        let address =
            location["address"].as_str().map_or(0, |a| a.parse().expect("it has 64 bits"));
        let lines = list(&location["lines"]);
        if lines.is_empty() {
            return vec![Frame { address, ..Frame::default() }];
        }
        let frame = |line: &Value| {
            let function = self.entry("functionTable", &line["functionIndex"]);
            self.string(&function["systemNameStrindex"]);
            Frame {
                function: self.string(&function["nameStrindex"]),
                file: self.string(&function["filenameStrindex"]),
                line: number(&line["line"]),
                address,
            }
        };
        lines.iter().map(frame).collect()
    }
}
