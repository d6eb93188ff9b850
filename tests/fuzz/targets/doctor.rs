//! What `doctor` reads of a machine and of a process: files of `/proc`, `/sys` and `/etc`.
#![no_main]

use profiler::doctor::distribution::Distribution;
use profiler::doctor::download::Servers;
use profiler::doctor::identity::Identity;
use profiler::doctor::machine::Machine;
use profiler::doctor::print::{self, Marks};
use profiler::doctor::runtime::Seen;
use profiler::doctor::target::{self, Surroundings};
use profiler::doctor::{events, names, system};
use std::fs;
use symbolizer::Runtime;

/// No process has this id.
const PID: u32 = 4_194_305;

/// The files, in the order of their texts in the input. A zero is between two of them. tests/rig/fuzz reads this list.
const FILES: [&str; 19] = [
    "/proc/self/status",
    "/proc/sys/kernel/osrelease",
    "/proc/version",
    "/sys/kernel/security/lockdown",
    "/proc/self/limits",
    "/etc/os-release",
    "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/perf_event_max_sample_rate",
    "/proc/sys/kernel/perf_event_mlock_kb",
    "/proc/sys/kernel/unprivileged_bpf_disabled",
    "/proc/sys/kernel/kptr_restrict",
    "/proc/kallsyms",
    "/etc/debuginfod/servers.urls",
    "/proc/4194305/status",
    "/proc/self/attr/current",
    "/proc/self/mounts",
    "/sys/kernel/security/lsm",
    "/sys/devices/system/cpu/online",
    "/sys/fs/selinux/enforce",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let root = std::env::temp_dir().join(format!("fuzz-doctor-{}", std::process::id()));
    let machine = Machine::at(&root);
    let texts = bytes.split(|byte| *byte == 0).map(Some).chain(std::iter::repeat(None));
    for (file, text) in FILES.iter().zip(texts) {
        let path = machine.path(file);
        match text {
            Some(text) => {
                fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
                fs::write(path, text).expect("there is room");
            }
            None => drop(fs::remove_file(path)),
        }
    }
    let (identity, distribution) = (Identity::of(&machine), Distribution::of(&machine));
    let words = String::from_utf8_lossy(bytes);
    let servers = Servers::of(&machine, &identity, Some(&words));
    let around = Surroundings {
        machine: &machine,
        identity: &identity,
        distribution: &distribution,
        executable: &words,
        servers: &servers,
    };
    let mut sections = vec![
        identity.section(&machine, &words),
        system::section(&machine, &identity),
        events::section(&machine, &identity),
        names::section(&machine, &identity, None, distribution.debuginfod()),
    ];
    sections.extend(target::sections(PID, around));
    let files: Vec<String> = words.lines().map(str::to_owned).collect();
    let runtime = files.iter().find_map(|file| Runtime::of_file(file.as_bytes()));
    if let Some(runtime) = runtime {
        let seen = Seen {
            pid: PID,
            runtime,
            files: &files,
            arguments: bytes,
            read: None,
            java: None,
            map: Err("none"),
        };
        let _ = seen.findings();
    }
    let _ = (distribution.debug_package(&words, PID), distribution.debug_archive());
    let mut text = Vec::new();
    print::sections(&sections, Marks::for_output(false, "C"), &mut text)
        .expect("a vector takes everything");
    // Nothing of the files can move the cursor or change colours.
    assert!(!text.iter().any(|byte| matches!(byte, 0..=8 | 0x0b..=0x1f | 0x7f)));
});
