//! Stands in for downloads in a build without an HTTP client: nothing is fetched, and each file reports that.

use std::fs::File;
use std::path::Path;

/// Whether there are servers, which are not asked.
#[derive(Debug, Default)]
pub(super) struct Servers {
    any: bool,
}

impl Servers {
    pub(super) fn new(urls: &[String]) -> Self {
        Self { any: !urls.is_empty() }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Does nothing.
    pub(super) fn begin_cut(&mut self) {}

    /// Always an error.
    pub(super) fn ask(
        &self,
        _hex: &str,
        _cached: Option<&Path>,
    ) -> Result<Option<File>, &'static str> {
        Err("no debuginfod server was asked: this build leaves debuginfod out")
    }
}
