//! The side that asks. The process that answers reads what strangers made, so it may end or fall silent at any question. Then the file is
//! given up, another process goes on, and what was named stays.

use super::limits::{Limits, size};
use super::message::{Asked, Opened, Reply};
use super::{Answer, Answers, Files, Question};
use crate::name::{Texts, Usage};
use crate::place::Reason;
use crate::stream::Stream;
use prost::Message;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Starts a process that answers, and returns its connection. It runs on a thread of its own.
pub type Start = fn() -> io::Result<(Child, UnixStream)>;

/// The processes that may fail in one cut.
const MOST_FAILURES: u32 = 5;
/// The time for a process to become ready.
const READY: Duration = Duration::from_secs(10);
/// The most further files of a question.
const MOST_FILES: u32 = 16;

/// Asks a process that has no rights.
#[derive(Debug)]
pub struct Namer {
    start: Start,
    process: State,
    failures: u32,
    /// Processes that were told to end, and have not been seen to.
    left_behind: Vec<Child>,
    /// The usage of the processes before this one.
    before: Usage,
    /// The reason why a process did not start.
    not_started: Option<String>,
}

#[derive(Debug)]
enum State {
    Absent,
    Starting(JoinHandle<io::Result<(Child, UnixStream)>>),
    Running(Process),
}

#[derive(Debug)]
struct Process {
    child: Child,
    stream: Stream,
    ready: bool,
    usage: Usage,
}

/// The reason why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// The process did not start, or too many of them failed.
    NoProcess,
    /// It ended, or its answer is none.
    Ended,
    /// It took too long.
    Late,
}

impl Namer {
    /// Starts the first process meanwhile.
    pub fn begin(start: Start) -> Self {
        let before = Usage::default();
        let process = State::Starting(std::thread::spawn(start));
        Self { start, process, failures: 0, left_behind: Vec::new(), before, not_started: None }
    }

    /// The process, when it is ready.
    fn process(&mut self) -> Result<Process, Failure> {
        self.left_behind.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if self.failures >= MOST_FAILURES {
            return Err(Failure::NoProcess);
        }
        let state = match std::mem::replace(&mut self.process, State::Absent) {
            State::Absent => State::Starting(std::thread::spawn(self.start)),
            other => other,
        };
        let mut process = match state {
            State::Starting(thread) => match thread.join() {
                Ok(Ok((child, socket))) => {
                    let (stream, usage) = (Stream::new(socket), Usage::default());
                    Process { child, stream, ready: false, usage }
                }
                Ok(Err(error)) => return Err(self.not_started(error.to_string())),
                Err(_) => return Err(self.not_started(String::from("it failed"))),
            },
            State::Running(process) => process,
            State::Absent => return Err(Failure::NoProcess),
        };
        if !process.ready {
            process.stream.end = Some(Instant::now() + READY);
            process.ready = matches!(process.stream.receive(), Ok(Some(_)));
        }
        if !process.ready {
            self.end(process);
            return Err(self.not_started(String::from("it was not ready in time, or ended")));
        }
        Ok(process)
    }

    fn not_started(&mut self, why: String) -> Failure {
        self.not_started = Some(format!("the process that makes names did not start: {why}"));
        self.failed(Failure::NoProcess)
    }

    fn failed(&mut self, failure: Failure) -> Failure {
        self.failures += 1;
        failure
    }

    /// Ends a process. One that waits for a file system may live on; nothing of ours waits for it.
    fn end(&mut self, process: Process) {
        let Process { mut child, usage, .. } = process;
        // It may have ended by itself.
        drop(child.kill());
        self.left_behind.push(child);
        self.before.cpu_time += usage.cpu_time;
        self.before.anonymous = self.before.anonymous.max(usage.anonymous);
    }

