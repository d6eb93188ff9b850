//! The figures of a recording as JSON, for `--stats`. The JSON is written by hand: it is one object with numbers and
//! fixed names, and a serialization framework would be larger than this file.

use output::Facts;
use output::facts::{Cost, EventFacts, Rate};
use output::quality::{Defect, Defects, Quality};
use std::fmt::Write;

/// The JSON text: the facts of a recording, its files, and the outcomes of sending it.
pub(crate) fn json(facts: &Facts, files: &[String], push: &[Object]) -> String {
    let mut top = Object::new();
    recording(facts, &mut top);
    quality(&facts.quality, &mut top);
    top.number("warnings", facts.spoilt_files.len());
    cost(&facts.cost, &mut top);
    top.list("files", files).objects("push", push);
    top.finish()
}

fn recording(facts: &Facts, top: &mut Object) {
    let event = facts.events.first();
    let rate = event.and_then(|event| event.rate.hertz());
    top.text("version", &facts.version)
        .text("target", &facts.target)
        .text("event", event.map_or("", |event| &event.name));
    top.maybe("frequency_hz", rate.map(u64::from)).number("cpus", facts.cpus);
    top.number("duration_ns", facts.duration).number("samples", facts.quality.samples);
    let cpu = facts.cpu.as_ref();
    top.maybe("cpu_ns", cpu.map(|time| time.sampled));
    top.maybe("accounted_cpu_ns", cpu.and_then(|time| time.accounted));
    top.number("lost_total", facts.lost_total());
    top.object("lost", facts.lost_by_cause().into_iter());
    top.number("side_band_lost", facts.side_band_lost)
        .number("expected_ticks", facts.sum(|event| event.expected));
    top.number("runs", facts.sum(|event| event.runs))
        .number("idle_runs", facts.sum(|event| event.idle))
        .number("foreign_runs", facts.sum(|event| event.foreign));
    top.objects("events", &facts.events.iter().map(event_figures).collect::<Vec<_>>());
}

fn event_figures(event: &EventFacts) -> Object {
    let mut object = Object::new();
    object.text("name", &event.name).text("unit", event.unit);
    match event.rate {
        Rate::Hertz(hertz) => object.number("hertz", hertz),
        Rate::Every(count) => object.number("every", count),
    };
    object.number("samples", event.samples).number("weight", event.weight);
    object.number("lost", event.lost.values().sum::<u64>()).number("runs", event.runs);
    object
}

fn quality(quality: &Quality, top: &mut Object) {
    top.number("processes", quality.processes).number("stacks", quality.stacks);
    top.number("user_samples", quality.user_samples).number("truncated", quality.truncated);
    top.number("complete", quality.complete)
        .number("complete_with_guess", quality.complete_with_guess)
        .number("unsure", quality.unsure)
        .number("incomplete", quality.incomplete);
    top.objects("unsure_by", &reasons(&quality.unsure_by));
    top.objects("incomplete_by", &reasons(&quality.incomplete_by));
    top.number("guessed", quality.guessed).number("kernel_truncated", quality.kernel_truncated);
    top.number("stale", quality.stale).number("compat", quality.compat);
    top.number("exiting", quality.exiting);
    top.number("caller_may_be_missing", quality.caller_may_be_missing);
    top.number("user_frames", quality.user_frames)
        .number("unresolved_frames", quality.unnamed_frames())
        .number("approximate_frames", quality.approximate_frames);
    let unnamed = quality.unnamed.iter().map(|unnamed| (unnamed.reason, unnamed.frames));
    top.object("unresolved", unnamed);
    top.number("kernel_unresolved_frames", quality.kernel_unnamed);
}

fn cost(cost: &Cost, top: &mut Object) {
    top.number("bpf_runs", cost.program_runs)
        .number("bpf_ns", cost.program_time)
        .number("bpf_map_bytes", cost.map_bytes)
        .number("unwind_table_bytes", cost.table_bytes);
    top.number("own_cpu_ns", cost.cpu_time).number("own_anonymous_bytes", cost.anonymous_bytes);
    top.number("own_file_bytes", cost.file_bytes).maybe("first_sample_ns", cost.first_sample);
    top.number("finishing_ns", cost.finishing);
}

/// An object for each reason and file. Those with the most samples come first.
fn reasons(by: &Defects) -> Vec<Object> {
    let object = |(defect, file, samples): (Defect, &str, u64)| {
        let mut object = Object::new();
        object.text("reason", defect.phrase()).text("file", file).number("samples", samples);
        object
    };
    by.largest().into_iter().map(object).collect()
}

/// A JSON object under construction.
#[derive(Debug)]
pub(crate) struct Object {
    text: String,
}

impl Object {
    /// An empty object.
    pub(crate) fn new() -> Self {
        Self { text: String::from("{") }
    }

