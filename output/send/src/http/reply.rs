//! The beginning of an answer.

use crate::exchange::Answer;
use output::text;
use std::io::Read;
use ureq::http::{HeaderMap, Response, header};

/// The bytes of a body that are read, before and after decompression.
const LIMIT: u64 = 64 << 10;
/// The longest place that is shown, in characters.
const PLACE: usize = 200;

/// An answer, with the headers in use.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Status and body.
    pub(crate) answer: Answer,
    /// The value of `Retry-After`.
    pub(crate) retry_after: Option<String>,
    /// The target of a redirect, in one line, without user, query and fragment.
    pub(crate) location: Option<String>,
    compressed: bool,
}

impl Reply {
    /// The head of an answer.
    pub(crate) fn head<B>(response: &Response<B>) -> Self {
        let headers = response.headers();
        let encoding = value(headers, header::CONTENT_ENCODING.as_str()).unwrap_or_default();
        Self {
            answer: Answer {
                status: response.status().as_u16(),
                content_type: value(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default(),
                body: Vec::new(),
            },
            retry_after: value(headers, header::RETRY_AFTER.as_str()),
            location: value(headers, header::LOCATION.as_str()).map(|place| shown(&place)),
            compressed: encoding.eq_ignore_ascii_case("gzip")
                || encoding.eq_ignore_ascii_case("x-gzip"),
        }
    }

    /// A reply without a connection.
    #[cfg(test)]
    pub(crate) fn of(answer: Answer, retry_after: Option<&str>) -> Self {
        let retry_after = retry_after.map(str::to_owned);
        Self { answer, retry_after, location: None, compressed: false }
    }

    /// Adds the beginning of its body, or the part that arrived before the body broke off.
    pub(crate) fn with_body(mut self, body: impl Read) -> Self {
        let body = body.take(LIMIT);
        self.answer.body = if self.compressed {
            beginning(flate2::read::MultiGzDecoder::new(body))
        } else {
            beginning(body)
        };
        self
    }
}

/// The bytes up to the limit, or up to the first error.
fn beginning(from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // An error only ends the text. The status decides, and it has been read.
    let _ = from.take(LIMIT).read_to_end(&mut bytes);
    bytes
}

fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A location as it is shown: without the part before an `@`, the query and the fragment, which may contain secrets.
fn shown(place: &str) -> String {
    let place = place.split(['?', '#']).next().unwrap_or("");
    let place = match (place.split_once("//"), place.rfind('@')) {
        (Some((before, _)), Some(at)) => format!("{before}//{}", &place[at + 1..]),
        _ => place.to_owned(),
    };
    text::shorten(&text::clean(&place), PLACE).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_secrets() {
        for (place, seen) in [
            ("https://other.example/a/b", "https://other.example/a/b"),
            ("https://me:hunter2@other.example/a?token=hunter2#hunter2", "https://other.example/a"),
            ("//hunter2@h/p", "//h/p"),
            ("/login?next=hunter2", "/login"),
            ("\u{1b}[31mred", "\u{fffd}[31mred"),
        ] {
            assert_eq!(shown(place), seen);
        }
        assert_eq!(shown(&"x".repeat(5000)).chars().count(), PLACE);
    }

    #[test]
    fn bodies_are_bounded() {
        let reply = |encoding: &str, body: &mut dyn Read| {
            let response =
                Response::builder().header("Content-Encoding", encoding).body(()).unwrap();
            Reply::head(&response).with_body(body).answer.body.len()
        };
        assert_eq!(reply("identity", &mut std::io::repeat(b'x')), 64 << 10);
        let mut bomb = flate2::read::GzEncoder::new(
            std::io::repeat(0).take(1 << 30),
            flate2::Compression::fast(),
        );
        assert_eq!(reply("gzip", &mut bomb), 64 << 10);
        assert_eq!(reply("gzip", &mut &b"no gzip at all"[..]), 0);
    }
}