    fn attempt(
        &mut self,
        question: &Question<'_>,
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Result<Answer, Failure> {
        let mut process = self.process()?;
        match process.ask(question, files, texts, time) {
            Ok(answer) => {
                self.process = State::Running(process);
                Ok(answer)
            }
            Err(failure) => {
                self.end(process);
                Err(self.failed(failure))
            }
        }
    }
}

impl Answers for Namer {
    fn answer(
        &mut self,
        question: &Question<'_>,
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Answer {
        let begun = Instant::now();
        let failure = match self.attempt(question, files, texts, time) {
            Ok(answer) => return answer,
            Err(failure) => failure,
        };
        let (Question::File { file, addresses, no_inline, dwarf: true }, true) =
            (*question, failure != Failure::NoProcess)
        else {
            let warnings = self.not_started.iter().cloned().collect();
            return Answer { warnings, ..failure.answer(question) };
        };
        // Most bombs are in DWARF. The symbol tables may still be good.
        let plain = Question::File { file, addresses, no_inline, dwarf: false };
        let left = time.saturating_sub(begun.elapsed());
        let again = self.attempt(&plain, files, texts, left);
        let mut answer = again.unwrap_or_else(|failure| failure.answer(question));
        answer.warnings.push(format!("its DWARF was given up: {}", failure.phrase()));
        answer
    }

    fn begin_cut(&mut self) {
        self.failures = 0;
    }

    fn usage(&self) -> Usage {
        let Usage { cpu_time, anonymous } = match &self.process {
            State::Running(process) => process.usage,
            State::Absent | State::Starting(_) => Usage::default(),
        };
        Usage {
            cpu_time: self.before.cpu_time + cpu_time,
            anonymous: self.before.anonymous.max(anonymous),
        }
    }
}

impl Failure {
    fn answer(self, question: &Question<'_>) -> Answer {
        let reason = if self == Self::Late { Reason::NoTime } else { Reason::NamingFailed };
        Answer { cut_short: true, ..Answer::nameless(question, reason) }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::NoProcess => "the process that makes names failed too often",
            Self::Ended => "reading it failed, or needed too much memory",
            Self::Late => "reading it took too long",
        }
    }
}

impl Process {
    fn ask(
        &mut self,
        question: &Question<'_>,
        files: &mut dyn Files,
        texts: &mut Texts,
        time: Duration,
    ) -> Result<Answer, Failure> {
        let mut limits = Limits { bytes: question.file().map_or(0, size) };
        let begun = Instant::now();
        // The time that servers took is not the process's.
        let mut waited = Duration::ZERO;
        let (mut asked, beside) = Asked::of(question, time);
        asked.memory = limits.memory();
        self.stream.end = Some(begun + limits.time().min(time));
        self.stream.send(&asked.encode_to_vec(), beside).map_err(failure)?;
        for _ in 0..MOST_FILES {
            let (message, _) = self.stream.receive().map_err(failure)?.ok_or(Failure::Ended)?;
            let reply = Reply::read(&message, question.len()).and_then(Reply::take);
            let want = match reply.ok_or(Failure::Ended)? {
                Ok(answered) => {
                    self.usage.cpu_time = answered.cpu_time;
                    self.usage.anonymous = self.usage.anonymous.max(answered.anonymous);
                    return answered.answer(question, texts).ok_or(Failure::Ended);
                }
                Err(want) => want,
            };
            let began = Instant::now();
            let opened = files.open(&want);
            waited += began.elapsed();
            let file = opened.as_ref().ok().and_then(Option::as_ref);
            limits.bytes += file.map_or(0, size);
            self.stream.end = Some(begun + waited + limits.time().min(time));
            let opened = Opened { failed: opened.is_err(), memory: limits.memory() };
            self.stream.send(&opened.encode_to_vec(), file.map(File::as_fd)).map_err(failure)?;
        }
        Err(Failure::Ended)
    }
}

fn failure(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Late,
        _ => Failure::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::NoFiles;
    use super::super::message::Answered;
    use super::*;
    use crate::name::{Line, Named};
    use std::process::{Command, Stdio};

    /// A process that lives as long as this one wants, in place of one that answers: the connection is the test's own.
    fn process(serve: fn(Stream)) -> (Child, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut stream = Stream::new(theirs);
            stream.send(b"", None).unwrap();
            serve(stream);
        });
        (Command::new("sleep").arg("1000").stdout(Stdio::null()).spawn().unwrap(), ours)
    }

    const QUESTION: Question<'static> = Question::Vdso { bytes: &[], addresses: &[1, 2] };

    fn names(answer: &Answer) -> Vec<(Option<&str>, Option<Reason>)> {
        answer
            .named
            .iter()
            .map(|named| (named.lines.first().map(|line| &*line.name), named.reason))
            .collect()
    }

    impl Namer {
        fn stop(&mut self) {
            if let State::Running(process) = std::mem::replace(&mut self.process, State::Absent) {
                self.end(process);
            }
        }
    }

    fn ask(namer: &mut Namer, time: Duration) -> Answer {
        namer.answer(&QUESTION, &mut NoFiles, &mut Texts::default(), time)
    }

    fn answered() -> Answered {
        let line = Line {
            name: "clock".into(),
            system_name: "clock".into(),
            file: "".into(),
            ..Line::default()
        };
        let named = |lines, reason| Named { lines, module: String::from("[vdso]"), reason };
        let named = vec![named(vec![line], None), named(Vec::new(), Some(Reason::NoSymbol))];
        let mut answered = Answered::of(&Answer { named, ..Answer::default() });
        answered.cpu_time = 5;
        answered
    }

    #[test]
    fn answers_arrive_and_what_it_used_is_known() {
        let start: Start = || {
            Ok(process(|mut stream| {
                while let Ok(Some(_)) = stream.receive() {
                    stream.send(&Reply::answer(answered()).encode_to_vec(), None).unwrap();
                }
            }))
        };
        let mut namer = Namer::begin(start);
        let answer = ask(&mut namer, READY);
        assert_eq!(names(&answer), [(Some("clock"), None), (None, Some(Reason::NoSymbol))]);
        assert_eq!(answer.named[0].module, "[vdso]");
        assert_eq!(namer.usage().cpu_time, 5);
        namer.stop();
        assert_eq!((ask(&mut namer, READY), namer.usage().cpu_time), (answer, 10));
        namer.stop();
    }

    #[test]
    fn after_five_deaths_there_are_no_more_processes_until_the_next_cut() {
        let start: Start = || {
            Ok(process(|mut stream| {
                drop(stream.receive());
            }))
        };
        let mut namer = Namer::begin(start);
        for _ in 0..7 {
            assert_eq!(names(&ask(&mut namer, READY)), [(None, Some(Reason::NamingFailed)); 2]);
        }
        assert_eq!(namer.failures, MOST_FAILURES);
        namer.begin_cut();
        assert_eq!(names(&ask(&mut namer, READY))[0].1, Some(Reason::NamingFailed));
        assert_eq!(namer.failures, 1);
    }

    #[test]
    fn silence_ends_at_the_time_limit() {
        let start: Start = || Ok(process(|mut stream| while let Ok(Some(_)) = stream.receive() {}));
        let mut namer = Namer::begin(start);
        let answer = ask(&mut namer, Duration::from_millis(50));
        assert_eq!(names(&answer), [(None, Some(Reason::NoTime)); 2]);
        assert!(answer.cut_short);
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let start: Start = || {
            Ok(process(|mut stream| {
                while let Ok(Some(_)) = stream.receive() {
                    let answer = Answered::of(&Answer::default());
                    stream.send(&Reply::answer(answer).encode_to_vec(), None).unwrap();
                }
            }))
        };
        let mut namer = Namer::begin(start);
        assert_eq!(names(&ask(&mut namer, READY)), [(None, Some(Reason::NamingFailed)); 2]);
    }
}
