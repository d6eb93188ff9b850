//! The program that keeps the shadow call stack, and what it reports.

use super::file::Loaded;
use super::report::Report;
use super::walk::{Memory, Walked, walk};
use crate::Skip;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What is to be followed, by virtual addresses of the file.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Reports of each address at most.
    pub(crate) each: u32,
    /// Report addresses that the file's tables cover, too.
    pub(crate) covered: bool,
    /// Functions that are followed from their begin; without any all is followed from the program's entry.
    pub(crate) from: Vec<u64>,
    /// Instructions that each is followed for, until it runs on to its return.
    pub(crate) steps: u64,
}

/// A program that is single-stepped.
pub(crate) struct Shadow {
    tracer: Child,
    orders: ChildStdin,
    reports: BufReader<ChildStdout>,
    pid: u32,
    memory: File,
    ended: bool,
}

impl Shadow {
    /// Starts a command, and waits until its libraries are mapped.
    pub(crate) fn start(shadow: &Path, command: &Command) -> Result<Self, Skip> {
        let mut traced = Command::new(shadow);
        traced.arg(command.get_program()).args(command.get_args());
        traced.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut tracer = traced.spawn().expect("the tracer starts");
        let orders = tracer.stdin.take().expect("it is piped");
        let mut reports = BufReader::new(tracer.stdout.take().expect("it is piped"));
        let mut line = String::new();
        reports.read_line(&mut line).expect("it writes text");
        let Some(pid) = line.trim().strip_prefix("ready ") else {
            let _ = tracer.wait();
            return Err(Skip(String::from("a child may not be traced here")));
        };
        let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory is readable");
        Ok(Self {
            tracer,
            orders,
            reports,
            pid: pid.parse().expect("a number"),
            memory,
            ended: false,
        })
    }

    /// The traced process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets it go on.
    pub(crate) fn order(&mut self, orders: &Orders, file: &Loaded) {
        let at = |address: u64| address.wrapping_add(file.bias);
        let mut text = String::new();
        let ranges = if orders.covered { &file.code } else { &file.gaps };
        for range in ranges {
            let (start, end) = (at(range.start), at(range.end));
            let _ = writeln!(text, "range {start:x} {end:x} {}", orders.each);
        }
        for &function in &orders.from {
            let _ = writeln!(text, "from {:x}", at(function));
        }
        let _ = writeln!(text, "go {}", orders.steps);
        self.orders.write_all(text.as_bytes()).expect("it reads its orders");
    }

    /// What was found in the next function that is followed, up to its return; `None` at the end. What is not sure is
    /// left out: the function did not return as its shadow says.
    pub(crate) fn window(&mut self, file: &Loaded) -> Option<Vec<Walked>> {
        let mut walked = Vec::new();
        while !self.ended {
            let mut line = String::new();
            self.reports.read_line(&mut line).expect("it writes text");
            let mut words = line.split_whitespace();
            match words.next() {
                Some("at") => {
                    walked.push(walk(&Report::read(words), file, &Memory(&self.memory)));
                    self.orders.write_all(b"\n").expect("it waits for an answer");
                }
                Some("returned") => return Some(walked),
                Some("lost") => walked.clear(),
                end => {
                    assert_eq!(end, Some("end"), "the program was followed to its end");
                    self.ended = true;
                }
            }
        }
        (!walked.is_empty()).then_some(walked)
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        // Its child is killed with it.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
