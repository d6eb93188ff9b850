//! One process: whether it can be recorded, and what of it will have names.

use super::capabilities::{FULL, Step, missing, setcap};
use super::distribution::Distribution;
use super::download::Servers;
use super::files::{self, Row};
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::java;
use super::machine::{Machine, field};
use super::runtime::Seen;
use super::walk;
use crate::host::exit::Kind;
use crate::host::{looking, proc};
use crate::unwinding::build::version_read;
use output::tell::counted;
use symbolizer::process::SpaceFacts;
use symbolizer::{MappedFile, ProcessTable, Reason, Runtime};

/// The inputs of the findings on a process.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The root of `/proc`.
    pub machine: &'a Machine,
    /// The identity of bpflame.
    pub identity: &'a Identity,
    /// The distribution, for package names.
    pub distribution: &'a Distribution,
    /// bpflame's own path.
    pub executable: &'a str,
    /// The servers of debug files.
    pub servers: &'a Servers,
}

/// The findings on a process.
pub fn sections(pid: u32, around: Surroundings<'_>) -> Vec<Section> {
    let mut section = Section::new(format!("Process {pid}"));
    let Some(status) = around.machine.text(format!("/proc/{pid}/status")) else {
        section.push(absent(pid));
        return vec![section];
    };
    let (finding, alive) = process(pid, &status);
    section.push(finding);
    if !alive {
        return vec![section];
    }
    namespaces(pid, &status, around.machine, &mut section);
    let mut table = ProcessTable::looking_by(looking::start);
    table.read(pid);
    let Some(facts) = table.process(pid) else {
        section.push(Finding::warning("mappings", "unknown"));
        return vec![section];
    };
    section.push(mappings(&facts, around));
    let mapped: Vec<&MappedFile> = facts.files.iter().filter_map(|&id| table.file(id)).collect();
    runtime(&table, &facts, &mapped, around.machine, &mut section);
    for warning in table.warnings() {
        section.push(Finding::warning(warning.file, warning.what));
    }
    let mut sections = vec![section];
    if !mapped.is_empty() {
        let server = around.distribution.debuginfod();
        let download = around.servers.commands(around.identity, server, &pid.to_string());
        let rows: Vec<Row> = mapped.iter().map(|file| Row::of(file, around.machine)).collect();
        sections.push(files::section(&rows, pid, around.distribution, download));
    }
    sections.extend(walk::section(&table, pid));
    sections
}

fn absent(pid: u32) -> Finding {
    Finding::bad(Kind::NotFound, "process", format!("no process has the id {pid}"))
        .cure("ps -e lists the processes")
}

/// The finding from `/proc/PID/status`, and whether the process can be examined further.
fn process(pid: u32, status: &str) -> (Finding, bool) {
    let value = |key| field(status, key).unwrap_or_default();
    let name = value("Name");
    let group: u32 = value("Tgid").parse().unwrap_or(pid);
    if group != pid {
        let fact = format!("{pid} is a thread of process {group} ({name})");
        let finding = Finding::bad(Kind::NotFound, "process", fact)
            .cure(format!("bpflame doctor -p {group}; bpflame record -t {pid} records the thread"));
        return (finding, false);
    }
    if proc::is_zombie(value("State"), value("Threads")) {
        let fact = format!("{name} has exited; its parent has not waited for it yet");
        return (Finding::bad(Kind::NotFound, "process", fact), false);
    }
    // If the first thread has ended alone, its status tells nothing of the memory.
    let ended = value("State").starts_with(['Z', 'X']);
    if !ended && field(status, "VmSize").is_none() {
        return (
            Finding::note("process", format!("{name}, a kernel thread: it has kernel stacks only")),
            false,
        );
    }
    let uid = value("Uid").split_whitespace().next().unwrap_or("?");
    (Finding::good("process", format!("{name}, uid {uid}, threads: {}", value("Threads"))), true)
}

fn namespaces(pid: u32, status: &str, machine: &Machine, section: &mut Section) {
    let inner = field(status, "NSpid")
        .and_then(|ids| ids.split_whitespace().nth(1).is_some().then_some(ids));
    if let Some(inner) = inner.and_then(|ids| ids.split_whitespace().last()) {
        section.push(Finding::note("PID namespace", format!("its own: its id there is {inner}")));
    }
    let mounts = |who: &str| machine.link(format!("/proc/{who}/ns/mnt"));
    if let (Some(its), Some(ours)) = (mounts(&pid.to_string()), mounts("self"))
        && its != ours
    {
        section
            .push(Finding::note("mount namespace", "its own: files are looked up below its root"));
    }
}

