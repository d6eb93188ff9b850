//! The events that run the sampling program: the vocabulary, and one file for each kind of source. A new source is a
//! new file and a line here. It needs a section of its own in the programs only if none of the present ones can be
//! attached to it.

mod event;
pub(crate) mod perf;
mod software;
mod source;
mod timer;
mod uprobe;

use crate::Error;
pub use event::{Event, EventSpec, Rate, Unit};
pub(crate) use source::{Due, Program, Source};

/// Every source. The first one that knows an event provides it.
const KINDS: &[source::Kind] = &[timer::KIND, software::KIND, uprobe::KIND];

impl EventSpec {
    /// Parses the name of an event. A timer without a rate of its own gets this frequency.
    ///
    /// # Errors
    /// The defect of the name, as a message for the user.
    pub fn parse(asked: &str, hertz: u32) -> Result<Self, String> {
        let known = KINDS.iter().find_map(|kind| (kind.parse)(asked, hertz));
        known.unwrap_or_else(|| {
            let forms: Vec<&str> = KINDS.iter().map(|kind| kind.forms).collect();
            Err(format!("there is no such event; the events are {}", forms.join(", ")))
        })
    }
}

/// Finds a requested event on this machine and tries it on a CPU.
pub(crate) fn find(spec: &EventSpec, cpu: u32) -> Result<Source, Error> {
    let known = KINDS.iter().find_map(|kind| (kind.find)(spec, cpu));
    known.unwrap_or_else(|| Err(Error::Kernel { lacks: format!("event {:?}", spec.name) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_as_in_the_literature() {
        let parse = |asked| EventSpec::parse(asked, 49);
        let spec = |name: &str, rate| Ok(EventSpec { name: name.to_owned(), rate });
        assert_eq!(parse("profile"), spec("profile", Rate::Hertz(49)));
        assert_eq!(parse("profile:hz:99"), spec("profile", Rate::Hertz(99)));
        assert_eq!(parse("page-faults"), spec("page-faults", Rate::Every(100)));
        assert_eq!(parse("software:page-faults:1"), spec("page-faults", Rate::Every(1)));
        let called = "uprobe:/a:b:0x10";
        assert_eq!(parse(called), spec(called, Rate::Every(1)));
        for wrong in ["", "profile:99", "profile:hz:0", "page-faults:0", "page-faults:", "cycles"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["uprobe:/a", "uprobe:/a:10", "uprobe::0x10", "uprobe:/a:0x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("software:nothing").unwrap_err().contains("page-faults"));
        assert!(parse("pagefaults").unwrap_err().contains("page-faults"));
    }
}
