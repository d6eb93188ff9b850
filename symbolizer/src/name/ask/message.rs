//! The messages between the process that asks and the process that answers, as protocol buffers. A message from the other side is
//! foreign input: what does not fit the question is no answer.

use super::{Answer, Question, Runs, Want, parts};
use crate::name::{Line, MOST_TEXTS, Named, Text, Texts};
use crate::place::{MappedFile, Reason, Segment};
use crate::runtime::{Check, Code, Object, Remains};
use prost::Message;
use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// A question, with its limits. The descriptor of its file, map or memory comes beside it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Asked {
    #[prost(enumeration = "Kind", tag = "1")]
    kind: i32,
    #[prost(uint64, repeated, tag = "2")]
    addresses: Vec<u64>,
    #[prost(bytes = "vec", tag = "3")]
    path: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "4")]
    build_id: Option<Vec<u8>>,
    /// Start, length and offset of each segment.
    #[prost(uint64, repeated, tag = "5")]
    segments: Vec<u64>,
    #[prost(bool, tag = "6")]
    no_inline: bool,
    #[prost(bool, tag = "7")]
    dwarf: bool,
    /// The bytes of a vDSO.
    #[prost(bytes = "vec", tag = "8")]
    bytes: Vec<u8>,
    #[prost(uint32, tag = "9")]
    runtime: u32,
    #[prost(uint32, repeated, tag = "10")]
    positions: Vec<u32>,
    #[prost(uint32, repeated, tag = "11")]
    checks: Vec<u32>,
    /// Nanoseconds.
    #[prost(uint64, tag = "12")]
    time: u64,
    /// The bytes of memory that may be used.
    #[prost(uint64, tag = "13")]
    pub(crate) memory: u64,
    /// The address of a runtime's file in memory.
    #[prost(uint64, tag = "14")]
    image: u64,
    /// The marks of code; 0: none.
    #[prost(fixed32, repeated, tag = "15")]
    marks: Vec<u32>,
    /// What remains of each object: three parts, which are empty if nothing does. Objects at the end may lack them.
    #[prost(bytes = "vec", repeated, tag = "16")]
    remains: Vec<Vec<u8>>,
    /// Whether the process has ended. The descriptor is that of the runtime's file.
    #[prost(bool, tag = "17")]
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
enum Kind {
    File = 0,
    Map = 1,
    Vdso = 2,
    Objects = 3,
    Code = 4,
}