    fn key(&mut self, key: &str) -> &mut String {
        let comma = if self.text.ends_with('{') { "" } else { "," };
        self.text.push_str(comma);
        self.text.push_str("\n  ");
        quote(key, &mut self.text);
        self.text.push_str(": ");
        &mut self.text
    }

    /// Adds a value without quotes.
    pub(crate) fn number(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(self.key(key), "{value}");
        self
    }

    fn maybe(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.number(key, "null"),
        }
    }

    /// Adds a text in quotes.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        quote(value, self.key(key));
        self
    }

    fn object<'a>(
        &mut self,
        key: &str,
        entries: impl Iterator<Item = (&'a str, u64)>,
    ) -> &mut Self {
        let entry = |(name, value)| {
            let mut text = String::new();
            quote(name, &mut text);
            format!("{text}: {value}")
        };
        let entries: Vec<String> = entries.map(entry).collect();
        self.number(key, format_args!("{{{}}}", entries.join(", ")))
    }

    /// Adds a list of texts.
    pub(crate) fn list(&mut self, key: &str, entries: &[String]) -> &mut Self {
        let quoted = |entry: &String| {
            let mut text = String::new();
            quote(entry, &mut text);
            text
        };
        let entries: Vec<String> = entries.iter().map(quoted).collect();
        self.number(key, format_args!("[{}]", entries.join(", ")))
    }

    /// Adds a list of objects, one on each line.
    fn objects(&mut self, key: &str, entries: &[Self]) -> &mut Self {
        // Line breaks in texts are escaped, so these are the ones between entries.
        let line = |entry: &Self| format!("\n    {}}}", entry.text.replace("\n  ", " "));
        let lines: Vec<String> = entries.iter().map(line).collect();
        self.number(key, format_args!("[{}]", lines.join(",")))
    }

    fn finish(mut self) -> String {
        self.text.push_str("\n}\n");
        self.text
    }
}

fn quote(value: &str, to: &mut String) {
    to.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => to.extend(['\\', c]),
            c if c.is_ascii_control() => {
                let _ = write!(to, "\\u{:04x}", u32::from(c));
            }
            c => to.push(c),
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        let facts = Facts { target: String::from("a \"b\"\\\n\u{1}é"), ..Facts::default() };
        let text = json(&facts, &[String::from("x.svg")], &[]);
        assert!(text.contains(r#""target": "a \"b\"\\\u000a\u0001é","#), "{text}");
        assert!(text.contains(r#""files": ["x.svg"]"#), "{text}");
        assert!(text.contains(r#""accounted_cpu_ns": null,"#), "{text}");
        assert!(text.starts_with("{\n  \"version\"") && text.ends_with("\n}\n"), "{text}");
    }

    #[test]
    fn losses_are_an_object_by_cause() {
        let lost = [("ring full", 3), ("nested", 1)].into();
        let text = json(&Facts { lost, ..Facts::default() }, &[], &[]);
        assert!(text.contains(r#""lost": {"nested": 1, "ring full": 3},"#), "{text}");
        assert!(text.contains(r#""lost_total": 4,"#), "{text}");
    }

    #[test]
    fn objects_stand_one_a_line() {
        let mut inner = Object::new();
        inner.text("a", "x\n  y").number("b", 1);
        let text = json(&Facts::default(), &[], &[inner]);
        assert!(text.contains("\"push\": [\n    { \"a\": \"x\\u000a  y\", \"b\": 1}]"), "{text}");
    }

    #[test]
    fn the_three_figures_and_their_reasons_are_there() {
        let defect = |defect, file: &str| (defect, String::from(file));
        let quality = Quality {
            complete: 90,
            complete_with_guess: 5,
            unsure: 2,
            incomplete: 3,
            unsure_by: Defects([(defect(Defect::Stale, "a"), 2)].into()),
            incomplete_by: Defects(
                [(defect(Defect::NoRule, "a\"b"), 1), (defect(Defect::Broken, "c"), 2)].into(),
            ),
            ..Quality::default()
        };
        let facts = Facts { quality, ..Facts::default() };
        let text = json(&facts, &[], &[]);
        for part in [
            r#""complete": 90,"#,
            r#""complete_with_guess": 5,"#,
            r#""unsure": 2,"#,
            r#""incomplete": 3,"#,
            "\"unsure_by\": [\n    { \"reason\": \"unwind tables not ready\", \"file\": \"a\", \"samples\": 2}]",
            "\"incomplete_by\": [\n    { \"reason\": \"broken frame chain\", \"file\": \"c\", \"samples\": 2},\n    \
             { \"reason\": \"no unwind rule\", \"file\": \"a\\\"b\", \"samples\": 1}]",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
