//! The labels of samples.

use crate::judge::recording::Recording;
use crate::record::counts::Key;
use bpf::{Comm, Flags};
use output::{Label, LabelValue};
use std::borrow::Cow;
use std::collections::HashMap;
use symbolizer::ProcessTable;

/// The labels of samples, and the names of processes.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    table: &'a ProcessTable,
    threads: bool,
    main_names: &'a HashMap<u32, Comm>,
}

impl<'a> Labels<'a> {
    /// Those of a recording; `threads`: with the labels of threads.
    pub(crate) fn new(recording: &Recording<'a>, threads: bool) -> Self {
        Self { table: recording.table, threads, main_names: &recording.counts.main_names }
    }

    /// The labels of a key: `comm` always, because graphs of the machine need it; `pid`, `tid` and `thread` on request.
    pub(crate) fn of(&self, key: &Key) -> Vec<Label> {
        let label = |key: &str, value| Label { key: String::from(key), value };
        let text = |key, bytes: &[u8]| {
            label(key, LabelValue::Text(String::from_utf8_lossy(bytes).into_owned()))
        };
        let number = |key, value: u32| label(key, LabelValue::Number(value.into(), String::new()));
        let mut list = vec![text("comm", &self.process(key))];
        if self.threads && key.space.is_some() {
            list.push(number("pid", key.pid));
            list.push(text("thread", key.comm.bytes()));
            list.push(number("tid", key.tid));
        }
        list
    }

    /// The process's name: the name of its main thread, or a substitute.
    fn process(&self, key: &Key) -> Cow<'_, [u8]> {
        let Some(space) = key.space else {
            let name =
                if key.flags.has(Flags::IDLE) { "swapper" } else { "[another PID namespace]" };
            return Cow::Borrowed(name.as_bytes());
        };
        match (self.table.name(space), self.main_names.get(&key.pid)) {
            ([], Some(comm)) => Cow::Borrowed(comm.bytes()),
            ([], None) => Cow::Owned(format!("[pid {}]", key.pid).into_bytes()),
            (name, _) => Cow::Borrowed(name),
        }
    }
}
