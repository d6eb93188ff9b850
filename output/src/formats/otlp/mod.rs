//! OpenTelemetry's profiles, as collectors take them.
//!
//! [`Otlp`] writes an `ExportProfilesServiceRequest` of `opentelemetry.proto.collector.profiles.v1development`. It has one dictionary of
//! tables, each of which begins with the zero value, and a profile for each value column, since a profile of this format has one sample type.
//! The messages are those of [`PROTO_VERSION`].
//!
//! Attributes follow the semantic conventions of [`SCHEMA_URL`]. Names of our own begin with `bpflame.`:
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
//! | sample | guessed frames, marks | `bpflame.guessed_frames`, `bpflame.approximate_lines`, `bpflame.truncated`, `bpflame.caller_may_be_missing` |
//!
//! `comm` is not `process.executable.name`, the base name of the executable's path: a process may change its `comm`, and the kernel cuts it.
//! Other labels keep their key. The marks of defective stacks are numbers and booleans, because some backends make a series of each text
//! attribute.

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

/// The release of `opentelemetry-proto` whose messages are written. In 1.11.0 they have the same encoding.
pub const PROTO_VERSION: &str = "1.10.0";

impl Otlp {
    /// The request's bytes.
    ///
    /// # Errors
    /// [`Error::Empty`] if no sample has a value, [`Error::Invalid`] if the profile is inconsistent, [`Error::TooLarge`] if a table has more
    /// rows than the format can number.
    pub fn bytes(&self, profile: &Profile) -> Result<Vec<u8>, Error> {
        profile.check()?;
        let lean = Lean::new(profile, |_| true)?;
        self.bytes_of(&lean, &lean.all())
    }

    /// The request's bytes for some samples, as [`Otlp::bytes`].
    pub fn bytes_of(&self, lean: &Lean, rows: &[u32]) -> Result<Vec<u8>, Error> {
        let Lean { tables, .. } = lean;
        let rows_of_tables = [tables.functions.len(), tables.locations.len(), rows.len()];
        // No row adds more to a table than the three strings of a function.
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
