//! Debug files from a debuginfod server: which servers are asked, and the command that asks one.

use super::identity::Identity;
use super::machine::Machine;
use crate::cli::debuginfod;

/// The servers that `--debuginfod` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Those in this value of `DEBUGINFOD_URLS`.
    Variable(String),
    /// Those that files in `/etc/debuginfod` name.
    Files(Vec<String>),
    /// None.
    None,
}

impl Servers {
    /// The servers of this machine. `variable` is `DEBUGINFOD_URLS`; it does not count if bpflame's file has capabilities.
    pub fn of(machine: &Machine, identity: &Identity, variable: Option<&str>) -> Self {
        let variable = variable.map(str::trim).filter(|urls| !urls.is_empty());
        if let Some(urls) = variable.filter(|_| !identity.borrows()) {
            return Self::Variable(urls.to_owned());
        }
        let text = |path: &str| machine.text(path);
        let files = debuginfod::configured(&machine.names(debuginfod::DIRECTORY), text);
        if files.is_empty() { Self::None } else { Self::Files(files) }
    }

    /// The commands that record `process` with debug files, from this server if none is known; none if this build has no
    /// client. sudo drops `DEBUGINFOD_URLS`, so the variable stands behind it.
    pub fn commands(&self, identity: &Identity, server: &str, process: &str) -> Vec<String> {
        if !cfg!(feature = "debuginfod") {
            return Vec::new();
        }
        let needs_sudo = identity.sudo || identity.uid != 0 && !identity.borrows();
        let sudo = if needs_sudo { "sudo " } else { "" };
        let record = format!("bpflame record -p {process} --debuginfod");
        match self {
            Self::Files(_) => vec![format!("{sudo}{record}")],
            Self::None if identity.borrows() => vec![
                format!(
                    "sudo mkdir -p {0} && echo {server} | sudo tee {0}/bpflame.urls",
                    debuginfod::DIRECTORY
                ),
                record,
            ],
            Self::Variable(urls) if !urls.contains(char::is_whitespace) => {
                vec![format!("{sudo}DEBUGINFOD_URLS={urls} {record}")]
            }
            Self::Variable(urls) => vec![format!("{sudo}DEBUGINFOD_URLS='{urls}' {record}")],
            Self::None => vec![format!("{sudo}DEBUGINFOD_URLS={server} {record}")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, user};
    use super::*;

    fn commands(fake: &Fake, identity: &Identity, variable: Option<&str>) -> Vec<String> {
        let servers = Servers::of(&fake.machine(), identity, variable);
        servers.commands(identity, "https://s", "7")
    }

    #[test]
    fn the_command_runs_as_it_stands_for_each_kind_of_user() {
        let fake = Fake::modern();
        let root = Identity::default();
        let sudo = Identity { sudo: true, ..Identity::default() };
        let plain = Identity { uid: 1000, ..Identity::default() };
        let record = "bpflame record -p 7 --debuginfod";
        let variable = format!("DEBUGINFOD_URLS=https://s {record}");
        assert_eq!(commands(&fake, &root, None), std::slice::from_ref(&variable));
        assert_eq!(commands(&fake, &sudo, None), [format!("sudo {variable}")]);
        assert_eq!(commands(&fake, &plain, None), [format!("sudo {variable}")]);
        let own = format!("sudo DEBUGINFOD_URLS='https://a b' {record}");
        assert_eq!(commands(&fake, &plain, Some(" https://a b ")), [own]);
        let with_capabilities = commands(&fake, &user(), Some("https://a"));
        assert!(with_capabilities[0].ends_with("| sudo tee /etc/debuginfod/bpflame.urls"));
        assert_eq!(with_capabilities[1], record);
        let fake = fake.with("/etc/debuginfod/a.urls", "https://a\n");
        assert_eq!(commands(&fake, &sudo, None), [format!("sudo {record}")]);
        assert_eq!(commands(&fake, &user(), Some("https://b")), [record]);
    }
}
