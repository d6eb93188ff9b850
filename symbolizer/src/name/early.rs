//! Names that are made during a recording: those of code that a runtime interprets or compiles. They come from the memory of its process, which
//! ends with the process, and in which code objects are freed and replaced. So each place is named soon after its first sample.
//!
//! A thread of its own asks, so that nobody waits for an answer while samples come.

use super::ask::files::NoFiles;
use super::ask::{Answers, Question, Runs};
use super::sorted::Sorted;
use super::{Named, Texts};
use crate::place::Place;
use crate::process::ProcessTable;
use crate::reason::Reason;
use crate::runtime::{Code, Object, Remains, Runtime};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most places that are named during a cut. Further ones are named at its end, where their process still lives.
const MOST_PLACES: usize = 1 << 17;
/// The time for one answer.
const TIME: Duration = Duration::from_secs(2);
/// The time for the answers that are still open at the end of a cut.
const LAST: Duration = Duration::from_secs(3);

/// The most objects of which something remains.
const MOST_REMAINS: usize = 1 << 13;

/// The most places of one question. It has one time limit, and the process that is asked has other work.
pub(super) const AT_ONCE: usize = 128;

/// Who answers questions, on loan from the symbolizer.
type Asked = Box<dyn Answers + Send>;

/// Names that are made during a recording.
#[derive(Debug, Default)]
pub(super) struct Early {
    asking: Option<Asking>,
    /// The places that were asked for in this cut.
    places: usize,
    /// The names by place, those with functions alone.
    names: HashMap<Place, Named>,
    /// Why others have no name.
    failed: HashMap<Place, Named>,
    /// Places to ask for once more, and all that were: memory may have changed while it was read.
    again: Vec<Place>,
    asked_again: HashSet<Place>,
    /// What remains of objects, by object.
    remains: HashMap<Place, Arc<Remains>>,
    /// How many names were cut.
    pub(super) shortened: u64,
}

/// The thread that asks.
#[derive(Debug)]
struct Asking {
    jobs: Sender<Job>,
    names: Receiver<Vec<(Place, Named)>>,
    thread: JoinHandle<(Asked, u64)>,
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

/// A question about one process.
#[derive(Debug)]
struct Job {
    runtime: u8,
    memory: File,
    image: u64,
    places: Vec<Place>,
    what: What,
}

#[derive(Debug)]
enum What {
    Objects(Vec<Object>, Vec<Option<Arc<Remains>>>),
    Code(Vec<Code>),
}

impl Early {
    /// Keeps what remains of objects, as far as there is room.
    pub(super) fn keep(&mut self, remains: Vec<(Place, Remains)>) {
        let room = MOST_REMAINS.saturating_sub(self.remains.len());
        let remains = remains.into_iter().take(room);
        self.remains.extend(remains.map(|(place, remains)| (place, Arc::new(remains))));
    }

    /// What remains of an interpreter's objects.
    pub(super) fn remains(
        &self,
        (space, runtime): (u32, u8),
        objects: &[Object],
    ) -> Vec<Option<Arc<Remains>>> {
        let remains = |object: &Object| {
            let (check, object) = (object.check, object.address);
            let place = Place::Interpreted { space, runtime, object, check, position: 0 };
            self.remains.get(&place).cloned()
        };
        objects.iter().map(remains).collect()
    }

    /// Has these new places named, as far as they are in code of a runtime that is read. `answers` is taken when there is something to ask.
    /// Returns whether there is.
    pub(super) fn name(
        &mut self,
        table: &ProcessTable,
        places: &[Place],
        answers: &mut Option<Asked>,
    ) -> bool {
        let told = self.asking.iter().flat_map(|asking| asking.names.try_iter().flatten());
        self.take(told.collect());
        let wanted = |place: &&Place| match place {
            Place::Interpreted { object, .. } => *object != 0,
            Place::Jit { space, .. } => table.runtime_of(*space).is_some_and(Runtime::names_code),
            _ => false,
        };
        let room = MOST_PLACES - self.places.min(MOST_PLACES);
        let mut again = std::mem::take(&mut self.again);
        again.truncate(room);
        let new = places.iter().filter(wanted).take(room - again.len());
        let places: Vec<Place> = new.copied().chain(again).collect();
        if places.is_empty() {
            return false;
        }
        self.places += places.len();
        if let Some(answers) = answers.take() {
            self.asking = Asking::start(answers);
        }
        let jobs = self.jobs(table, &places);
        if let Some(asking) = &mut self.asking {
            // Without the thread, the places are named at the end.
            jobs.into_iter().for_each(|job| drop(asking.jobs.send(job)));
        }
        true
    }

