//! What differs from backend to backend.

use crate::send::http::Request;
use crate::send::{Answer, Backend, Verdict, otlp, parca, pyroscope};

/// A backend's requests, and what its answers mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) compress: bool,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) judge: fn(&Answer) -> Verdict,
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
    pub(super) fn of(backend: Backend) -> Self {
        match backend {
            Backend::Pyroscope => stated!(pyroscope),
            Backend::Parca => stated!(parca),
            Backend::Otlp => stated!(otlp),
        }
    }

    /// What every request of this backend is like.
    pub(super) fn request(&self) -> Request {
        Request {
            path: self.path,
            content_type: self.content_type,
            compress: self.compress,
            headers: self.headers,
        }
    }
}
