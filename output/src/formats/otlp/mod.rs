//! OpenTelemetry's profiles, as they are exported to a collector.
//!
//! [`Otlp`] writes an `ExportProfilesServiceRequest` of `opentelemetry.proto.collector.profiles.v1development`: one
//! dictionary of tables, each beginning with the zero value, and a profile per value column, as this format has one
//! sample type a profile. The messages are those of [`PROTO_VERSION`].
//!
//! Attributes follow the semantic conventions of [`SCHEMA_URL`]; what has no convention has a name of ours that
//! begins with `bpflame.`:
//!
//! | of | what | attribute |
//! |---|---|---|
//! | resource | service | `service.name` (a sample's label `service_name`, else [`Otlp::service_name`]) |
//! | resource | label `container_id` | `container.id` |
//! | scope | column to show first | `pprof.scope.default_sample_type`, `pprof.scope.sample_type_order` |
//! | profile | summary and comments | `pprof.profile.comment` |
//! | mapping | build ID | `process.executable.build_id.gnu`; Go's own: `process.executable.build_id.go` |
//! | mapping | what was symbolized | `pprof.mapping.has_functions`, `…filenames`, `…line_numbers`, `…inline_frames` |
//! | location | kind of frame | `profile.frame.type`: `native`, `kernel`, and `jit`, `interpreted` (values of ours) |
//! | sample | labels `comm`, `pid`, `thread`, `tid` | `process.title`, `process.pid`, `thread.name`, `thread.id` |
//! | sample | label `unit` | `bpflame.unit` |
//! | sample | guessed frames, marks | `bpflame.guessed_frames`, `bpflame.truncated`, `bpflame.caller_may_be_missing` |
//!
//! `comm` is not `process.executable.name`, which is the base name of the executable's path: a process may change
//! its `comm`, and the kernel cuts it. Other labels keep their key. What spoils a stack is a number or a boolean,
//! so that backends that make a series of each text attribute make none of it.

mod attributes;
mod dictionary;
mod request;
mod samples;
mod tables;
mod wire;

pub use attributes::SERVICE_NAME;
pub use request::{Otlp, SCHEMA_URL};

use crate::model::lean::Lean;
use crate::{Encode, Error, Profile};
use std::io::{self, Write};

/// The release of `opentelemetry-proto` whose messages are written. On the wire they are the same in 1.11.0.
pub const PROTO_VERSION: &str = "1.10.0";

impl Otlp {
    /// The request's bytes.
    ///
    /// # Errors
    /// [`Error::Empty`] where no sample has a value, [`Error::Invalid`] where the profile does not hold together,
    /// [`Error::TooLarge`] where a table has more rows than the format can number.
    pub fn bytes(&self, profile: &Profile) -> Result<Vec<u8>, Error> {
        profile.check()?;
        let lean = Lean::new(profile, |_| true)?;
        self.bytes_of(&lean, &lean.all())
    }

    /// As [`Otlp::bytes`], of some samples.
    pub fn bytes_of(&self, lean: &Lean, rows: &[u32]) -> Result<Vec<u8>, Error> {
        let Lean { tables, .. } = lean;
        let rows_of_tables = [tables.functions.len(), tables.locations.len(), rows.len()];
        // Three strings a function are the most that a row adds to a table.
        if rows_of_tables.into_iter().sum::<usize>() > i32::MAX as usize / 8 {
            return Err(Error::TooLarge("more rows than OTLP can number".into()));
        }
        let has_value = |row: &u32| lean.values(*row).iter().any(|value| *value != 0);
        let rows: Vec<u32> = rows.iter().copied().filter(has_value).collect();
        if rows.is_empty() { Err(Error::Empty) } else { Ok(request::bytes(self, lean, &rows)) }
    }
}

impl Encode for Otlp {
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.bytes(profile)?)
    }
}

#[cfg(test)]
mod tests;
