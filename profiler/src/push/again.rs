//! The command that sends a saved file.

use super::options::{Push, Receiver};
use super::shell::quoted;
use std::path::Path;

impl Push {
    /// `bpflame upload FILE --push URL …`, for some of the receivers.
    pub(super) fn again(&self, file: &Path, to: &[&Receiver], service_name: &str) -> String {
        let mut words = vec![String::from("bpflame upload"), operand(&file.to_string_lossy())];
        words.extend(
            to.iter().map(|receiver| format!("--push {}", quoted(&receiver.endpoint.to_string()))),
        );
        words.push(format!("--service-name {}", quoted(service_name)));
        words.extend(self.again.iter().cloned());
        words.join(" ")
    }
}

/// A file name that cannot be mistaken for an option.
fn operand(name: &str) -> String {
    if name.starts_with('-') { quoted(&format!("./{name}")) } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_no_options() {
        assert_eq!(operand("-x.pb.gz"), "./-x.pb.gz");
        assert_eq!(operand("a b"), "'a b'");
    }
}
