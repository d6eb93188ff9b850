//! Recordings of programs whose stacks are known, and how many of them are exact.

use super::calls::{Calls, Frame};
use super::edges;
use crate::lab::{self, Running};
use crate::pprof_file::{PprofFile, Sample};
use crate::{Skip, recording::Recording};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The share that must be exact.
const SHARE: f64 = 0.999;
/// So many samples stand behind it.
const SAMPLES: u64 = 2_000;
/// So many of them stand in prologues and epilogues.
const EDGES: u64 = 10;
/// What is called by nothing: whole stacks begin here.
const FIRST: [&str; 4] = ["_start", "clone3", "__clone3", "runtime.goexit"];

/// The expectation of a stack.
pub(super) enum Oracle {
    /// One that the program's calls allow, below what the C library or the runtime begins with.
    Calls(Calls),
    /// The same; stacks whose leaf is none of the program's functions (a runtime's own threads) are not looked at.
    Own(Calls),
    /// Whatever fits.
    Fits(fn(&[Frame]) -> bool),
}

/// A program with known stacks.
pub(super) struct Fixture {
    /// What to call it.
    pub(super) case: &'static str,
    pub(super) program: PathBuf,
    /// The file whose prologues and epilogues count.
    pub(super) code: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(&'static str, &'static str)>,
    pub(super) oracle: Oracle,
    /// Stacks that differ where no rule can be right: they are told, and do not count.
    pub(super) left_out: fn(&[Frame]) -> bool,
}

impl Fixture {
    /// A program of `testdata/programs/` and its calls.
    pub(super) fn new(name: &'static str, calls: &str) -> Result<Self, Skip> {
        let program = lab::program(name)?;
        Ok(Self {
            case: name,
            code: program.clone(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            oracle: Oracle::Calls(Calls::parse(calls)),
            left_out: |_| false,
        })
    }

    /// The same under another name and with arguments.
    pub(super) fn with(mut self, case: &'static str, arguments: &[&str]) -> Self {
        self.case = case;
        self.arguments = arguments.iter().map(|&argument| String::from(argument)).collect();
        self
    }

    /// The same with another oracle.
    pub(super) fn by(mut self, oracle: Oracle) -> Self {
        self.oracle = oracle;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().copied());
        command
    }

    /// Starts it, and waits until its first functions have run.
    pub(super) fn start(&self) -> Running {
        let running = lab::start(&mut self.command());
        lab::wait_for("the program's loop", || (lab::cpu_ticks(running.pid()) > 10).then_some(()));
        running
    }
}

/// The recording of a program.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) samples: u64,
    pub(super) exact: u64,
    /// Samples in prologues and epilogues.
    edges: u64,
    /// Those that differ and do not count.
    left_out: u64,
    /// The others, by stack.
    differ: BTreeMap<String, u64>,
}

impl Figures {
    /// Reads the samples that are this program's.
    pub(super) fn read(
        fixture: &Fixture,
        file: &PprofFile,
        pid: Option<u32>,
    ) -> Result<Self, Skip> {
        let edges = edges::of(&fixture.code)?;
        let pid = pid.map(|pid| pid.to_string());
        let ours =
            |s: &&Sample| (pid.is_none() || s.label("pid") == pid.as_deref()) && !s.is_exiting();
        let samples: Vec<_> =
            file.samples.iter().filter(ours).map(|s| (user_frames(file, s), s)).collect();
        let prefix = commonest_prefix(&fixture.oracle, &samples);
        let mut figures = Self::default();
        for (stack, sample) in &samples {
            if !fixture.oracle.looks_at(stack) {
                continue;
            }
            let count = sample.values[0] as u64;
            let exact = fixture.oracle.is_exact(stack, &prefix);
            if !exact && (fixture.left_out)(stack) {
                figures.left_out += count;
                continue;
            }
            figures.samples += count;
            if exact {
                figures.exact += count;
            } else {
                *figures.differ.entry(text(stack)).or_default() += count;
            }
            if at_edge(&edges, &fixture.code, stack, sample) {
                figures.edges += count;
            }
        }
        Ok(figures)
    }

    /// The share that is exact, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.exact as f64 / self.samples.max(1) as f64
    }

    /// The same where so many of those that differ are allowed to.
    pub(super) fn without(mut self, said: u64) -> Self {
        let allowed = said.min(self.samples - self.exact);
        self.samples -= allowed;
        self
    }

    /// What is to be told: the figures, and the commonest stacks that differ.
    pub(super) fn told(&self, case: &str) -> String {
        let mut told = format!(
            "{case}: {:.4} % of {} stacks exact, {} in prologues and epilogues, {} left out\n",
            100.0 * self.share(),
            self.samples,
            self.edges,
            self.left_out
        );
        let mut differ: Vec<_> = self.differ.iter().collect();
        differ.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        for (stack, count) in differ.into_iter().take(8) {
            let _ = writeln!(told, "  {count} x {stack}");
        }
        told
    }

    /// Whether the measure is met.
    pub(super) fn is_good(&self) -> bool {
        self.samples >= SAMPLES
            && self.edges >= EDGES
            && self.left_out < self.samples / 10
            && self.share() >= SHARE
    }
}

