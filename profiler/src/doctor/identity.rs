//! The identity of bpflame: user, capabilities, namespaces, confinement.

use super::capabilities::{Capability, FULL, Held, SMALLEST, setcap};
use super::finding::{Finding, Section};
use super::machine::{Machine, field};
use crate::host::exit::Kind;

/// The initial user namespace's inode, fixed in the kernel.
const INITIAL_USER: &str = "user:[4026531837]";

/// The initial PID namespace's inode, fixed in the kernel.
const INITIAL_PID: &str = "pid:[4026531836]";

/// The identity of bpflame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Effective user id.
    pub uid: u32,
    /// Effective capabilities; what they are worth depends on the user namespace.
    pub held: Held,
    /// Whether it runs in a user namespace of its own.
    pub user_namespace: bool,
    /// Whether it runs in a PID namespace of its own.
    pub pid_namespace: bool,
    /// Whether `setcap` and `sudo` have no effect.
    pub no_new_privileges: bool,
    /// Whether a seccomp filter is on.
    pub seccomp: bool,
    /// Whether it is root by sudo.
    pub sudo: bool,
}

impl Identity {
    /// From `/proc/self`.
    pub fn of(machine: &Machine) -> Self {
        let status = machine.text("/proc/self/status").unwrap_or_default();
        let number = |key| field(&status, key).and_then(|v| v.parse::<u32>().ok());
        let uids = field(&status, "Uid").unwrap_or_default();
        let uid = uids.split_whitespace().nth(1).and_then(|u| u.parse().ok()).unwrap_or(u32::MAX);
        let environment = machine.bytes("/proc/self/environ").unwrap_or_default();
        let by_sudo = environment.split(|&byte| byte == 0).any(|v| v.starts_with(b"SUDO_UID="));
        let differs = |name: &str, initial| machine.link(name).is_some_and(|link| link != initial);
        Self {
            uid,
            held: field(&status, "CapEff").and_then(Held::parse).unwrap_or_default(),
            user_namespace: differs("/proc/self/ns/user", INITIAL_USER),
            pid_namespace: differs("/proc/self/ns/pid", INITIAL_PID),
            no_new_privileges: number("NoNewPrivs") == Some(1),
            seccomp: number("Seccomp") == Some(2),
            sudo: uid == 0 && by_sudo,
        }
    }

    /// The capabilities that the kernel accepts for BPF and perf events.
    pub fn effective(&self) -> Held {
        if self.user_namespace { Held::default() } else { self.held }
    }

    /// Whether it has capabilities that its user has not, from bpflame's file.
    pub fn borrows(&self) -> bool {
        self.uid != 0 && self.held != Held::default()
    }

    /// The findings on this identity. `executable` is bpflame's own path, for the commands.
    pub fn section(&self, machine: &Machine, executable: &str) -> Section {
        let mut section = Section::new("This user");
        section.push(self.user());
        self.capabilities(&mut section, executable);
        self.namespaces(&mut section, machine);
        self.confinement(&mut section, machine);
        section
    }

    fn user(&self) -> Finding {
        let root = if self.uid == 0 { " (root)" } else { "" };
        let fact = format!("uid {}{root}", self.uid);
        if self.user_namespace {
            let why = "in a user namespace: its capabilities do not apply to BPF";
            return Finding::bad(Kind::NotPermitted, "user", format!("{fact}, {why}"))
                .cure("run bpflame on the host, outside of the container's user namespace");
        }
        Finding::good("user", fact)
    }

    fn capabilities(&self, section: &mut Section, executable: &str) {
        for capability in Capability::ALL {
            // It matters to old kernels only, and `system` looks at it there.
            if capability != Capability::SysResource {
                section.push(self.capability(capability, executable));
            }
        }
    }

    fn capability(&self, capability: Capability, executable: &str) -> Finding {
        let held = self.effective();
        if held.has(capability) {
            return Finding::good(capability.name(), "held");
        }
        if held.allows(capability) {
            return Finding::good(capability.name(), "included in CAP_SYS_ADMIN");
        }
        let fact = format!("missing: {}", capability.cost());
        if SMALLEST.contains(&capability) {
            return Finding::bad(Kind::NotPermitted, capability.name(), fact)
                .cure("sudo bpflame record …")
                .cure(setcap(SMALLEST, executable));
        }
        if FULL.contains(&capability) {
            return Finding::warning(capability.name(), fact).cure(setcap(FULL, executable));
        }
        Finding::note(capability.name(), fact)
    }

    fn namespaces(&self, section: &mut Section, machine: &Machine) {
        section.push(if self.pid_namespace {
            Finding::warning(
                "PID namespace",
                "not the host's: processes outside it are counted but not named",
            )
            .cure("docker run --pid=host … (Kubernetes: hostPID: true)")
        } else {
            Finding::good("PID namespace", "the machine's")
        });
        if let Some(container) = container(machine) {
            section.push(Finding::note("container", container));
        }
        let mounts = machine.text("/proc/self/mounts").unwrap_or_default();
        let hidden = mounts.lines().any(|l| l.contains(" /proc proc ") && hides(l));
        if hidden && !self.effective().allows(Capability::SysPtrace) {
            section.push(
                Finding::warning(
                    "/proc",
                    "mounted with hidepid: other users' processes are hidden",
                )
                .cure("sudo mount -o remount,hidepid=0 /proc"),
            );
        }
    }

