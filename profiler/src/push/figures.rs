//! The outcomes of sending, for `--stats`.

use super::Outcome;
use super::keep::Kept;
use crate::tell::stats::Object;

/// One object for each receiver.
pub(crate) fn objects(outcomes: &[Outcome], kept: &[Kept]) -> Vec<Object> {
    outcomes.iter().enumerate().map(|(at, outcome)| object(outcome, file(kept, at))).collect()
}

fn file(kept: &[Kept], receiver: usize) -> Option<String> {
    let kept = kept.iter().find(|kept| kept.receivers.contains(&receiver))?;
    kept.file.as_ref().ok().map(|path| path.display().to_string())
}

fn object(outcome: &Outcome, kept: Option<String>) -> Object {
    let mut object = Object::new();
    object.text("url", &outcome.url);
    object.number("parts", outcome.parts).number("delivered", outcome.delivered);
    object.number("attempts", outcome.attempts);
    object.number("samples", outcome.whole.samples);
    object.number("samples_not_delivered", outcome.missing.samples);
    object.number("bytes", outcome.bytes);
    let causes: Vec<String> = outcome.causes.iter().map(|(cause, _)| cause.clone()).collect();
    object.list("causes", &causes).list("doubts", &outcome.doubts);
    object.list("advice", &outcome.advice);
    object.list("kept", kept.as_slice());
    object
}