/// Records all of them at once, and compares their stacks with those that they can have.
///
/// # Panics
/// When less than 99.9 % of a program's stacks are exact.
pub(super) fn measure(fixtures: &[Fixture]) -> Result<(), Skip> {
    lab::need_root()?;
    let seconds = 3 + 2 * fixtures.len();
    let mut figures = record(fixtures, seconds)?;
    // The machine may have much else to do.
    if figures.iter().any(|figures| figures.samples < SAMPLES) {
        figures = record(fixtures, 4 * seconds)?;
    }
    let told: Vec<_> = fixtures.iter().map(|fixture| fixture.case).zip(&figures).collect();
    tell(&told);
    Ok(())
}

fn record(fixtures: &[Fixture], seconds: usize) -> Result<Vec<Figures>, Skip> {
    let running: Vec<Running> = fixtures.iter().map(Fixture::start).collect();
    let pids: Vec<String> = running.iter().map(|running| running.pid().to_string()).collect();
    let options = format!("--no-inline -F 4999 -d {seconds}s -p {}", pids.join(","));
    let recording = Recording::make(&options, &[]);
    let pid = |running: &Running| (fixtures.len() > 1).then_some(running.pid());
    let both = fixtures.iter().zip(&running);
    both.map(|(fixture, running)| Figures::read(fixture, &recording.pprof, pid(running))).collect()
}

/// Tells all figures, and fails where one is not good.
#[track_caller]
pub(super) fn tell(figures: &[(&str, &Figures)]) {
    let told: String = figures.iter().map(|(case, figures)| figures.told(case)).collect();
    let good = figures.iter().all(|(_, figures)| figures.is_good());
    if good {
        let _ = std::io::stderr().write_all(told.as_bytes());
    }
    assert!(good, "{told}");
}

impl Oracle {
    fn looks_at(&self, stack: &[Frame]) -> bool {
        match self {
            Self::Own(calls) => stack.last().is_some_and(|leaf| calls.has(leaf)),
            _ => true,
        }
    }

    fn is_exact(&self, stack: &[Frame], prefix: &[Frame]) -> bool {
        match self {
            Self::Calls(calls) | Self::Own(calls) => {
                let whole = stack.first().is_some_and(|first| FIRST.contains(&first.name.as_str()));
                whole && begins(stack, prefix) && calls.fit(&stack[prefix.len()..])
            }
            Self::Fits(fits) => fits(stack),
        }
    }
}

/// What most of the stacks begin with, before the program's first function.
fn commonest_prefix(oracle: &Oracle, samples: &[(Vec<Frame>, &Sample)]) -> Vec<Frame> {
    let (Oracle::Calls(calls) | Oracle::Own(calls)) = oracle else { return Vec::new() };
    let mut counts: BTreeMap<&[Frame], i64> = BTreeMap::new();
    for (stack, sample) in samples {
        if let Some(root) = stack.iter().position(|frame| calls.is_root(frame)) {
            *counts.entry(&stack[..root]).or_default() += sample.values[0];
        }
    }
    counts.into_iter().max_by_key(|&(_, count)| count).map(|(p, _)| p.to_vec()).unwrap_or_default()
}

/// Whether a stack begins with these functions, whatever program they lie in.
fn begins(stack: &[Frame], prefix: &[Frame]) -> bool {
    stack.len() >= prefix.len() && stack.iter().zip(prefix).all(|(a, b)| a.name == b.name)
}

/// A sample's frames outside the kernel.
fn user_frames(file: &PprofFile, sample: &Sample) -> Vec<Frame> {
    let mut names = sample.stack.iter();
    let places = sample.names.iter().zip(&sample.mappings).zip(&sample.addresses);
    let frames = places.map(|((&count, mapping), &address)| {
        let name = names.by_ref().take(count).last();
        let name = name.map_or_else(|| format!("{address:#x}"), |name| plain(name));
        let file = mapping.map_or_else(String::new, |m| file_name(&file.mappings[m].file));
        // The kernel's code has no address.
        (address != 0 || mapping.is_none()).then_some(Frame { name, file })
    });
    frames.flatten().collect()
}

/// A part of a function that stands elsewhere is the function.
fn plain(name: &str) -> String {
    let name = name.strip_suffix(" [clone .cold]").unwrap_or(name);
    String::from(name.strip_suffix(".cold").unwrap_or(name))
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether the user stack's leaf is at a prologue's or epilogue's instruction of the program.
fn at_edge(edges: &HashSet<u64>, program: &Path, stack: &[Frame], sample: &Sample) -> bool {
    let Some(leaf) = stack.last() else { return false };
    let address = sample.addresses.iter().rfind(|&&address| address != 0);
    program.file_name().is_some_and(|name| name.to_string_lossy() == leaf.file)
        && address.is_some_and(|address| edges.contains(address))
}

fn text(stack: &[Frame]) -> String {
    stack.iter().map(|frame| frame.name.as_str()).collect::<Vec<_>>().join(";")
}
