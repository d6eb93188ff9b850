//! The errors of a command line: in words that help, and without the options that help texts hide.

use super::args::Cli;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Options of other profilers that ask for a format.
const FORMATS: [&str; 6] =
    ["--svg", "--pprof", "--folded", "--flamegraph", "--flame-graph", "--json"];
/// Options of other profilers that ask for stacks.
const STACKS: [&str; 3] = ["-g", "--call-graph", "--callgraph"];

/// The message for an error. `words` are the words of the command line.
pub(crate) fn message(mut error: clap::Error, words: &[OsString]) -> String {
    let recording = words.get(1).is_some_and(|word| word == "record");
    if let Some(sentence) = sentence(&error, recording) {
        return sentence;
    }
    forget_hidden(&mut error);
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
}

/// A sentence of our own, for mistakes whose cause is known.
fn sentence(error: &clap::Error, recording: bool) -> Option<String> {
    let about = strings(error.get(ContextKind::InvalidArg)?);
    let first = about.first()?;
    match error.kind() {
        // The names of the group contain a hidden option.
        ErrorKind::MissingRequiredArgument if first.contains("--replay") => Some(String::from(
            "say what to record: -p PID or -p NAME (a process), -t TID (a thread), -a (the whole machine) or \
             -- COMMAND",
        )),
        ErrorKind::UnknownArgument if STACKS.contains(&first.as_str()) => Some(format!(
            "leave out {first}: stacks are always recorded (--unwind selects how callers are found)"
        )),
        ErrorKind::UnknownArgument if FORMATS.contains(&first.as_str()) => Some(format!(
            "there is no option {first}; the extension of -o selects the format, as in -o out.svg, \
             -o out.pb.gz or -o out.folded"
        )),
        ErrorKind::UnknownArgument if recording && !first.starts_with('-') => Some(format!(
            "unexpected argument '{first}'; write -- before a command to record: bpflame record -- {first}"
        )),
        _ => None,
    }
}

/// Removes suggestions that the help texts hide, and the one to give an option as a value.
fn forget_hidden(error: &mut clap::Error) {
    drop(error.remove(ContextKind::Suggested));
    let hidden = hidden();
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand] {
        let Some(value) = error.remove(kind) else { continue };
        let shown: Vec<String> = strings(&value)
            .into_iter()
            .filter(|name| !hidden.iter().any(|hidden| name.split(' ').next() == Some(hidden)))
            .collect();
        if !shown.is_empty() {
            drop(error.insert(kind, ContextValue::Strings(shown)));
        }
    }
}

fn strings(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(one) => vec![one.clone()],
        ContextValue::Strings(several) => several.clone(),
        _ => Vec::new(),
    }
}

/// The names of hidden options and subcommands.
fn hidden() -> Vec<String> {
    let command = Cli::command();
    let mut names = Vec::new();
    for subcommand in command.get_subcommands() {
        if subcommand.is_hide_set() {
            names.push(subcommand.get_name().to_owned());
        }
        let hidden = subcommand.get_arguments().filter(|argument| argument.is_hide_set());
        names.extend(hidden.filter_map(|argument| Some(format!("--{}", argument.get_long()?))));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn said(line: &str) -> String {
        let words: Vec<OsString> =
            ["bpflame"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect();
        let error = Cli::try_parse_from(&words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        message(error, &words)
    }

    #[test]
    fn what_is_hidden_is_never_named() {
        let hidden = hidden();
        assert!(hidden.contains(&String::from("--replay")), "{hidden:?}");
        assert!(hidden.contains(&String::from("exec-gate")), "{hidden:?}");
        for line in [
            "record",
            "record -F 9",
            "record -a --repla x",
            "record -a --sav x",
            "record -a --save-kernel",
            "record --tree",
            "exec-gat",
            "answer-name",
        ] {
            let said = said(line);
            assert!(
                !hidden.iter().any(|name| said.contains(&format!("{name}'"))),
                "{line}: {said}"
            );
            assert!(!said.contains("--replay <"), "{line}: {said}");
        }
    }

    #[test]
    fn other_suggestions_stay() {
        assert!(
            said("record -a --outpt x").contains("'--output'"),
            "{}",
            said("record -a --outpt x")
        );
        assert!(said("recor -a").contains("'record'"), "{}", said("recor -a"));
        assert!(!said("record -a --zzz").contains("as a value"), "{}", said("record -a --zzz"));
    }

    #[test]
    fn a_missing_target_is_asked_for_in_one_sentence() {
        let said = said("record -d 5");
        assert!(said.starts_with("say what to record: -p PID or -p NAME"), "{said}");
        assert_eq!(said.lines().count(), 1);
    }

    #[test]
    fn habits_from_other_profilers_get_an_answer() {
        for line in ["record -g -p 1", "record --call-graph dwarf -a", "record -a --call-graph=fp"]
        {
            assert!(said(line).contains("stacks are always recorded"), "{line}: {}", said(line));
        }
        for line in ["record -a --svg", "record -a --svg=x.svg", "report --svg x.pb.gz"] {
            assert!(said(line).contains("as in -o out.svg"), "{line}: {}", said(line));
        }
        assert_eq!(
            said("record ./hot 1"),
            "unexpected argument './hot'; write -- before a command to record: bpflame record -- ./hot"
        );
        assert!(!said("report a b").contains("record"), "{}", said("report a b"));
    }
}
