//! The process on whose account a file is opened.

use crate::warning::Spoilt;

/// A process that maps a file: what is kept of the file counts for it, and so do the warnings.
#[derive(Debug)]
pub(crate) struct Payer<'a> {
    /// Its process id.
    pub(crate) pid: u32,
    /// The place for warnings.
    pub(crate) spoilt: &'a mut Spoilt,
}

impl Payer<'_> {
    /// Adds a file and its defect.
    pub(super) fn tell(&mut self, path: &[u8], what: impl Into<String>) {
        self.spoilt.add(self.pid, path, what);
    }

    /// Adds that the process has used up a share.
    pub(super) fn tell_limit(&mut self, what: &str) {
        self.tell(format!("process {}", self.pid).as_bytes(), what);
    }
}
