//! The cost of making the requests for a large window: time, and the peak of memory without the window itself.
//!
//! `upload [ROUNDS]` prints a row of a table for each window and backend (tests/bench/upload has the heads): milliseconds
//! for encoding and splitting, for compression as the request wants it, and for both, each as the median and the best of
//! all rounds by the clock, and the best on the CPUs, where other load shows least; the peak of the first round's
//! encoding in MiB; parts, and the bodies' MiB before and after compression. Memory is what is resident, as everywhere in
//! this project: it needs no counting allocator, which would take a tenth of the time. Each row is of a process of its
//! own, so that none finds memory that another one left.
//!
//! Samples of the window `threads` differ by thread, as in a recording of a whole machine: those with the same stack
//! are one when only allowed labels are left. Those of `containers` stay apart: each program has three, and Parca, which
//! keeps no labels of samples, gets a series for each.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that prints")]

use output::testing::cpu_time;
use output::{
    FrameKind, FrameRef, Function, Label, LabelValue, Line, Location, LocationId, Mapping, Marks,
    Profile, ProfileBuilder, Sample, Trust,
};
use rustix::time::{ClockId, Timespec, clock_gettime};
use send::{Backend, Part, Series, prepare, wire_body};
use std::fmt;
use std::process::Command;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const SAMPLES: usize = 50_000;
const STACKS: usize = 20_000;
const FUNCTIONS: usize = 8_000;
const PROGRAMS: usize = 20;

const BACKENDS: [(&str, Backend); 3] =
    [("pyroscope", Backend::Pyroscope), ("parca", Backend::Parca), ("otlp", Backend::Otlp)];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().unwrap_or_else(|| "11".into());
    let Some((name, kind)) = arguments.next().zip(arguments.next()) else { return all(&rounds) };
    let backend = BACKENDS.iter().find(|(known, _)| *known == name).ok_or("no such backend")?.1;
    let window = window(kind == "containers");
    let (mut making, mut packing, mut both) = <(Times, Times, Times)>::default();
    let (mut parts, mut plain, mut packed, mut peak) = (0, 0, 0, 0.0);
    for round in 0..rounds.parse()? {
        // Begins the peak anew.
        std::fs::write("/proc/self/clear_refs", "5")?;
        let before = resident("VmRSS:")?;
        let begin = Moment::now();
        let made = prepare(backend, &window, &series())?;
        let middle = Moment::now();
        if round == 0 {
            peak = resident("VmHWM:")? - before;
        }
        let begin_packing = Moment::now();
        packed = made.iter().map(|part| wire_body(backend, part).len()).sum();
        let end = Moment::now();
        making.add(&[(begin, middle)]);
        packing.add(&[(begin_packing, end)]);
        both.add(&[(begin, middle), (begin_packing, end)]);
        (parts, plain) = (made.len(), made.iter().map(Part::body_len).sum());
    }
    let mib = |bytes: usize| bytes as f64 / 1_048_576.0;
    println!(
        "| {kind} | {name} | {making} | {packing} | {both} | {peak:.0} | {parts} | {:.1} | {:.1} |",
        mib(plain),
        mib(packed)
    );
    Ok(())
}

/// A point in time: by the clock, and of all threads on the CPUs.
#[derive(Clone, Copy)]
struct Moment(Instant, Timespec);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), clock_gettime(ClockId::ProcessCPUTime))
    }
}

/// Milliseconds of rounds, by the clock and on the CPUs.
#[derive(Default)]
struct Times(Vec<f64>, Vec<f64>);

impl Times {
    fn add(&mut self, spans: &[(Moment, Moment)]) {
        let on_cpu = |at: &Moment| at.1.tv_sec as f64 * 1e3 + at.1.tv_nsec as f64 / 1e6;
        self.0.push(spans.iter().map(|(from, to)| (to.0 - from.0).as_secs_f64() * 1e3).sum());
        self.1.push(spans.iter().map(|(from, to)| on_cpu(to) - on_cpu(from)).sum());
    }
}

/// The median and the best by the clock, and the best on the CPUs.
impl fmt::Display for Times {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = |of: &[f64]| of.iter().copied().fold(f64::INFINITY, f64::min);
        write!(to, "{:.0} / {:.0} / {:.0}", median(self.0.clone()), best(&self.0), best(&self.1))
    }
}

/// Runs itself for each window and backend.
fn all(rounds: &str) -> Result<()> {
    for kind in ["threads", "containers"] {
        for (name, _) in BACKENDS {
            let mut command = Command::new(std::env::current_exe()?);
            if !command.args([rounds, name, kind]).status()?.success() {
                return Err(format!("{name} failed").into());
            }
        }
    }
    Ok(())
}