impl Asked {
    /// The message of a question, and the descriptor that belongs to it.
    pub(crate) fn of<'a>(
        question: &Question<'a>,
        time: Duration,
    ) -> (Self, Option<BorrowedFd<'a>>) {
        let mut asked = Self { time: nanoseconds(time), ..Self::default() };
        let descriptor = match *question {
            Question::File { file, addresses, no_inline, dwarf } => {
                asked.set_kind(Kind::File);
                asked.addresses = addresses.to_vec();
                asked.path.clone_from(&file.path);
                asked.build_id.clone_from(&file.build_id);
                asked.segments =
                    file.segments.iter().flat_map(|s| [s.start, s.len, s.offset]).collect();
                (asked.no_inline, asked.dwarf) = (no_inline, dwarf);
                file.handle.as_ref().map(|handle| handle.as_fd())
            }
            Question::Map { map, addresses } => {
                asked.set_kind(Kind::Map);
                asked.addresses = addresses.to_vec();
                Some(map.as_fd())
            }
            Question::Vdso { bytes, addresses } => {
                asked.set_kind(Kind::Vdso);
                (asked.bytes, asked.addresses) = (bytes.to_vec(), addresses.to_vec());
                None
            }
            Question::Objects { of, objects, remains } => {
                asked.set_kind(Kind::Objects);
                asked.set_process(of);
                let parts = |remains: &Option<Arc<Remains>>| {
                    remains.as_ref().map_or_else(Default::default, |remains| remains.0.clone())
                };
                asked.remains = remains.iter().flat_map(parts).collect();
                asked.addresses = objects.iter().map(|object| object.address).collect();
                asked.positions = objects.iter().map(|object| object.position).collect();
                asked.checks = objects.iter().map(|object| object.check).collect();
                of.memory.or(of.file).map(File::as_fd)
            }
            Question::Code { of, code } => {
                asked.set_kind(Kind::Code);
                asked.set_process(of);
                asked.addresses = code.iter().map(|code| code.address).collect();
                asked.marks = code.iter().map(|code| mark(code.check)).collect();
                of.memory.map(File::as_fd)
            }
        };
        (asked, descriptor)
    }

    fn set_process(&mut self, of: Runs<'_>) {
        (self.runtime, self.image) = (of.runtime.into(), of.image);
        self.ended = of.memory.is_none();
    }

    /// The process that the question is about. `None`: it has none.
    fn runs<'a>(&self, descriptor: Option<&'a File>) -> Option<Runs<'a>> {
        let runtime = u8::try_from(self.runtime).ok()?;
        let (memory, file) = if self.ended { (None, descriptor) } else { (descriptor, None) };
        Some(Runs { runtime, memory, image: self.image, file })
    }

    /// The time for the answer.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.time)
    }

    /// Passes the question on, with its descriptor. `None`: it is none.
    pub(crate) fn with<T>(
        self,
        descriptor: Option<OwnedFd>,
        answer: impl FnOnce(&Question<'_>) -> T,
    ) -> Option<T> {
        let (kind, descriptor) = (self.kind(), descriptor.map(File::from));
        let addresses = &self.addresses[..];
        Some(match kind {
            Kind::File => {
                let segment = |s: &[u64]| Segment { start: s[0], len: s[1], offset: s[2] };
                let file = MappedFile {
                    path: self.path,
                    handle: Some(Arc::new(descriptor?)),
                    reason: None,
                    build_id: self.build_id,
                    segments: self.segments.chunks_exact(3).map(segment).collect(),
                    root: None,
                };
                let (no_inline, dwarf) = (self.no_inline, self.dwarf);
                answer(&Question::File { file: &file, addresses, no_inline, dwarf })
            }
            Kind::Map => answer(&Question::Map { map: &descriptor?, addresses }),
            Kind::Vdso => answer(&Question::Vdso { bytes: &self.bytes, addresses }),
            Kind::Objects => {
                let parts = addresses.iter().zip(&self.positions).zip(&self.checks);
                let object = |((&address, &position), &check)| Object { address, position, check };
                let objects: Vec<Object> = parts.map(object).collect();
                let of = self.runs(descriptor.as_ref())?;
                let remains = |parts: &[Vec<u8>; 3]| {
                    let has = parts.iter().any(|part| !part.is_empty());
                    has.then(|| Arc::new(Remains(parts.clone())))
                };
                let remains: Vec<_> = self.remains.as_chunks().0.iter().map(remains).collect();
                answer(&Question::Objects { of, objects: &objects, remains: &remains })
            }
            Kind::Code => {
                let all = addresses.iter().zip(&self.marks);
                let code = all.map(|(&address, &mark)| Code { address, check: check(mark) });
                let of = self.runs(descriptor.as_ref())?;
                answer(&Question::Code { of, code: &code.collect::<Vec<_>>() })
            }
        })
    }
}

/// A check as a number. Code that is not known is not asked for.
fn mark(check: Check) -> u32 {
    match check {
        Check::Is(mark) => mark,
        Check::None | Check::Lost(_) => 0,
    }
}

/// The check of a number.
fn check(mark: u32) -> Check {
    if mark == 0 { Check::None } else { Check::Is(mark) }
}

/// What the process that answers sends: an answer, or the wish for a further file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reply {
    #[prost(message, optional, tag = "1")]
    answered: Option<Answered>,
    #[prost(message, optional, tag = "2")]
    wanted: Option<Wanted>,
}

impl Reply {
    pub(crate) fn answer(answered: Answered) -> Self {
        Self { answered: Some(answered), wanted: None }
    }

    pub(crate) fn want(want: &Want) -> Self {
        Self { answered: None, wanted: Some(Wanted::of(want)) }
    }

    /// Reads a message. `None`: it is none, or has more parts than the reply to a question for so many names.
    pub(crate) fn read(message: &[u8], names: usize) -> Option<Self> {
        let texts = (&[1, 1][..], MOST_TEXTS);
        let limits = [texts, (&[1, 2], names), (&[1, 3], MAX_SENT_WARNINGS)];
        parts::within(message, &limits).then(|| Self::decode(message).ok())?
    }

    /// The answer, or the wish.
    pub(crate) fn take(self) -> Option<Result<Answered, Want>> {
        match (self.answered, self.wanted) {
            (Some(answered), None) => Some(Ok(answered)),
            (None, Some(wanted)) => Some(Err(wanted.want())),
            _ => None,
        }
    }
}

/// The reply to a wish. The descriptor of the file comes beside it, if there is one.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Opened {
    /// Whether a server failed.
    #[prost(bool, tag = "1")]
    pub(crate) failed: bool,
    /// The bytes of memory that may be used, with this file.
    #[prost(uint64, tag = "2")]
    pub(crate) memory: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Wanted {
    #[prost(bool, tag = "1")]
    foreign: bool,
    #[prost(bool, tag = "2")]
    server: bool,
    #[prost(uint32, tag = "3")]
    place: u32,
    #[prost(bytes = "vec", optional, tag = "4")]
    link: Option<Vec<u8>>,
}