    /// The questions about places, by process and runtime.
    fn jobs(&self, table: &ProcessTable, places: &[Place]) -> Vec<Job> {
        let mut sorted = Sorted::of(places, &mut vec![None; places.len()]);
        let mut jobs = Vec::new();
        let mut add = |space: u32, runtime: u8, what: What, places: Vec<Place>| {
            let (memory, image) = (table.memory(space), table.runtime_image(space, runtime));
            if let (Some(memory), Some(image)) = (memory, image) {
                jobs.push(Job { runtime, memory, image, places, what });
            }
        };
        for (&(space, runtime), wanted) in &mut sorted.interpreted {
            let place = |of: &Object| Place::Interpreted {
                space,
                runtime,
                object: of.address,
                position: of.position,
                check: of.check,
            };
            for objects in wanted.addresses().chunks(AT_ONCE) {
                let places = objects.iter().map(place).collect();
                let remains = self.remains((space, runtime), objects);
                add(space, runtime, What::Objects(objects.to_vec(), remains), places);
            }
        }
        for (&space, wanted) in &mut sorted.jit {
            let Some(runtime) = table.runtime_of(space) else { continue };
            for code in wanted.addresses().chunks(AT_ONCE) {
                let place = |&Code { address, check }: &Code| Place::Jit { space, address, check };
                let places = code.iter().map(place).collect();
                add(space, runtime.number(), What::Code(code.to_vec()), places);
            }
        }
        jobs
    }

    /// Takes names. Those that failed, or lack a line, are asked for once more.
    fn take(&mut self, told: Vec<(Place, Named)>) {
        for (place, named) in told {
            let lacks_line = named.lines.iter().any(|line| line.line == 0);
            let poor = named.reason == Some(Reason::ObjectGone) || lacks_line;
            if poor && object_of(&place).is_some() && self.asked_again.insert(place) {
                self.again.push(place);
            }
            let kept = if named.reason.is_some() { &mut self.failed } else { &mut self.names };
            kept.insert(place, named);
        }
    }

    /// Why a place had no name while its process lived; `None`: it has one, or nobody asked.
    pub(super) fn failure(&self, place: &Place) -> Option<&Named> {
        self.failed.get(place)
    }

    /// The names of places that were made so far.
    pub(super) fn of(&self, places: &[Place]) -> Vec<Option<Named>> {
        places.iter().map(|place| self.names.get(place).cloned()).collect()
    }

    /// Waits a while for the names that are still asked for. Returns who answered, to be asked for the rest; `None`: it was not taken, or has
    /// fallen silent.
    pub(super) fn finish(&mut self) -> Option<Asked> {
        let Asking { jobs, names, thread } = self.asking.take()?;
        drop(jobs);
        let end = Instant::now() + LAST;
        while let Ok(some) = names.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.take(some);
        }
        let ended = matches!(names.try_recv(), Err(TryRecvError::Disconnected));
        let (answers, shortened) = thread.join().ok().filter(|_| ended)?;
        self.shortened = shortened;
        Some(answers)
    }

    /// Forgets the names, for a new cut.
    pub(super) fn begin_cut(&mut self) {
        *self = Self { asking: self.asking.take(), shortened: self.shortened, ..Self::default() };
    }

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

impl Asking {
    /// Starts the thread; `None`: there is none, and nobody answers any more.
    fn start(mut answers: Asked) -> Option<Self> {
        let ((jobs, waiting), (told, names)) = (channel::<Job>(), channel());
        let ask = move || {
            let mut texts = Texts::default();
            for job in waiting {
                let Job { runtime, memory, image, .. } = &job;
                let (runtime, image) = (*runtime, *image);
                let of = Runs { runtime, memory: Some(memory), image, file: None };
                let question = match &job.what {
                    What::Objects(objects, remains) => Question::Objects { of, objects, remains },
                    What::Code(code) => Question::Code { of, code },
                };
                texts.begin_source();
                let answer = answers.answer(&question, &mut NoFiles, &mut texts, TIME);
                if told.send(job.places.into_iter().zip(answer.named).collect()).is_err() {
                    break;
                }
            }
            (answers, texts.cut())
        };
        let thread = std::thread::Builder::new().name(String::from("names")).spawn(ask).ok()?;
        Some(Self { jobs, names, thread })
    }
}
