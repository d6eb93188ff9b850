//! Names that are made during a recording: those of code that a runtime interprets or compiles. They come from the memory of its process, which
//! ends with the process, and in which code objects are freed and replaced. So each place is named soon after its first sample.
//!
//! A thread of its own asks, so that nobody waits for an answer while samples come.

use super::ask::files::NoFiles;
use super::ask::{Answers, Question, Runs};
use super::sorted::Sorted;
use super::{Named, Texts, Usage};
use crate::place::Place;
use crate::process::ProcessTable;
use crate::runtime::{Object, Runtime};
use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The most places that are named during a cut. Further ones are named at its end, where their process still lives.
const MOST_PLACES: usize = 1 << 17;
/// The time for one answer.
const TIME: Duration = Duration::from_secs(2);
/// The time for the answers that are still open at the end of a cut.
const LAST: Duration = Duration::from_secs(3);

/// The names that were made during a cut.
#[derive(Debug, Default)]
pub struct EarlyNames {
    /// The names by place, those with functions alone.
    pub(super) names: HashMap<Place, Named>,
    /// The usage of the process that made them.
    pub(super) usage: Usage,
    /// How many names were cut.
    pub(super) shortened: u64,
}

impl EarlyNames {
    /// The functions of code objects that were read at another position, by object: their line is not known.
    pub(super) fn functions(&self) -> HashMap<Place, Named> {
        let all = self.names.iter().filter(|(_, named)| named.lines.len() == 1);
        all.filter_map(|(place, named)| {
            let mut named = named.clone();
            named.lines[0].line = 0;
            Some((object_of(place)?, named))
        })
        .collect()
    }
}

/// The place of a code object, whatever the position in it; `None` if it is none.
pub(super) fn object_of(place: &Place) -> Option<Place> {
    match *place {
        Place::Interpreted { space, runtime, object, check, .. } => {
            Some(Place::Interpreted { space, runtime, object, check, position: 0 })
        }
        _ => None,
    }
}

/// Makes names during a recording.
#[derive(Debug)]
pub struct Early<A> {
    begin: fn() -> A,
    asks: Option<(Sender<Job>, Receiver<EarlyNames>)>,
    places: usize,
}

/// A question about one process.
struct Job {
    runtime: u8,
    memory: File,
    image: u64,
    places: Vec<Place>,
    asked: Asked,
}

enum Asked {
    Objects(Vec<Object>),
    Code(Vec<u64>),
}

impl<A: Answers + 'static> Early<A> {
    /// Asks what `begin` makes. It is called once there is something to ask.
    pub fn by(begin: fn() -> A) -> Self {
        Self { begin, asks: None, places: 0 }
    }

    /// Has these new places named, as far as they are in code of a runtime that is read. Returns whether there are any.
    pub fn name(&mut self, table: &ProcessTable, places: &[Place]) -> bool {
        let wanted = |place: &&Place| match place {
            Place::Interpreted { .. } => true,
            Place::Jit { space, .. } => table.runtime_of(*space).is_some_and(Runtime::names_code),
            _ => false,
        };
        let room = MOST_PLACES - self.places.min(MOST_PLACES);
        let places: Vec<Place> = places.iter().filter(wanted).take(room).copied().collect();
        if places.is_empty() {
            return false;
        }
        self.places += places.len();
        for job in jobs(table, &places) {
            let begin = self.begin;
            let (sender, _) = self.asks.get_or_insert_with(|| started(begin));
            // Without the thread, the places are named at the end.
            drop(sender.send(job));
        }
        true
    }

    /// The names so far. Waits a while for those that are still asked for.
    pub fn finish(&mut self) -> EarlyNames {
        self.places = 0;
        let Some((sender, names)) = self.asks.take() else { return EarlyNames::default() };
        drop(sender);
        let (mut all, end) = (EarlyNames::default(), std::time::Instant::now() + LAST);
        while let Ok(some) =
            names.recv_timeout(end.saturating_duration_since(std::time::Instant::now()))
        {
            all.names.extend(some.names);
            (all.usage, all.shortened) = (some.usage, some.shortened);
        }
        all
    }
}

/// The questions about places, by process and runtime.
fn jobs(table: &ProcessTable, places: &[Place]) -> Vec<Job> {
    let mut sorted = Sorted::of(places, &mut vec![None; places.len()]);
    let mut jobs = Vec::new();
    let mut add = |space: u32, runtime: u8, asked: Asked, places: Vec<Place>| {
        let (memory, image) = (table.memory(space), table.runtime_image(space, runtime));
        if let (Some(memory), Some(image)) = (memory, image) {
            jobs.push(Job { runtime, memory, image, places, asked });
        }
    };
    for (&(space, runtime), wanted) in &mut sorted.interpreted {
        let objects = wanted.addresses();
        let place = |of: &Object| Place::Interpreted {
            space,
            runtime,
            object: of.address,
            position: of.position,
            check: of.check,
        };
        let places = objects.iter().map(place).collect();
        add(space, runtime, Asked::Objects(objects), places);
    }
    for (&space, wanted) in &mut sorted.jit {
        let Some(runtime) = table.runtime_of(space) else { continue };
        let addresses = wanted.addresses();
        let places = addresses.iter().map(|&address| Place::Jit { space, address }).collect();
        add(space, runtime.number(), Asked::Code(addresses), places);
    }
    jobs
}

/// Starts the thread that asks.
fn started<A: Answers + 'static>(begin: fn() -> A) -> (Sender<Job>, Receiver<EarlyNames>) {
    let ((sender, jobs), (told, names)) = (channel::<Job>(), channel());
    let ask = move || {
        let (mut answers, mut texts) = (begin(), Texts::default());
        for job in jobs {
            let of = Runs { runtime: job.runtime, memory: Some(&job.memory), image: job.image };
            let question = match &job.asked {
                Asked::Objects(objects) => Question::Objects { of, objects },
                Asked::Code(addresses) => Question::Code { of, addresses },
            };
            texts.begin_source();
            let answer = answers.answer(&question, &mut NoFiles, &mut texts, TIME);
            let named = job.places.into_iter().zip(answer.named);
            let names = named.filter(|(_, named)| named.reason.is_none()).collect();
            let (usage, shortened) = (answers.usage(), texts.cut());
            if told.send(EarlyNames { names, usage, shortened }).is_err() {
                break;
            }
        }
    };
    // Without a thread, its ends of the channels are gone, and the places are named at the end.
    drop(std::thread::Builder::new().name(String::from("names")).spawn(ask));
    (sender, names)
}
