//! The processes that a command leaves behind: they are not recorded after its end.

use crate::cli::config::Config;
use crate::cli::target_spec::TargetSpec;
use crate::host::proc;
use crate::record::recorded::End;
use crate::target::resolved::ResolvedTarget;

/// Prints how many processes of a command still run after its end, and how to record them.
pub(crate) fn tell(config: &Config, target: &ResolvedTarget, end: &End, living: &[u32]) {
    if let (TargetSpec::Command(_), End::Gone, Some(first)) =
        (&config.target, end, living.iter().min())
    {
        config.console.note(sentence(&target.title, living.len(), *first, &proc::name(*first)));
    }
}

/// `first` and `name` are the id and the name of the oldest process.
fn sentence(command: &str, count: usize, first: u32, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let can_be_typed = name.chars().all(plain) && name.chars().any(|c| c.is_ascii_alphabetic());
    let wanted = if can_be_typed { String::from(name) } else { first.to_string() };
    let (processes, them) = match count {
        1 => (String::from("a process"), "it"),
        n => (format!("{n} processes"), "them"),
    };
    let are = if count == 1 { "is" } else { "are" };
    format!(
        "{command} has ended, but {processes} that it started {are} still running; \
         `bpflame record -p {wanted} --tree` records {them}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_named_as_they_can_be_typed() {
        assert_eq!(
            sentence("nginx (7)", 3, 8, "nginx"),
            "nginx (7) has ended, but 3 processes that it started are still running; \
             `bpflame record -p nginx --tree` records them"
        );
        let one = sentence("sh (7)", 1, 8, "a, b");
        assert!(one.contains("a process that it started is still running"), "{one}");
        assert!(one.ends_with("`bpflame record -p 8 --tree` records it"), "{one}");
    }
}
