//! One attempt over HTTP/1.1: a request, and the beginning of its answer.
//!
//! An attempt runs on a thread of its own. So neither a slow backend, nor a slow name server, nor a time limit of the library can delay the
//! sender beyond the time limit. At the end of the limit, or when the attempt is stopped, the connection is cut, and the thread ends
//! later. At most 64 KiB of an answer's body are read, before and after decompression.
//!
//! Modules in reading order: `plan` (the common part of all attempts), `headers`, `compress`, `trust` (certificates), `proxy`, `transport`
//! (connections), `limits`, `reply` (the beginning of an answer), `failure` (errors in words).

mod compress;
mod failure;
mod headers;
mod limits;
mod plan;
mod proxy;
mod reply;
mod transport;
mod trust;

pub(super) use compress::wire_body;
pub(super) use failure::Failure;
pub(super) use plan::Plan;
pub(super) use reply::Reply;

use failure::Place;
use limits::Limits;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use ureq::{Agent, SendBody, http};

/// The result of an attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Bytes of the body that were written to the connection.
    pub(super) sent: u64,
    /// Whether the other side may have the whole body.
    pub(super) whole: bool,
    /// Its outcome.
    pub(super) outcome: Outcome,
}

/// The outcome of an attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is an answer.
    Answered(Reply),
    /// There is no answer.
    Failed(Failure),
    /// The attempt was stopped.
    Stopped,
}

/// The interval at which a wait checks whether to stop.
pub(super) const GLANCE: Duration = Duration::from_millis(50);
/// The time after the limit in which the thread can still report, since its errors say more.
const GRACE: Duration = Duration::from_millis(300);

/// A connection to an endpoint, used again by later attempts.
#[derive(Debug)]
pub(super) struct Line<'a> {
    plan: &'a Plan,
    /// The agent, and a flag that is set when the other side stops reading.
    agent: Option<(Agent, Arc<AtomicBool>)>,
}

impl<'a> Line<'a> {
    /// A line that connects at the first attempt.
    pub(super) fn open(plan: &'a Plan) -> Self {
        Self { plan, agent: None }
    }

    /// Sends a body, and waits for the answer until the end of the time limit.
    pub(super) fn attempt(
        &mut self,
        body: &Arc<[u8]>,
        time: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Attempt {
        let limits = Limits::within(time);
        let (agent, deaf) = self.agent.get_or_insert_with(|| self.plan.agent()).clone();
        deaf.store(false, Ordering::Relaxed);
        let place = self.plan.place.clone();
        let sent = Arc::new(AtomicU64::new(0));
        let (give, take) = sync_channel(1);
        // Shared with the thread, so that it can be read before the thread ends.
        let status = Arc::new(Mutex::new(None));
        let job = Job {
            request: self.plan.request(body.len()),
            agent: agent.clone(),
            body: Body { bytes: Arc::clone(body), sent: Arc::clone(&sent) },
            limits,
            place: place.clone(),
            status: Arc::clone(&status),
        };
        let thread = std::thread::Builder::new().name("send".to_owned());
        let outcome = match thread.spawn(move || drop(give.send(job.run()))) {
            Ok(_) => wait(&take, time + GRACE, stop),
            Err(error) => {
                let cause = format!("no thread could be started: {error}");
                Some(Outcome::Failed(Failure::here(&cause)))
            }
        };
        let outcome = outcome.unwrap_or_else(|| {
            // Cuts the connection, so that the thread stops waiting.
            agent.shutdown();
            self.agent = None;
            match status.lock().ok().and_then(|mut seen| seen.take()) {
                _ if stop() => Outcome::Stopped,
                Some(reply) => Outcome::Answered(reply),
                None => Outcome::Failed(place.late(limits)),
            }
        });
        let sent = sent.load(Ordering::Relaxed);
        let whole = sent == body.len() as u64 && !deaf.load(Ordering::Relaxed);
        Attempt { sent, whole, outcome }
    }
}

/// Waits for an outcome; `None` at the end of the time limit or when it is stopped.
fn wait(take: &Receiver<Outcome>, time: Duration, stop: &dyn Fn() -> bool) -> Option<Outcome> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match take.recv_timeout(left.min(GLANCE)) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Timeout) if left.is_zero() || stop() => return None,
            Err(RecvTimeoutError::Timeout) => {}
            // Only a panic ends the thread without an outcome.
            Err(RecvTimeoutError::Disconnected) => {
                return Some(Outcome::Failed(Failure::here("the attempt broke off")));
            }
        }
    }
}

/// The work of an attempt's thread.
struct Job {
    request: Result<http::request::Builder, String>,
    agent: Agent,
    body: Body,
    limits: Limits,
    place: Place,
    status: Arc<Mutex<Option<Reply>>>,
}

impl Job {
    fn run(mut self) -> Outcome {
        match self.exchange() {
            Ok(reply) => Outcome::Answered(reply),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    fn exchange(&mut self) -> Result<Reply, Failure> {
        let request = std::mem::replace(&mut self.request, Err(String::new()));
        let request = request.map_err(|error| Failure::here(&error))?;
        let request = request.body(SendBody::from_reader(&mut self.body));
        let request = request.map_err(|error| Failure::here(&error.to_string()))?;
        let Limits { whole, connect } = self.limits;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(whole))
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .build();
        let mut response =
            self.agent.run(request).map_err(|error| self.place.failure(error, self.limits))?;
        let reply = Reply::head(&response);
        if let Ok(mut status) = self.status.lock() {
            *status = Some(reply.clone());
        }
        Ok(reply.with_body(response.body_mut().as_reader()))
    }
}

/// A request's body that counts the bytes that were read from it.
#[derive(Debug)]
struct Body {
    bytes: Arc<[u8]>,
    sent: Arc<AtomicU64>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = usize::try_from(self.sent.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let count = self.bytes.get(at..).unwrap_or(&[]).read(buffer)?;
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
