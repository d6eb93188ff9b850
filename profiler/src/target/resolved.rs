//! Turns what was typed into the tasks to sample: it looks up names and checks that the tasks exist.

#[cfg(test)]
mod tests;

use super::slug::slug;
use crate::cli::args::Wanted;
use crate::cli::target_spec::TargetSpec;
use crate::host::exit::{Failure, Kind};
use crate::host::{looking, proc};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use symbolizer::foreign::FarText;

/// The tasks that are sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvedTarget {
    /// The tasks, for the sampler.
    pub tasks: bpf::Target,
    /// The processes whose end ends the recording; empty for the whole machine.
    pub processes: Vec<u32>,
    /// The target as it is shown, such as `redis-server (1234)`.
    pub title: String,
    /// The target as a part of a file's name, such as `redis-server-1234`. It contains no slash.
    pub slug: String,
    /// The service name of the profile, such as `redis-server`.
    pub service: String,
}

impl ResolvedTarget {
    /// The whole machine.
    pub(crate) fn machine() -> Self {
        Self {
            tasks: bpf::Target::Machine,
            processes: Vec::new(),
            title: String::from("whole machine"),
            slug: String::from("machine"),
            service: host_name(),
        }
    }

    /// A command that waits at its gate.
    pub(crate) fn command(pid: u32, name: &str) -> Self {
        Self {
            tasks: bpf::Target::Processes(vec![pid]),
            processes: vec![pid],
            title: format!("{name} ({pid})"),
            slug: task_slug(name, pid),
            service: name.to_owned(),
        }
    }

    /// Processes that exist now.
    pub(crate) fn processes(wanted: &[Wanted], tree: bool) -> Result<Self, Failure> {
        let mut pids = BTreeSet::new();
        for one in wanted {
            match one {
                Wanted::Pid(pid) => drop(pids.insert(checked(*pid)?)),
                Wanted::Name(name) => pids.extend(named(name)?),
            }
        }
        let first = pids.first().copied().unwrap_or(0);
        if tree {
            add_children(&mut pids);
        }
        let name = proc::name(first);
        let title = match pids.len() {
            1 => format!("{name} ({first})"),
            n => format!("{name} ({first}) and {} more", n - 1),
        };
        let processes: Vec<u32> = pids.into_iter().collect();
        Ok(Self {
            tasks: bpf::Target::Processes(processes.clone()),
            processes,
            title,
            slug: task_slug(&name, first),
            service: name,
        })
    }

    /// Adds the living descendants that were not found before, and returns them; none if the target is only the
    /// processes themselves.
    pub(crate) fn newborn(&mut self, spec: &TargetSpec) -> Vec<u32> {
        let TargetSpec::Processes { tree: true, .. } = spec else { return Vec::new() };
        let known: BTreeSet<u32> = self.processes.iter().copied().collect();
        let mut all = known.clone();
        add_children(&mut all);
        let newborn: Vec<u32> = all.difference(&known).copied().collect();
        if let bpf::Target::Processes(tasks) = &mut self.tasks {
            tasks.extend(&newborn);
        }
        self.processes.extend(&newborn);
        newborn
    }

    /// The number of living descendants that are not `recorded` because the target is only the processes themselves.
    pub(crate) fn unrecorded_children(&self, spec: &TargetSpec, recorded: &[u32]) -> usize {
        let TargetSpec::Processes { tree: false, .. } = spec else { return 0 };
        let mut all: BTreeSet<u32> = self.processes.iter().copied().collect();
        add_children(&mut all);
        all.iter().filter(|pid| !self.processes.contains(pid) && !recorded.contains(pid)).count()
    }

    /// Threads that exist now.
    pub(crate) fn threads(tids: &[u32]) -> Result<Self, Failure> {
        let mut processes = BTreeSet::new();
        for &tid in tids {
            let status = proc::status(tid).ok_or_else(|| {
                missing(format!("there is no thread {tid}"), "`ps -eLf` lists the threads")
            })?;
            processes.insert(status.process);
        }
        let first = tids.first().copied().unwrap_or(0);
        let name = proc::comm(first);
        let process = processes.first().copied().unwrap_or(first);
        Ok(Self {
            tasks: bpf::Target::Threads(tids.to_vec()),
            service: proc::name(process),
            processes: processes.into_iter().collect(),
            title: format!("thread {name} ({first})"),
            slug: task_slug(&name, first),
        })
    }

    /// The first process whose mappings may not be read.
    pub(crate) fn unreadable(&self) -> Option<u32> {
        self.processes.iter().copied().find(|pid| {
            let denied = |e: io::Error| e.kind() == io::ErrorKind::PermissionDenied;
            let path = format!("/proc/{pid}/maps");
            proc::patiently(*pid, || File::open(path)).and_then(Result::err).is_some_and(denied)
        })
    }
}

/// The name of this machine, for recordings of the machine.
fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { String::from("machine") } else { name }
}

fn missing(message: String, cure: &str) -> Failure {
    Failure::new(Kind::NotFound, message).cure(cure)
}

/// Checks that a process id exists and is not a thread's.
fn checked(pid: u32) -> Result<u32, Failure> {
    let status = proc::status(pid).ok_or_else(|| {
        missing(format!("there is no process {pid}"), "`ps -e` lists the processes")
    })?;
    if status.process != pid {
        let (owner, name) = (status.process, proc::name(status.process));
        return Err(missing(
            format!("{pid} is a thread of process {owner} ({name})"),
            &format!("use -p {owner} for the process, -t {pid} for the thread alone"),
        ));
    }
    if status.zombie {
        return Err(missing(
            format!("process {pid} ({}) has ended and waits to be reaped", proc::name(pid)),
            "`ps -e` lists the processes",
        ));
    }
    Ok(pid)
}

/// Every living process with this name, except bpflame itself.
pub(crate) fn named(name: &str) -> Result<Vec<u32>, Failure> {
    let own = std::process::id();
    let living = |pid: &u32| *pid != own && proc::status(*pid).is_some_and(|s| !s.zombie);
    let mut reads = FarText::by(looking::start);
    let has_name = |pid: &u32| has_name(*pid, name, &mut reads);
    let list: Vec<u32> = proc::pids().into_iter().filter(has_name).filter(living).collect();
    if list.is_empty() {
        return Err(missing(format!("no process is named {name}"), "`ps -e` lists the processes"));
    }
    Ok(list)
}

/// Whether a process has this name. The kernel keeps 15 bytes of a name, so a longer one is compared with the file of
/// the program and with the first argument.
fn has_name(pid: u32, name: &str, reads: &mut FarText) -> bool {
    let comm = proc::comm(pid);
    comm == name
        || proc::program(pid).is_some_and(|program| program == name)
        || (name.len() > 15
            && comm.len() == 15
            && name.starts_with(&comm)
            && proc::first_argument(pid, reads).is_some_and(|first| first == name))
}

/// Adds all living descendants.
fn add_children(pids: &mut BTreeSet<u32>) {
    let parents: Vec<(u32, u32)> = proc::pids()
        .into_iter()
        .filter_map(|pid| proc::status(pid).filter(|s| !s.zombie).map(|s| (pid, s.parent)))
        .collect();
    loop {
        let before = pids.len();
        for (pid, parent) in &parents {
            if pids.contains(parent) {
                pids.insert(*pid);
            }
        }
        if pids.len() == before {
            return;
        }
    }
}

/// A task's name for files.
fn task_slug(name: &str, id: u32) -> String {
    format!("{}-{id}", slug(name).trim_start_matches(['.', '-']))
}
