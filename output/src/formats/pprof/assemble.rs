//! From pprof's rows to a profile. Ids become indices, strings become text, and our own labels become marks.

use super::fields::{Meter, Parts, malformed};
use super::{APPROXIMATE_LINES, CALLER_MAY_BE_MISSING, GUESSED_FRAMES, NO_FILE, TRUNCATED, wire};
use crate::model::profile::{
    FrameKind, FrameRef, Function, FunctionId, INTERPRETED, Label, LabelValue, Line, Location,
    LocationId, Mapping, MappingId, Marks, Profile, Sample, Trust, ValueType,
};
use crate::tell::{SERVICE, SUMMARY};
use crate::{Error, ProfileBuilder};
use prost::Message;
use std::borrow::Cow;
use std::collections::HashMap;

/// The profile of these parts.
pub(super) fn profile(parts: &Parts<'_>, meter: &mut Meter) -> Result<Profile, Error> {
    let strings = Strings(&parts.strings);
    if strings.0.first().is_none_or(|first| !first.is_empty()) {
        return malformed("its string table does not begin with the empty string");
    }
    let head = head(parts, &strings)?;
    let types = head.sample_types.len();
    let builder = ProfileBuilder::new(head);
    let mut assembly = Assembly {
        strings,
        meter,
        builder,
        mappings: Ids::new("mapping"),
        functions: Ids::new("function"),
        locations: Ids::new("location"),
    };
    parts.mappings.iter().try_for_each(|row| assembly.mapping(row))?;
    parts.functions.iter().try_for_each(|row| assembly.function(row))?;
    parts.locations.iter().try_for_each(|row| assembly.location(row))?;
    parts.samples.iter().try_for_each(|row| assembly.sample(row, types))?;
    Ok(assembly.builder.finish())
}

/// The first mapping's file.
fn program(parts: &Parts<'_>) -> Result<Option<String>, Error> {
    let Some(bytes) = parts.mappings.first() else { return Ok(None) };
    let message: wire::Mapping = row(bytes)?;
    let file = Strings(&parts.strings).text(message.filename)?;
    Ok(Some(file.into_owned()).filter(|file| !file.is_empty() && file != NO_FILE))
}

fn row<T: Message + Default>(bytes: &[u8]) -> Result<T, Error> {
    T::decode(bytes).or_else(|error| malformed(format!("an entry is damaged ({error})")))
}

/// The string table.
struct Strings<'a>(&'a [&'a [u8]]);

impl<'a> Strings<'a> {
    fn text(&self, index: i64) -> Result<Cow<'a, str>, Error> {
        let bytes = usize::try_from(index).ok().and_then(|index| self.0.get(index));
        bytes.map_or_else(
            || malformed(format!("it refers to string {index} of {}", self.0.len())),
            |bytes| Ok(String::from_utf8_lossy(bytes)),
        )
    }

    /// As [`Strings::text`], owned, and charged to the meter.
    fn owned(&self, index: i64, meter: &mut Meter) -> Result<String, Error> {
        let text = self.text(index)?.into_owned();
        meter.take::<u8>(text.len())?;
        Ok(text)
    }

    fn value_type(&self, bytes: &[u8]) -> Result<ValueType, Error> {
        let message: wire::ValueType = row(bytes)?;
        Ok(ValueType {
            kind: self.text(message.kind)?.into(),
            unit: self.text(message.unit)?.into(),
        })
    }
}

fn head(parts: &Parts<'_>, strings: &Strings<'_>) -> Result<Profile, Error> {
    // A few types are usual. Each is a column of every sample.
    if parts.sample_types.is_empty() || parts.sample_types.len() > 256 {
        return malformed(format!("it has {} sample types", parts.sample_types.len()));
    }
    let types: Vec<_> = parts
        .sample_types
        .iter()
        .map(|bytes| strings.value_type(bytes))
        .collect::<Result<_, _>>()?;
    let default = strings.text(parts.default_sample_type)?;
    let mut head = Profile {
        // By the format's rule, the last type is the default.
        default_sample_type: types
            .iter()
            .position(|t| t.kind == default)
            .unwrap_or(types.len() - 1),
        sample_types: types,
        period_type: strings.value_type(parts.period_type)?,
        period: parts.period,
        time_nanos: parts.time_nanos,
        duration_nanos: parts.duration_nanos,
        program: program(parts)?,
        ..Profile::default()
    };
    for comment in &parts.comments {
        let text = strings.text(*comment)?;
        let (summary, service) = (text.strip_prefix(SUMMARY), text.strip_prefix(SERVICE));
        match (summary, service) {
            (Some(summary), _) if head.summary.is_empty() => head.summary = summary.to_owned(),
            (_, Some(name)) if head.service.is_none() => head.service = Some(name.to_owned()),
            _ => head.comments.push(text.into_owned()),
        }
    }
    Ok(head)
}

/// The index of each id. Ids may be any number except 0.
struct Ids<T> {
    what: &'static str,
    of: HashMap<u64, T>,
}

impl<T: Copy> Ids<T> {
    fn new(what: &'static str) -> Self {
        Self { what, of: HashMap::new() }
    }

    fn put(&mut self, id: u64, value: T) -> Result<(), Error> {
        if id == 0 || self.of.insert(id, value).is_some() {
            return malformed(format!("the id of a {} is 0 or there twice", self.what));
        }
        Ok(())
    }

    fn get(&self, id: u64) -> Result<T, Error> {
        self.of.get(&id).copied().map_or_else(
            || malformed(format!("it refers to {} {id}, which is not there", self.what)),
            Ok,
        )
    }
}