fn series() -> Series {
    let allowed = ["service_name", "comm", "container_id", "unit"].map(String::from).to_vec();
    Series { service_name: "window".into(), labels: Vec::new(), allowed }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A figure of this process's memory, in MiB.
fn resident(name: &str) -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// A row of numbers that look like chance (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

/// Of many programs; stacks grow as in a program: most share their root's side with others.
fn window(containers: bool) -> Profile {
    let mut dice = Dice(88_172_645_463_325_252);
    let mut builder = ProfileBuilder::new(Profile {
        duration_nanos: 10_000_000_000,
        summary: "a window".into(),
        ..cpu_time()
    });
    let locations = locations(&mut builder, &mut dice);
    let stacks = stacks(&locations, &mut dice);
    for at in 0..SAMPLES {
        let stack = &stacks[at % STACKS];
        let frames = stack
            .iter()
            .rev()
            .map(|location| FrameRef { location: *location, trust: Trust::Sure })
            .collect();
        let count = 1 + dice.below(4) as i64;
        let values = vec![count, count * 10_000_000];
        builder.sample(Sample {
            frames,
            values,
            labels: labels(at, containers),
            marks: Marks::default(),
        });
    }
    builder.finish()
}

/// Root first; the one at `n` is of program `n % PROGRAMS`. A third of the places are the kernel's and the libraries'.
fn stacks(locations: &[LocationId], dice: &mut Dice) -> Vec<Vec<LocationId>> {
    let (common, own) = locations.split_at(locations.len() / 3);
    let mut stacks: Vec<Vec<LocationId>> = Vec::new();
    for at in 0..STACKS {
        let program = at % PROGRAMS;
        let own = &own[program * own.len() / PROGRAMS..(program + 1) * own.len() / PROGRAMS];
        // A branch of an earlier stack of this program, some frames deeper.
        let mut stack = match at / PROGRAMS {
            0 => vec![own[0]],
            earlier => {
                let from = &stacks[program + PROGRAMS * dice.below(earlier)];
                from[..1 + dice.below(from.len())].to_vec()
            }
        };
        for _ in 0..1 + dice.below(30) {
            let of = if dice.below(3) == 0 { common } else { own };
            // As in programs: few places are in most stacks.
            let place = (0..3).fold(of.len(), |end, _| dice.below(end) + 1);
            stack.push(of[place - 1]);
        }
        stacks.push(stack);
    }
    stacks
}

fn locations(builder: &mut ProfileBuilder, dice: &mut Dice) -> Vec<LocationId> {
    let mut locations = Vec::new();
    for at in 0..3 * FUNCTIONS {
        let mapping = builder.mapping(Mapping {
            start: 0x1000,
            end: 0x80_0000,
            offset: 0x1000,
            file: format!("/usr/lib/x86_64-linux-gnu/libpart{}.so.1", at % 60),
            build_id: format!("{:040x}", at % 60),
        });
        let mut lines = Vec::new();
        for _ in 0..1 + dice.below(2) {
            let number = dice.below(FUNCTIONS);
            let name = format!("part{}::module{}::function_{number}", number % 60, number % 700);
            let file = format!("/src/part{}/src/module{}.rs", number % 60, number % 700);
            let system_name = format!("_ZN4part{number}6module8function17h{number:016x}E");
            let function = builder.function(Function { name, system_name, file, start_line: 0 });
            lines.push(Line { function, line: 1 + dice.below(2_000) as i64 });
        }
        let address = 0x1000 + dice.below(0x7f_0000) as u64;
        let kind = FrameKind::User;
        locations.push(builder.location(Location { mapping: Some(mapping), address, lines, kind }));
    }
    locations
}

/// A sample's labels: no two samples of a stack have the same ones.
fn labels(at: usize, containers: bool) -> Vec<Label> {
    let text = |key: &str, text: String| Label { key: key.into(), value: LabelValue::Text(text) };
    let number = |key: &str, n: usize| Label {
        key: key.into(),
        value: LabelValue::Number(n as i64, String::new()),
    };
    let program = at % PROGRAMS;
    let mut labels = vec![text("comm", format!("server-{program}"))];
    if containers {
        labels.push(text("container_id", format!("{:064x}", at / STACKS + 3 * program)));
    }
    labels.extend([
        number("pid", 1_000 + program),
        text("thread", format!("worker-{}", at % 7)),
        number("tid", 1_000 + at / STACKS + 3 * program),
    ]);
    if containers {
        labels.push(text("unit", format!("server-{program}.service")));
    }
    labels
}
