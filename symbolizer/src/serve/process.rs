//! The life of a process that answers: questions come over a connection until it is closed.

use super::Server;
use crate::name::Texts;
use crate::name::ask::message::{Answered, Asked, Opened, Reply};
use crate::name::ask::{Answers, Files, Want};
use crate::stream::Stream;
use prost::Message;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;

/// Answers questions until the other side closes the connection.
///
/// # Errors
/// The connection failed, or a message is none.
pub fn run(socket: UnixStream) -> io::Result<()> {
    let (mut stream, mut server) = (Stream::new(socket), Server::default());
    // It is ready.
    stream.send(b"", None)?;
    while let Some((message, beside)) = stream.receive()? {
        let asked = Asked::decode(&message[..]).map_err(io::Error::other)?;
        drop(message);
        limit_memory(asked.memory)?;
        let (time, mut texts) = (asked.time(), Texts::default());
        let answer = asked.with(beside, |question| {
            let mut remote = Remote { stream: &mut stream };
            server.answer(question, &mut remote, &mut texts, time)
        });
        let mut answer = answer.ok_or(io::ErrorKind::InvalidData)?;
        answer.shortened = texts.cut();
        let mut answered = Answered::of(&answer);
        (answered.cpu_time, answered.anonymous) = (cpu_time(), anonymous());
        drop((answer, texts));
        stream.send(&Reply::answer(answered).encode_to_vec(), None)?;
    }
    Ok(())
}

/// Asks the other side for further files.
struct Remote<'a> {
    stream: &'a mut Stream,
}

impl Files for Remote<'_> {
    fn open(&mut self, want: &Want) -> Result<Option<File>, &'static str> {
        let mut ask = || -> io::Result<(bool, Option<File>)> {
            self.stream.send(&Reply::want(want).encode_to_vec(), None)?;
            let (message, beside) = self.stream.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let opened = Opened::decode(&message[..]).map_err(io::Error::other)?;
            limit_memory(opened.memory)?;
            Ok((opened.failed, beside.map(File::from)))
        };
        // Without the other side there is nobody to answer. The next message says so again.
        match ask() {
            Ok((false, file)) => Ok(file),
            Ok((true, _)) => Err("a debuginfod server failed"),
            Err(_) => Ok(None),
        }
    }
}

/// Limits the memory that this process may write to. An allocation beyond the limit ends it.
fn limit_memory(bytes: u64) -> io::Result<()> {
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: None })?)
}

fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    number(time.tv_sec) * 1_000_000_000 + number(time.tv_nsec)
}

/// The anonymous memory of this process in bytes, without shared memory and files.
fn anonymous() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut words = text.split(' ').skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
    resident.saturating_sub(shared) * rustix::param::page_size() as u64
}
