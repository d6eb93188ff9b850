//! The differences between backends.

use crate::backends::{otlp, parca, pyroscope};
use crate::http::Request;
use crate::{Answer, Backend, Verdict};

/// A backend's requests, and what its answers mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) compress: bool,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) judge: fn(&Answer) -> Verdict,
}

/// The rules that a backend's module states.
macro_rules! stated {
    ($backend:ident) => {
        Rules {
            path: $backend::PATH,
            content_type: $backend::CONTENT_TYPE,
            compress: $backend::COMPRESS,
            headers: $backend::HEADERS,
            judge: $backend::judge,
        }
    };
}

impl Rules {
    /// Those of a backend.
    pub(crate) fn of(backend: Backend) -> Self {
        match backend {
            Backend::Pyroscope => stated!(pyroscope),
            Backend::Parca => stated!(parca),
            Backend::Otlp => stated!(otlp),
        }
    }

    /// The form of all requests to this backend.
    pub(crate) fn request(&self) -> Request {
        Request {
            path: self.path,
            content_type: self.content_type,
            compress: self.compress,
            headers: self.headers,
        }
    }
}
