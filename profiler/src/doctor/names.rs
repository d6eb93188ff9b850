//! Names: kernel symbols, debug files, debuginfod.

use super::capabilities::{Step, missing};
use super::download::Servers;
use super::finding::{Finding, Section};
use super::identity::Identity;
use super::machine::Machine;

/// Bytes of `/proc/kallsyms` that are looked at.
const KALLSYMS: u64 = 16 * 1024;

/// The findings on the sources of names. `urls` is `DEBUGINFOD_URLS`, `server` the distribution's server.
pub fn section(
    machine: &Machine,
    identity: &Identity,
    urls: Option<&str>,
    server: &str,
) -> Section {
    let mut section = Section::new("Names");
    section.push(kernel_names(machine, identity));
    section.push(if machine.exists("/usr/lib/debug/.build-id") {
        Finding::good("debug files", "/usr/lib/debug/.build-id")
    } else {
        Finding::note("debug files", "none installed in /usr/lib/debug/.build-id")
    });
    section.push(debuginfod(machine, identity, urls, server));
    section
}

fn kernel_names(machine: &Machine, identity: &Identity) -> Finding {
    let subject = "kernel symbols";
    let Ok(bytes) = machine.prefix("/proc/kallsyms", KALLSYMS) else {
        return Finding::warning(
            subject,
            "/proc/kallsyms is not readable: kernel frames have no names",
        );
    };
    if shows_addresses(&bytes) {
        return Finding::good(subject, "/proc/kallsyms shows addresses");
    }
    let restrict = machine.setting("kernel.kptr_restrict").unwrap_or(0);
    let hides = "/proc/kallsyms hides addresses, so kernel frames have no names";
    if restrict >= 2 {
        let fact = format!("{hides} (kernel.kptr_restrict={restrict})");
        return Finding::warning(subject, fact).cure("sudo sysctl kernel.kptr_restrict=1");
    }
    let lacking = missing(Step::ReadKernelSymbols, identity.effective(), 0);
    let lacking: Vec<&str> = lacking.iter().map(|c| c.name()).collect();
    let fact = if lacking.is_empty() {
        hides.to_owned()
    } else {
        format!("{hides}; {} is missing", lacking.join(", "))
    };
    if restrict == 0 {
        return Finding::warning(subject, fact).cure("sudo sysctl kernel.perf_event_paranoid=1");
    }
    Finding::warning(subject, fact).cure("sudo bpflame record …")
}

/// Whether any line's address is not zero.
fn shows_addresses(kallsyms: &[u8]) -> bool {
    let addresses = kallsyms.split(|&b| b == b'\n').filter_map(|l| l.split(|&b| b == b' ').next());
    addresses.into_iter().any(|a| a.len() >= 8 && a.iter().any(|&d| d != b'0'))
}

fn debuginfod(
    machine: &Machine,
    identity: &Identity,
    variable: Option<&str>,
    server: &str,
) -> Finding {
    let servers = Servers::of(machine, identity, variable);
    let unused = variable.is_some_and(|urls| !urls.trim().is_empty()) && identity.borrows();
    let unused = if unused {
        "; DEBUGINFOD_URLS does not count, because bpflame's file has capabilities"
    } else {
        ""
    };
    let subject = "debuginfod";
    match &servers {
        Servers::Variable(urls) => {
            Finding::good(subject, format!("DEBUGINFOD_URLS={urls} (used with --debuginfod)"))
        }
        Servers::Files(urls) => {
            let urls = urls.join(" ");
            let fact = format!("{urls} from /etc/debuginfod (used with --debuginfod){unused}");
            Finding::good(subject, fact)
        }
        Servers::None => {
            let cures = servers.commands(identity, server, "PID");
            let fact = match cures.as_slice() {
                [] => String::from("left out of this build"),
                _ => format!("no server of missing debug files is configured{unused}"),
            };
            Finding { cures, ..Finding::note(subject, fact) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::super::testing::{Fake, finding, user};
    use super::*;

    #[test]
    fn hidden_kernel_addresses_are_seen() {
        let fake = Fake::modern()
            .with("/proc/kallsyms", "0000000000000000 T _stext\n0000000000000000 t x\n");
        let found =
            finding(&section(&fake.machine(), &user(), None, "https://x"), "kernel symbols");
        assert_eq!(found.level, Level::Warning);
        assert!(found.fact.contains("CAP_SYSLOG"), "{}", found.fact);
        let shown = finding(
            &section(&Fake::modern().machine(), &user(), None, "https://x"),
            "kernel symbols",
        );
        assert_eq!(shown.level, Level::Good);
    }

    #[test]
    fn debuginfod_from_the_variable_or_the_directory() {
        let fake = Fake::modern()
            .with("/etc/debuginfod/a.urls", "https://a ima:enforcing\n")
            .with("/etc/debuginfod/b.txt", "no");
        let found = |identity: &Identity, urls| {
            finding(&section(&fake.machine(), identity, urls, "https://x"), "debuginfod").fact
        };
        let root = Identity::default();
        let said = found(&root, Some("https://v"));
        assert_eq!(said, "DEBUGINFOD_URLS=https://v (used with --debuginfod)");
        assert!(found(&root, Some("")).starts_with("https://a from"), "{}", found(&root, None));
        let said = found(&user(), Some("https://v"));
        assert!(said.starts_with("https://a from"), "{said}");
        assert!(said.contains("DEBUGINFOD_URLS does not count"), "{said}");
    }

    #[test]
    fn without_a_server_there_is_a_command() {
        let sudo = Identity { sudo: true, ..Identity::default() };
        let fake = Fake::modern();
        let found = finding(&section(&fake.machine(), &sudo, None, "https://x"), "debuginfod");
        assert_eq!(
            found.cures,
            ["sudo DEBUGINFOD_URLS=https://x bpflame record -p PID --debuginfod"]
        );
    }
}
