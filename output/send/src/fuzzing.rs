//! A door to the private parsers, for the fuzz targets. Nothing else uses it.

use crate::client::retry::asked_time;
use crate::exchange::Verdict;
use crate::http::Reply;
use crate::{Backend, backends};
use std::time::Duration;
use ureq::http::Response;

/// What an answer of a backend means.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The text that is shown; empty if the part was delivered.
    pub words: String,
    /// The bytes of the body that were read.
    pub read: usize,
    /// The time that the backend asks to wait.
    pub wait: Option<Duration>,
    /// The place that it redirects to, as it is shown.
    pub location: Option<String>,
}

/// The meaning of an answer with this status, these headers and this body. `None`: HTTP permits no such answer.
pub fn meaning(
    backend: Backend,
    status: u16,
    headers: &[(&[u8], &[u8])],
    body: &[u8],
) -> Option<Meaning> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let reply = Reply::head(&response.body(()).ok()?).with_body(body);
    let words = match (backends::rules(backend).exchange.judge)(&reply.answer) {
        Verdict::Delivered => String::new(),
        Verdict::Advised(words)
        | Verdict::Partial(words)
        | Verdict::Retry(words)
        | Verdict::Refused(words) => words,
    };
    let wait = reply.retry_after.as_deref().and_then(|value| asked_time(value, 1_700_000_000));
    Some(Meaning { words, read: reply.answer.body.len(), wait, location: reply.location })
}
