//! A door to the private parsers, for the fuzz targets and their seeds. Nothing else uses it.

use crate::name::Texts;
use crate::name::ask::message::{Answered, Asked, Opened, Reply};
use crate::name::ask::{Answer, Debuginfod, Question, Want};
use crate::process::files::loaded::{self, Loaded};
use crate::process::proc::{maps, task};
use crate::runtime::hotspot::recorded;
use crate::runtime::python::layout::Layout;
use crate::runtime::python::reader::{
    by_remains as python_remains, check as python_check, functions as python_objects,
};
use crate::runtime::{Check, Code, Found, Memory, Object, Remains, Running, Runtime};
use crate::stream::Stream;
use elf::Bytes;
use prost::Message;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::time::Duration;

pub use crate::runtime::v8::fuzzing as v8;

/// The ranges of the executable lines of a maps file. The meaning of each path is read too.
pub fn maps(text: &[u8]) -> Vec<(u64, u64)> {
    let told = maps::executable(text).inspect(|told| {
        let (path, _) = maps::undeleted(told.path);
        let _ = (maps::origin(told.path), maps::basename(path));
    });
    told.map(|told| (told.start, told.end)).collect()
}

/// The start time in a stat line.
pub fn start_ticks(stat: &[u8]) -> Option<u64> {
    task::start_ticks(stat)
}

/// The pid in its own namespace and the user, from a status file.
pub fn status(status: &[u8]) -> Option<(u32, u32)> {
    task::status(status).map(|status| (status.namespace_pid, status.user))
}

/// The number of loaded segments of a mapped file, and the virtual addresses of file offsets.
pub fn loaded(bytes: &[u8], offsets: &[u64]) -> Option<(usize, Vec<Option<u64>>)> {
    let loaded = Loaded::read(Bytes::Memory(bytes)).ok()?;
    let address = |offset: &u64| loaded::address(&loaded.segments, *offset);
    Some((loaded.segments.len(), offsets.iter().map(address).collect()))
}

/// The answer to a question, or a wish, in a message of the process that makes names.
pub fn reply(message: &[u8], question: &Question<'_>) -> Option<Result<Answer, Want>> {
    match Reply::read(message, question.len())?.take()? {
        Ok(answered) => answered.answer(question, &mut Texts::default()).map(Ok),
        Err(want) => Some(Err(want)),
    }
}

/// The message with an answer.
pub fn reply_of(answer: &Answer) -> Vec<u8> {
    Reply::answer(Answered::of(answer)).encode_to_vec()
}

/// The message with a wish.
pub fn reply_with(want: &Want) -> Vec<u8> {
    Reply::want(want).encode_to_vec()
}

/// The number of names that a message to the process that makes names asks for.
pub fn question(message: &[u8], file: File) -> Option<usize> {
    let asked = Asked::decode(message).ok()?;
    let _ = asked.time();
    asked.with(Some(file.into()), |question| question.len())
}

/// The message with a question.
pub fn question_of(question: &Question<'_>) -> Vec<u8> {
    Asked::of(question, Duration::from_secs(1)).0.encode_to_vec()
}

/// Whether a message is the reply to a wish.
pub fn opened(message: &[u8]) -> bool {
    Opened::decode(message).is_ok()
}

/// The lengths of the messages that arrive on a socket, up to its end or to the first one that is none.
pub fn received(socket: UnixStream) -> Vec<usize> {
    let mut stream = Stream::new(socket);
    let next = || stream.receive().ok().flatten().map(|(message, _)| message.len());
    std::iter::from_fn(next).collect()
}

/// The debug file that a server has. It is not kept.
pub fn fetch(server: &str, build_id: &[u8]) -> Result<Option<File>, &'static str> {
    Debuginfod::with_cache(&[server.to_owned()], None).fetch(build_id)
}

/// The functions in the memory of a Java virtual machine: at addresses of its code, and for methods that its interpreter runs. The first
/// byte chooses its version, the rest changes its memory.
pub fn java(bytes: &[u8]) -> Vec<Found> {
    let (version, changes) = bytes.split_first().unwrap_or((&0, &[]));
    let (version, _) = recorded::LAYOUTS[usize::from(*version) % recorded::LAYOUTS.len()];
    let machine = recorded::machine(version);
    let mut image = machine.image.clone();
    image.change(changes);
    let process = Running { memory: &image, image: recorded::IMAGE };
    let words = changes.as_chunks::<11>().0.iter().map(|[_, _, _, word @ ..]| *word);
    let words: Vec<u64> = words.map(u64::from_le_bytes).collect();
    let known = [recorded::COMPILED, recorded::STUB, recorded::FREE];
    let inside = [0, recorded::INLINED - 1, recorded::INLINED, recorded::ALONE - 1];
    let code = known.iter().flat_map(|at| inside.map(|offset| at + offset));
    let code = code.chain(words.iter().copied());
    let code: Vec<Code> = code.map(|address| Code { address, check: Check::None }).collect();
    let methods = [recorded::OUTER, recorded::MIDDLE, recorded::INNER];
    let check = |address: u64| machine.check(address);
    let object = |address: u64| Object { address, position: 60, check: check(address) };
    let objects: Vec<Object> = methods.into_iter().chain(words).map(object).collect();
    let Some(reader) = Runtime::HOTSPOT.reader() else { return Vec::new() };
    let mut found = reader.checked_code(&process, &code);
    found.extend(reader.functions(&process, &objects));
    assert_eq!(found.len(), code.len() + objects.len());
    found
}

/// Memory of any process: these bytes again and again.
struct Repeated<'a>(&'a [u8]);

impl Memory for Repeated<'_> {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        let from = (address % self.0.len() as u64) as usize;
        let all = self.0[from..].iter().chain(self.0.iter().cycle());
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = *from);
        address >> 47 == 0
    }
}

/// The names and files of CPython's code objects in memory of these bytes. The first byte is the version, from 3.8 on. Each object has the type
/// and the check that it needs to be read; the same bytes are what remains of it.
pub fn python_functions(bytes: &[u8]) -> Vec<String> {
    let Some((minor, bytes)) = bytes.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Vec::new();
    };
    let memory = Repeated(bytes);
    let version = (3, 8 + minor % 5);
    let mut names = Vec::new();
    for address in (0..bytes.len() as u64).step_by(8).take(64) {
        let unknown = Layout { version, ..Layout::UNKNOWN };
        let Some(mut layout) = unknown.undescribed() else { break };
        let word = |at: u64| memory.word(address + at).unwrap_or(0);
        let of = layout.code;
        layout.code_type = word(of.of_type);
        let check = python_check(word(of.name), word(of.table), word(of.line) as u32);
        let objects = [0, 7, 1 << 20, u32::MAX].map(|position| Object { address, position, check });
        let mut found = python_objects(&layout, &memory, &objects);
        let all = || bytes.iter().copied().cycle().skip(address as usize);
        let part = |skip: usize, len: usize| all().skip(skip).take(len).collect();
        let remains = Remains([part(0, 160), part(160, 192), part(352, 256)]);
        found.extend(objects.iter().map(|object| python_remains(&layout, object, &remains)));
        names.extend(found.into_iter().flatten().flatten().flat_map(|of| [of.name, of.file]));
    }
    names
}