struct Assembly<'a, 'm> {
    strings: Strings<'a>,
    meter: &'m mut Meter,
    builder: ProfileBuilder,
    mappings: Ids<(MappingId, FrameKind)>,
    functions: Ids<FunctionId>,
    locations: Ids<LocationId>,
}

/// The memory of a row: in the builder's table, in its index, and the entry of `Ids`.
type TableRow<T> = (T, T, [u64; 4]);

impl Assembly<'_, '_> {
    fn mapping(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let message: wire::Mapping = row(bytes)?;
        if *self.strings.text(message.filename)? == *NO_FILE {
            return Ok(());
        }
        self.meter.take::<TableRow<Mapping>>(1)?;
        let mut file = self.strings.owned(message.filename, self.meter)?;
        if file.is_empty() {
            file = "[unnamed]".into();
        }
        let kind = kind(&file);
        let mapping = self.builder.mapping(Mapping {
            start: message.memory_start,
            end: message.memory_limit,
            offset: message.file_offset,
            file,
            build_id: self.strings.owned(message.build_id, self.meter)?,
        });
        self.mappings.put(message.id, (mapping, kind))
    }

    fn function(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let message: wire::Function = row(bytes)?;
        self.meter.take::<TableRow<Function>>(1)?;
        let function = self.builder.function(Function {
            name: self.strings.owned(message.name, self.meter)?,
            system_name: self.strings.owned(message.system_name, self.meter)?,
            file: self.strings.owned(message.filename, self.meter)?,
            start_line: message.start_line,
        });
        self.functions.put(message.id, function)
    }

    fn location(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let message: wire::Location = row(bytes)?;
        self.meter.take::<TableRow<Location>>(1)?;
        self.meter.take::<[Line; 2]>(message.line.len())?;
        let mut lines = Vec::with_capacity(message.line.len());
        for line in &message.line {
            lines.push(Line { function: self.functions.get(line.function_id)?, line: line.line });
        }
        let (mapping, kind) = match message.mapping_id {
            0 if lines.is_empty() => (None, FrameKind::Unknown),
            // Frames of interpreters have no address. Code with an address and without a file was made at run time.
            0 => (None, if message.address == 0 { FrameKind::User } else { FrameKind::Jit }),
            id => self.mappings.get(id).map(|(mapping, kind)| (Some(mapping), kind))?,
        };
        let location =
            self.builder.location(Location { mapping, address: message.address, lines, kind });
        self.locations.put(message.id, location)
    }

    fn sample(&mut self, bytes: &[u8], types: usize) -> Result<(), Error> {
        let message: wire::Sample = row(bytes)?;
        self.meter.take::<Sample>(1)?;
        self.meter.take::<FrameRef>(message.location_id.len())?;
        self.meter.take::<i64>(message.value.len())?;
        self.meter.take::<Label>(message.label.len())?;
        if message.value.len() != types {
            return malformed(format!(
                "a sample has {} values for {types} sample types",
                message.value.len()
            ));
        }
        let mut frames = Vec::with_capacity(message.location_id.len());
        for id in &message.location_id {
            frames.push(FrameRef { location: self.locations.get(*id)?, trust: Trust::Sure });
        }
        let mut sample =
            Sample { frames, values: message.value, labels: Vec::new(), marks: Marks::default() };
        for label in &message.label {
            self.label(label, &mut sample)?;
        }
        sample.labels.sort();
        self.builder.sample(sample);
        Ok(())
    }

    fn label(&mut self, label: &wire::Label, to: &mut Sample) -> Result<(), Error> {
        let key = self.strings.owned(label.key, self.meter)?;
        let value = match label.str {
            0 => LabelValue::Number(label.num, self.strings.owned(label.num_unit, self.meter)?),
            text => LabelValue::Text(self.strings.owned(text, self.meter)?),
        };
        let set = matches!(&value, LabelValue::Text(text) if text == "true");
        let number = match &value {
            LabelValue::Number(number, _) => u32::try_from(*number).unwrap_or(0),
            LabelValue::Text(_) => 0,
        };
        let first = |mark: u32| mark == 0 && number > 0;
        match key.as_str() {
            GUESSED_FRAMES if first(to.marks.guessed_frames) => to.marks.guessed_frames = number,
            APPROXIMATE_LINES if first(to.marks.approximate_lines) => {
                to.marks.approximate_lines = number;
            }
            TRUNCATED if set => to.marks.truncated = true,
            CALLER_MAY_BE_MISSING if set => to.marks.caller_may_be_missing = true,
            _ => to.labels.push(Label { key, value }),
        }
        Ok(())
    }
}

/// The kind of a mapping's code, from its name.
fn kind(file: &str) -> FrameKind {
    let kernel = ["[kernel", "[guest.kernel", "[bpf", "[vmlinux"];
    if kernel.iter().any(|name| file.starts_with(name)) || file.ends_with("/vmlinux") {
        return FrameKind::Kernel;
    }
    let name = file.rsplit('/').next().unwrap_or(file);
    if [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|ending| name.ends_with(ending)) {
        return FrameKind::Kernel;
    }
    match file {
        "[jit]" | "//anon" | "[anon]" => FrameKind::Jit,
        INTERPRETED => FrameKind::Interpreted,
        "[unknown]" => FrameKind::Unknown,
        // Files, and `[vdso]`, `[vsyscall]`, `[heap]`, `[unnamed]`. Any other name in brackets is a kernel module.
        _ if !file.starts_with('[') => FrameKind::User,
        "[vdso]" | "[vsyscall]" | "[uprobes]" | "[heap]" | "[stack]" | "[unnamed]" => {
            FrameKind::User
        }
        _ => FrameKind::Kernel,
    }
}