fn mappings(facts: &SpaceFacts, around: Surroundings<'_>) -> Finding {
    let subject = "mappings";
    let Some(reason) = facts.reason else {
        return Finding::good(
            subject,
            format!("readable, {} with code", counted(facts.files.len() as u64, "file")),
        );
    };
    let fact = format!("{}: its user frames have no names", reason.phrase());
    if reason != Reason::NotPermitted {
        return Finding::warning(subject, fact);
    }
    let lacking = missing(Step::ReadMappings, around.identity.held, 0);
    let lacking: Vec<&str> = lacking.iter().map(|c| c.name()).collect();
    let fact = if lacking.is_empty() {
        fact
    } else {
        format!("{fact}; {} is missing", lacking.join(", "))
    };
    Finding::warning(subject, fact)
        .cure(format!("sudo bpflame record -p {} …", facts.pid))
        .cure(setcap(FULL, around.executable))
}

fn runtime(
    table: &ProcessTable,
    facts: &SpaceFacts,
    mapped: &[&MappedFile],
    machine: &Machine,
    section: &mut Section,
) {
    let Some(runtime) = facts.runtime else {
        if facts.has_jit_code {
            let fact = "code made at run time by an unknown runtime: it has names only with a perf map or a jitdump";
            section.push(Finding::note("JIT", fact));
        }
        return;
    };
    let jit = table.jit(facts.space.index);
    let map = match jit {
        Some(jit) if jit.map.is_some() => Ok(()),
        Some(jit) => Err(jit.reason.map_or("no perf map", Reason::phrase)),
        None => Err("no perf map"),
    };
    let files: Vec<String> =
        mapped.iter().map(|f| String::from_utf8_lossy(&f.path).into_owned()).collect();
    let arguments = machine.far_bytes(format!("/proc/{}/cmdline", facts.pid));
    let of_runtime = |file: &&&MappedFile| Runtime::of_file(&file.path) == Some(runtime);
    let opened = mapped.iter().filter(of_runtime).filter_map(|file| file.handle.as_deref());
    let read = opened.rev().find_map(version_read);
    let is_java = runtime == Runtime::HOTSPOT;
    let java = is_java.then(|| java::description(table, facts.space.index)).flatten();
    let (pid, files, arguments) = (facts.pid, &files[..], &arguments[..]);
    let seen = Seen { pid, runtime, files, arguments, read, java, map };
    seen.findings().into_iter().for_each(|finding| section.push(finding));
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, verdict};
    use super::super::testing::{finding, user};
    use super::*;

    fn look(pid: u32) -> Vec<Section> {
        let (machine, identity) = (Machine::here(), user());
        let distribution = Distribution::of(&machine);
        let around = Surroundings {
            machine: &machine,
            identity: &identity,
            distribution: &distribution,
            executable: "x",
            servers: &Servers::None,
        };
        sections(pid, around)
    }

    #[test]
    fn a_process_that_is_not_there() {
        assert_eq!(verdict(&look(4_194_305)), Some(Kind::NotFound));
    }

    #[test]
    fn threads_zombies_and_kernel_threads() {
        let thread = "Name:\tx\nState:\tS (sleeping)\nTgid:\t12\nPid:\t13\n";
        let (found, more) = process(13, thread);
        assert!(found.fact.contains("thread of process 12") && !more);
        assert_eq!(found.blocked, Some(Kind::NotFound));
        let zombie = "Name:\tx\nState:\tZ (zombie)\nTgid:\t13\n";
        assert_eq!(process(13, zombie).0.blocked, Some(Kind::NotFound));
        let kernel = "Name:\tkthreadd\nState:\tS (sleeping)\nTgid:\t2\nUid:\t0\t0\t0\t0\n";
        assert_eq!(process(2, kernel).0.level, Level::Note);
        assert!(!process(2, kernel).1);
    }

    #[test]
    fn this_process_has_readable_mappings_and_a_table_of_files() {
        let sections = look(std::process::id());
        assert_eq!(verdict(&sections), None);
        assert_eq!(finding(&sections[0], "mappings").level, Level::Good);
        let table = sections[1].table.as_ref().unwrap();
        assert!(table.iter().any(|row| row[0].contains("libc.so")), "{table:?}");
        assert_eq!(sections[2].title, "How stacks are walked");
    }
}
