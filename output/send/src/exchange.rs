//! An exchange with a backend: the form of its requests, an answer, and the meaning of an answer.

/// The form of a backend's requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// The path below the endpoint's base.
    pub(crate) path: &'static str,
    /// The type of the body.
    pub(crate) content_type: &'static str,
    /// Whether the client compresses the body (gzip, named in `Content-Encoding`).
    pub(crate) compress: bool,
    /// Further headers.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// An answer over HTTP: its status and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The content type; empty if the answer has none.
    pub(crate) content_type: String,
    /// The first 64 KiB of the body at most, decompressed.
    pub(crate) body: Vec<u8>,
}

/// The meaning of a backend's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The whole part was accepted.
    Delivered,
    /// The whole part was accepted, with a remark.
    Advised(String),
    /// Some of the part was rejected, for the reason in the text. If it were sent again, the rest would arrive twice.
    Partial(String),
    /// It was not accepted; another attempt may succeed.
    Retry(String),
    /// It was not accepted, and would not be in another attempt.
    Refused(String),
}

/// A backend's side of all exchanges with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// The form of the requests.
    pub(crate) request: Request,
    /// The meaning of an answer.
    pub(crate) judge: fn(&Answer) -> Verdict,
}