impl Wanted {
    fn of(want: &Want) -> Self {
        match want {
            Want::BuildId { foreign } => Self { foreign: *foreign, ..Self::default() },
            Want::Link { foreign, place, name } => {
                Self { foreign: *foreign, place: *place, link: Some(name.clone()), server: false }
            }
            Want::Server => Self { server: true, ..Self::default() },
        }
    }

    fn want(self) -> Want {
        match self {
            Self { server: true, .. } => Want::Server,
            Self { foreign, place, link: Some(name), .. } => Want::Link { foreign, place, name },
            Self { foreign, .. } => Want::BuildId { foreign },
        }
    }
}

/// An answer. Each text is stored once.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answered {
    #[prost(string, repeated, tag = "1")]
    texts: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    named: Vec<Functions>,
    #[prost(string, repeated, tag = "3")]
    warnings: Vec<String>,
    #[prost(bool, tag = "4")]
    cut_short: bool,
    #[prost(uint64, tag = "5")]
    shortened: u64,
    /// The CPU nanoseconds of the process so far.
    #[prost(uint64, tag = "6")]
    pub(crate) cpu_time: u64,
    /// Its anonymous memory now, in bytes.
    #[prost(uint64, tag = "7")]
    pub(crate) anonymous: u64,
}

/// The names of one address.
#[derive(Clone, PartialEq, Message)]
struct Functions {
    /// Six numbers for each line: the indices of the name, the linkage name and the file, the line, the line at which the function begins,
    /// and bits: 1 if it is inlined, 2 if it is approximate, 4 if it is compiled.
    #[prost(uint32, repeated, tag = "1")]
    lines: Vec<u32>,
    /// One more than the index of the reason.
    #[prost(uint32, tag = "2")]
    reason: u32,
}

/// The most warnings of an answer that are taken, and that are read.
const MAX_WARNINGS: usize = 16;
const MAX_SENT_WARNINGS: usize = 1024;
/// The most functions at an address that are taken, the inlined ones among them, and the numbers of each.
const MAX_LINES: usize = 512;
const NUMBERS: usize = 6;

impl Answered {
    /// The message of an answer.
    pub(crate) fn of(answer: &Answer) -> Self {
        let mut message = Self {
            warnings: answer.warnings.clone(),
            cut_short: answer.cut_short,
            shortened: answer.shortened,
            ..Self::default()
        };
        let mut known: HashMap<Text, u32> = HashMap::new();
        let texts = &mut message.texts;
        let mut index = |text: &Text| {
            *known.entry(Text::clone(text)).or_insert_with(|| {
                texts.push(text.to_string());
                texts.len() as u32 - 1
            })
        };
        for named in &answer.named {
            let lines = named.lines.iter().flat_map(|line| {
                let texts = [&line.name, &line.system_name, &line.file].map(&mut index);
                let bits = [line.inlined, line.approximate, line.compiled];
                let bits = (0..).zip(bits).map(|(at, bit)| u32::from(bit) << at).sum();
                [texts[0], texts[1], texts[2], line.line, line.start, bits]
            });
            let reason = named.reason.map_or(0, |reason| reason.number() + 1);
            message.named.push(Functions { lines: lines.collect(), reason });
        }
        message
    }

    /// The answer to a question. `None`: it is no answer to that.
    pub(crate) fn answer(self, question: &Question<'_>, texts: &mut Texts) -> Option<Answer> {
        if self.named.len() != question.len() {
            return None;
        }
        let kept: Vec<Text> = self.texts.iter().map(|text| texts.keep(text)).collect();
        let line = |parts: &[u32]| {
            let text = |index: u32| kept.get(index as usize).cloned();
            Some(Line {
                name: text(parts[0])?,
                system_name: text(parts[1])?,
                file: text(parts[2])?,
                line: parts[3],
                start: parts[4],
                inlined: parts[5] & 1 != 0,
                approximate: parts[5] & 2 != 0,
                compiled: parts[5] & 4 != 0,
            })
        };
        let named = |functions: &Functions| {
            let reason = match functions.reason.checked_sub(1) {
                Some(number) => Some(Reason::of_number(number)?),
                None => None,
            };
            if functions.lines.len() > MAX_LINES * NUMBERS {
                return None;
            }
            let lines = functions.lines.chunks_exact(NUMBERS).map(line);
            let lines: Option<Vec<Line>> = lines.collect();
            Some(Named { lines: lines?, module: question.module().to_owned(), reason })
        };
        let plain = |text: &String| crate::name::text(text.as_bytes());
        Some(Answer {
            named: self.named.iter().map(named).collect::<Option<_>>()?,
            warnings: self.warnings.iter().take(MAX_WARNINGS).map(plain).collect(),
            cut_short: self.cut_short,
            shortened: self.shortened,
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
