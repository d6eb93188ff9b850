//! Recordings of real processes. As root; elsewhere each is skipped.

mod backends;
mod capabilities;
mod chains;
mod commands;
mod compare;
mod cpu_time;
mod debug_files;
mod devices;
mod events;
mod file_systems;
mod hostile;
mod java;
mod javascript;
mod namespaces;
mod node;
mod programs;
mod python;
mod runtime_code;
mod secrets;
mod spoilt_files;
mod storms;
mod synthesised;
mod targets;
mod threads;
mod torn_files;
mod unwinding;
mod uprobes;
mod zoo;

use crate::harness::Test;

/// The modules, by name.
pub(crate) fn modules() -> Vec<(&'static str, Vec<(&'static str, Test)>)> {
    vec![
        ("live::chains", chains::tests()),
        ("live::threads", threads::tests()),
        ("live::targets", targets::tests()),
        ("live::commands", commands::tests()),
        ("live::compare", compare::tests()),
        ("live::cpu_time", cpu_time::tests()),
        ("live::events", events::tests()),
        ("live::storms", storms::tests()),
        ("live::namespaces", namespaces::tests()),
        ("live::file_systems", file_systems::tests()),
        ("live::hostile", hostile::tests()),
        ("live::zoo", zoo::tests()),
        ("live::java", java::tests()),
        ("live::runtime_code", runtime_code::tests()),
        ("live::debug_files", debug_files::tests()),
        ("live::devices", devices::tests()),
        ("live::secrets", secrets::tests()),
        ("live::spoilt_files", spoilt_files::tests()),
        ("live::torn_files", torn_files::tests()),
        ("live::programs", programs::tests()),
        ("live::node", node::tests()),
        ("live::javascript", javascript::tests()),
        ("live::python", python::tests()),
        ("live::uprobes", uprobes::tests()),
        ("live::synthesised", synthesised::tests()),
        ("live::synthesised::every_instruction", synthesised::every_instruction()),
        ("live::unwinding", unwinding::tests()),
        ("live::unwinding::changes", unwinding::changes()),
        ("live::capabilities", capabilities::tests()),
        ("live::backends", backends::tests()),
    ]
}
