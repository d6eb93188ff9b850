//! What differs from backend to backend.

use crate::send::http::Request;
use crate::send::{Answer, Backend, Verdict, otlp, parca, pyroscope};

/// A backend's requests, and what its answers mean.
#[derive(Clone, Copy, Debug)]
pub(in crate::send) struct Rules {
    pub(in crate::send) path: &'static str,
    pub(in crate::send) content_type: &'static str,
    pub(in crate::send) compress: bool,
    pub(in crate::send) headers: &'static [(&'static str, &'static str)],
    pub(in crate::send) judge: fn(&Answer) -> Verdict,
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
    pub(in crate::send) fn of(backend: Backend) -> Self {
        match backend {
            Backend::Pyroscope => stated!(pyroscope),
            Backend::Parca => stated!(parca),
            Backend::Otlp => stated!(otlp),
        }
    }

    /// What every request of this backend is like.
    pub(in crate::send) fn request(&self) -> Request {
        Request {
            path: self.path,
            content_type: self.content_type,
            compress: self.compress,
            headers: self.headers,
        }
    }
}
