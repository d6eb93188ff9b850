//! The backends, a folder each: bodies, limits, and the meaning of answers.

mod answers;
mod otlp;
mod parca;
mod pyroscope;
mod rules;

use crate::Backend;
use rules::Rules;

/// The rules of a backend.
pub(crate) fn rules(backend: Backend) -> &'static Rules {
    match backend {
        Backend::Pyroscope => &pyroscope::RULES,
        Backend::Parca => &parca::RULES,
        Backend::Otlp => &otlp::RULES,
    }
}