    fn confinement(&self, section: &mut Section, machine: &Machine) {
        if self.no_new_privileges {
            section.push(Finding::warning(
                "no_new_privs",
                "set: neither sudo nor setcap has an effect here",
            ));
        }
        if self.seccomp {
            section.push(
                Finding::warning(
                    "seccomp",
                    "a filter is active; it may block bpf and perf_event_open",
                )
                .cure("docker run --security-opt seccomp=unconfined …"),
            );
        }
        if let Some(modules) = machine.text("/sys/kernel/security/lsm") {
            section.push(Finding::note("security modules", modules));
        }
        if machine.number("/sys/fs/selinux/enforce") == Some(1) {
            section.push(Finding::note(
                "SELinux",
                "enforcing: a confined domain needs permission for the classes bpf and perf_event",
            ));
        }
        let profile = machine.text("/proc/self/attr/current").unwrap_or_default();
        if profile.ends_with("(enforce)") {
            section.push(Finding::warning("AppArmor", format!("confined by {profile}")));
        }
    }
}

fn hides(mount: &str) -> bool {
    [
        "hidepid=1",
        "hidepid=2",
        "hidepid=4",
        "hidepid=noaccess",
        "hidepid=invisible",
        "hidepid=ptraceable",
    ]
    .iter()
    .any(|option| mount.contains(option))
}

/// The container that bpflame runs in, if it can be recognised.
fn container(machine: &Machine) -> Option<String> {
    if machine.exists("/.dockerenv") {
        return Some(String::from("Docker (/.dockerenv)"));
    }
    if machine.exists("/run/.containerenv") {
        return Some(String::from("Podman (/run/.containerenv)"));
    }
    if machine.exists("/var/run/secrets/kubernetes.io") {
        return Some(String::from("Kubernetes"));
    }
    machine.text("/run/systemd/container").filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, verdict};
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn machine(dir: &tempfile::TempDir, capabilities: &str, user: &str) -> Machine {
        let machine = Machine::at(dir.path());
        fs::create_dir_all(machine.path("/proc/self/ns")).unwrap();
        let status = format!(
            "Name:\tbpflame\nUid:\t1000\t1001\t1000\t1000\nCapEff:\t{capabilities}\nNoNewPrivs:\t0\nSeccomp:\t0\n"
        );
        fs::write(machine.path("/proc/self/status"), status).unwrap();
        symlink(user, machine.path("/proc/self/ns/user")).unwrap();
        symlink(INITIAL_PID, machine.path("/proc/self/ns/pid")).unwrap();
        machine
    }

    fn level(section: &Section, subject: &str) -> Level {
        section.findings.iter().find(|f| f.subject == subject).unwrap().level
    }

    #[test]
    fn an_ordinary_user_lacks_both_and_is_told_the_command() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(&dir, "0000000000000000", INITIAL_USER);
        let identity = Identity::of(&machine);
        assert_eq!((identity.uid, identity.user_namespace), (1001, false));
        fs::write(machine.path("/proc/self/environ"), "A=b\0SUDO_UID=1000\0").unwrap();
        assert!(!Identity::of(&machine).sudo, "a user who is not root");
        fs::write(machine.path("/proc/self/status"), "Uid:\t0\t0\t0\t0\n").unwrap();
        assert!(Identity::of(&machine).sudo);
        let section = identity.section(&machine, "/opt/bpflame");
        assert_eq!(level(&section, "CAP_BPF"), Level::Bad);
        assert_eq!(level(&section, "CAP_SYS_PTRACE"), Level::Warning);
        let bpf = section.findings.iter().find(|f| f.subject == "CAP_BPF").unwrap();
        assert!(
            bpf.cures.contains(&String::from("sudo setcap cap_bpf,cap_perfmon=ep /opt/bpflame"))
        );
        assert_eq!(verdict(&[section]), Some(Kind::NotPermitted));
    }

    #[test]
    fn the_smallest_set_is_enough() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(&dir, "000000c000000000", INITIAL_USER);
        let section = Identity::of(&machine).section(&machine, "/opt/bpflame");
        assert_eq!(level(&section, "CAP_PERFMON"), Level::Good);
        assert_eq!(verdict(&[section]), None);
    }

    #[test]
    fn the_full_set_lacks_nothing() {
        let identity = Identity { uid: 1000, held: Held::of(FULL), ..Identity::default() };
        let mut section = Section::default();
        identity.capabilities(&mut section, "/opt/bpflame");
        let warned = section.findings.iter().filter(|f| f.level > Level::Good);
        assert_eq!(warned.count(), 0, "{section:?}");
    }

    #[test]
    fn all_capabilities_of_a_user_namespace_are_worth_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(&dir, "000001ffffffffff", "user:[4026532000]");
        let section = Identity::of(&machine).section(&machine, "/opt/bpflame");
        assert_eq!(level(&section, "user"), Level::Bad);
        assert_eq!(verdict(&[section]), Some(Kind::NotPermitted));
    }

    #[test]
    fn confinement_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(&dir, "000001ffffffffff", INITIAL_USER);
        fs::create_dir_all(machine.path("/proc/self/attr")).unwrap();
        fs::write(machine.path("/proc/self/attr/current"), "docker-default (enforce)\n").unwrap();
        fs::write(machine.path("/.dockerenv"), "").unwrap();
        fs::write(machine.path("/proc/self/mounts"), "proc /proc proc rw,hidepid=invisible 0 0\n")
            .unwrap();
        let section = Identity::of(&machine).section(&machine, "/opt/bpflame");
        assert_eq!(level(&section, "AppArmor"), Level::Warning);
        assert_eq!(level(&section, "container"), Level::Note);
        assert!(
            section.findings.iter().all(|f| f.subject != "/proc"),
            "CAP_SYS_PTRACE sees them anyway"
        );
    }
}
