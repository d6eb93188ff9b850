//! HotSpot, the Java virtual machine of the JDK.
//!
//! Its library describes its own structures for debuggers (`library`, `layout`). By that description, `machine` finds the piece of code at an
//! address (`cache`), the methods that were compiled into it (`compiled`), and their names and lines (`method`, `method_check`).
//! `description` says how far all this is known of a version.

pub mod cache;
mod class_name;
mod compiled;
mod description;
pub mod layout;
mod library;
mod machine;
mod method;
pub mod method_check;
mod reads;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod recorded;
mod stream;
#[cfg(test)]
mod tests;
mod words;

pub use description::Description;
pub use words::Words;

use super::entry::{Entry, Unnamed, no_version};
use super::reader::{Code, Found, Object, Reader, Running};
use crate::reason::Reason;
use machine::Machine;

pub(super) const ENTRY: Entry = Entry {
    name: "Java virtual machine",
    module: "[java]",
    is_file: |name| name == b"libjvm.so",
    version: no_version,
    hint: None,
    unnamed: Unnamed {
        fact: "Java code has no names if this build of the JVM does not describe it",
        cure: None,
        since: None,
    },
    frame_pointers: Some((
        "-XX:+PreserveFramePointer",
        "none in the JVM's compiled code: it is walked by the JVM's description of it, except with --unwind fp",
    )),
    reader: Some(&HotSpot),
};

/// Reads the names of Java's methods.
#[derive(Debug)]
struct HotSpot;

impl Reader for HotSpot {
    fn functions(&self, process: &Running<'_>, objects: &[Object]) -> Vec<Found> {
        let Some(mut machine) = Machine::of(process) else {
            return vec![Err(Reason::NoReader); objects.len()];
        };
        objects.iter().map(|object| machine.interpreted(object)).collect()
    }

    fn names_code(&self) -> bool {
        true
    }

    fn checked_code(&self, process: &Running<'_>, code: &[Code]) -> Vec<Found> {
        let Some(mut machine) = Machine::of(process) else {
            return vec![Err(Reason::NoReader); code.len()];
        };
        code.iter().map(|code| machine.code(*code)).collect()
    }
}
