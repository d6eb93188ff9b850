//! `bpflame doctor`: the problems of this machine and a process, each with its cure.
//!
//! Findings ([`finding`]) are separate from their printing ([`mod@print`]). Facts come through [`machine`], whose root can be any
//! directory. In reading order: [`capabilities`] (from a failed step to the missing capabilities), [`identity`] (our user and
//! capabilities), [`system`], [`events`], [`names`] (the machine), [`target`], [`files`], [`binary`], [`prologue`], [`walk`],
//! [`way`], [`runtime`], `java` (a process), [`distribution`], [`download`] (commands).

pub mod binary;
pub mod capabilities;
pub mod distribution;
pub mod download;
pub mod events;
pub mod files;
pub mod finding;
pub mod identity;
mod java;
pub mod machine;
pub mod names;
pub mod print;
pub mod prologue;
pub mod runtime;
pub mod system;
pub mod target;
#[cfg(test)]
mod testing;
pub mod walk;
pub mod way;

use crate::cli::args::{DoctorArgs, Wanted};
use crate::host::console::clean;
use crate::host::exit::Failure;
use crate::host::stdout;
use crate::target::resolved::named;
use distribution::Distribution;
use download::Servers;
use finding::{Finding, Section, verdict};
use identity::Identity;
use machine::Machine;
use print::Marks;
use std::collections::BTreeSet;
use std::env;
use std::io::{self, IsTerminal};

/// Prints the findings on this machine and the process.
///
/// # Errors
/// If recording is impossible: the kind of failure that `record` would have. [`Kind::NotFound`](crate::host::exit::Kind) if no
/// process has a name that was asked for.
pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let sections = look(&Machine::here(), &pids(&args.processes)?);
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|v| !v.is_empty());
    let locale = locale.unwrap_or_default().to_string_lossy().into_owned();
    let marks = Marks::for_output(io::stdout().is_terminal(), &locale);
    let mut text = Vec::new();
    print::sections(&sections, marks, &mut text).expect("a vector takes everything");
    let end = conclusion(&sections);
    if end.is_ok() {
        text.extend(b"\nRecording works here.\n");
    }
    stdout::print(&text)?;
    end
}

/// The ids of these processes. Ids that no process has are findings.
fn pids(wanted: &[Wanted]) -> Result<BTreeSet<u32>, Failure> {
    let mut pids = BTreeSet::new();
    for one in wanted {
        match one {
            Wanted::Pid(pid) => drop(pids.insert(*pid)),
            Wanted::Name(name) => pids.extend(named(name)?),
        }
    }
    Ok(pids)
}

/// Everything that there is to say.
fn look(machine: &Machine, pids: &BTreeSet<u32>) -> Vec<Section> {
    let identity = Identity::of(machine);
    let distribution = Distribution::of(machine);
    let executable = machine.link("/proc/self/exe").unwrap_or_else(|| String::from("bpflame"));
    let urls = env::var("DEBUGINFOD_URLS").ok();
    let mut sections = vec![
        identity.section(machine, &executable),
        system::section(machine, &identity),
        events::section(machine, &identity),
        names::section(machine, &identity, urls.as_deref(), distribution.debuginfod()),
    ];
    let around = target::Surroundings {
        machine,
        identity: &identity,
        distribution: &distribution,
        executable: &executable,
        servers: &Servers::of(machine, &identity, urls.as_deref()),
    };
    sections.extend(pids.iter().flat_map(|pid| target::sections(*pid, around)));
    sections
}

/// Whether recording would work, else the first thing in its way of the kind that decides the exit code.
fn conclusion(sections: &[Section]) -> Result<(), Failure> {
    let Some(kind) = verdict(sections) else {
        return Ok(());
    };
    let all: Vec<&Finding> =
        sections.iter().flat_map(|s| &s.findings).filter(|f| f.blocked == Some(kind)).collect();
    let what = match all.as_slice() {
        [only] => format!("{}, {}", only.subject, clean(&only.fact)),
        several => {
            let subjects: Vec<&str> = several.iter().map(|f| f.subject.as_str()).collect();
            format!("{} (see above)", subjects.join(", "))
        }
    };
    let message = format!("recording does not work here: {what}");
    let cure = all.iter().find_map(|f| f.cures.first());
    let failure = Failure::new(kind, message);
    Err(match cure {
        Some(cure) => failure.cure(clean(cure)),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::exit::Kind;
    use std::fs;

    #[test]
    fn an_empty_machine_is_no_panic_and_does_not_work() {
        let dir = tempfile::tempdir().unwrap();
        let sections = look(&Machine::at(dir.path()), &BTreeSet::from([1]));
        assert_eq!(conclusion(&sections).unwrap_err().kind, Kind::NotFound);
        let sections = look(&Machine::at(dir.path()), &BTreeSet::new());
        assert_eq!(conclusion(&sections).unwrap_err().kind, Kind::Kernel);
    }

    #[test]
    fn processes_are_found_by_id_and_by_name() {
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = pids(&[Wanted::Pid(1), Wanted::Name(String::from("sleep"))]);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        let found = found.unwrap();
        assert!(found.contains(&1) && found.contains(&sleeper.id()), "{found:?}");
        let absent = pids(&[Wanted::Name(String::from("no such program"))]).unwrap_err();
        assert_eq!(absent.kind, Kind::NotFound);
    }

    #[test]
    fn the_conclusion_names_the_cause_and_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        let write = |path: &str, text: &str| {
            fs::create_dir_all(machine.path(path).parent().unwrap()).unwrap();
            fs::write(machine.path(path), text).unwrap();
        };
        write("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n");
        write("/proc/sys/kernel/osrelease", "6.18.1");
        write("/proc/sys/kernel/unprivileged_bpf_disabled", "2");
        write("/proc/sys/kernel/perf_event_paranoid", "2");
        write("/sys/kernel/btf/vmlinux", "");
        let failure = conclusion(&look(&machine, &BTreeSet::new())).unwrap_err();
        assert_eq!(failure.kind, Kind::NotPermitted);
        assert!(
            failure.message.contains("CAP_BPF") && failure.message.contains("CAP_PERFMON"),
            "{failure}"
        );
        assert!(failure.cure.contains("sudo"), "{failure}");
        write("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t000000c000000000\n");
        assert_eq!(conclusion(&look(&machine, &BTreeSet::new())), Ok(()));
    }
}
