//! The text of answers, made fit to be shown, and the judgement that backends share.

use crate::exchange::{Answer, Verdict};
use output::text::{clean, shorten};
use serde_json::Value;

/// The longest text that is shown, in characters.
const SHOWN: usize = 300;
/// The number of bytes that are parsed.
const LOOKED_AT: usize = 64 << 10;

/// The text in one line of at most 300 characters, without control characters. Empty if the text is blank.
pub(super) fn one_line(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    // Shortened first, so that a long text is not cleaned as a whole.
    shorten(&clean(&shorten(text.trim(), 2 * SHOWN)), SHOWN).into_owned()
}

/// An error as an object: `{"code": …, "message": "…"}`.
pub(super) struct ErrorBody {
    /// The code: a word with Connect, a number with gRPC's gateway.
    pub(super) code: Value,
    /// The message in one line.
    pub(super) message: String,
}

impl ErrorBody {
    /// The error in the body of an answer, if the body is such an object.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let bytes = answer.body.get(..LOOKED_AT).unwrap_or(&answer.body);
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(bytes) else { return None };
        let code = fields.remove("code")?;
        let message = fields.get("message").and_then(Value::as_str).unwrap_or_default();
        Some(Self { code, message: one_line(message) })
    }
}

/// The status and the text of the body, for answers that do not follow the protocol, such as a proxy's.
pub(super) fn status_and_text(answer: &Answer) -> String {
    let status = answer.status;
    let text = if answer.content_type.contains("html") {
        "a web page".into()
    } else {
        let bytes = answer.body.get(..4 * SHOWN).unwrap_or(&answer.body);
        one_line(&String::from_utf8_lossy(bytes))
    };
    if text.is_empty() { format!("status {status}") } else { format!("status {status}: {text}") }
}

/// Whether the body is of this type, or of none.
pub(super) fn is_type(answer: &Answer, name: &str) -> bool {
    let kind = answer.content_type.split(';').next().unwrap_or_default().trim();
    kind.is_empty() || kind.eq_ignore_ascii_case(name)
}

/// The meaning of an answer, for backends whose errors have a code. `failure` gives the meaning of an error from the status and the body,
/// or `None` if the code is not one of the backend's.
pub(super) fn judge(
    answer: &Answer,
    (backend, content_type): (&str, &str),
    failure: fn(u16, &ErrorBody) -> Option<Verdict>,
) -> Verdict {
    let status = answer.status;
    if (200..300).contains(&status) {
        return success(answer, content_type, backend);
    }
    let verdict = ErrorBody::read(answer).and_then(|error| failure(status, &error));
    verdict.unwrap_or_else(|| foreign_failure(answer, backend))
}

/// The meaning of a success. An answer of another type is not from this backend.
fn success(answer: &Answer, content_type: &str, backend: &str) -> Verdict {
    if is_type(answer, content_type) {
        return Verdict::Delivered;
    }
    let (status, kind) = (answer.status, one_line(&answer.content_type));
    Verdict::Refused(format!("this is not {backend}: status {status} with {kind}"))
}

/// The meaning of an error without one of the backend's codes. Something between here and the backend has answered.
fn foreign_failure(answer: &Answer, backend: &str) -> Verdict {
    let text = status_and_text(answer);
    match answer.status {
        408 | 429 | 500 | 502..=504 => Verdict::Retry(text),
        404 => Verdict::Refused(format!("no {backend} at this address: {text}")),
        _ => Verdict::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: &str, body: &[u8]) -> Answer {
        Answer { status: 500, content_type: content_type.into(), body: body.into() }
    }

    #[test]
    fn text_is_one_short_line() {
        assert_eq!(one_line(" a\nb\u{1b}[2J\u{202e} "), "a b\u{fffd}[2J\u{fffd}");
        assert_eq!(one_line(&"é".repeat(5_000)).chars().count(), 300);
        assert_eq!(one_line("\r\n "), "");
    }

    #[test]
    fn objects_are_read_and_nothing_else() {
        let told = ErrorBody::read(&answer(
            "",
            b"{\"code\":\"internal\",\"message\":\"a\\nb\",\"x\":[1]}",
        ));
        let told = told.unwrap();
        assert_eq!((told.code, told.message.as_str()), (Value::from("internal"), "a b"));
        assert_eq!(ErrorBody::read(&answer("", b"{\"code\":3}")).unwrap().message, "");
        let deep = [b"[".repeat(60_000), b"{}".to_vec()].concat();
        for body in [&b""[..], b"{", b"[]", b"3", b"{\"message\":\"a\"}", b"\xff", &deep] {
            assert!(ErrorBody::read(&answer("", body)).is_none());
        }
    }

    #[test]
    fn other_answers_are_told_by_their_status() {
        assert_eq!(status_and_text(&answer("", b"")), "status 500");
        assert_eq!(status_and_text(&answer("text/plain", b"no\xff")), "status 500: no\u{fffd}");
        assert_eq!(status_and_text(&answer("text/html", b"<b>")), "status 500: a web page");
    }

    #[test]
    fn types_are_compared_without_parameters() {
        let json = |kind: &str| is_type(&answer(kind, b""), "application/json");
        assert!(json("application/json; charset=utf-8") && json("Application/JSON") && json(""));
        assert!(!json("text/html"));
    }
}
