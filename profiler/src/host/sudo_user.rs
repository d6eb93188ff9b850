//! The user who called sudo: commands run as that user, and files belong to that user.

use crate::host::proc;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The user behind sudo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// The login name.
    pub name: String,
}

impl SudoUser {
    /// The user from sudo's variables, if bpflame runs as root; `None` if there is no other user.
    pub(crate) fn behind_sudo() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let number = |name| env::var(name).ok()?.parse::<u32>().ok();
        let uid = number("SUDO_UID").filter(|uid| *uid != 0)?;
        let gid = number("SUDO_GID")?;
        let name = env::var("SUDO_USER").ok()?;
        Some(Self { uid, gid, name })
    }

    /// User and group id.
    pub(crate) fn ids(&self) -> (u32, u32) {
        (self.uid, self.gid)
    }

    /// All groups, `gid` among them. The system knows them (also those of LDAP or SSSD); without its answer, `/etc/group` counts.
    pub(crate) fn groups(&self) -> Vec<u32> {
        let said = ask("id", &["-G", "--", &self.name]);
        let said = said.as_deref().and_then(numbers).unwrap_or_else(|| {
            members(&proc::long_text("/etc/group").unwrap_or_default(), &self.name)
        });
        let mut list: Vec<u32> = said.into_iter().chain([self.gid]).collect();
        list.sort_unstable();
        list.dedup();
        list
    }

    /// The environment variables of a login of this user.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut list =
            vec![("USER", self.name.clone().into()), ("LOGNAME", self.name.clone().into())];
        list.extend(self.home().map(|home| ("HOME", home.into_os_string())));
        list
    }

    /// The home directory, if it is known.
    fn home(&self) -> Option<PathBuf> {
        let said = ask("getent", &["passwd", &self.uid.to_string()]);
        let said = said.or_else(|| proc::long_text("/etc/passwd").ok())?;
        home_in(&said, self.uid)
    }
}

/// What one of the system's own programs prints; `None` if it fails or is not there.
fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(format!("/usr/bin/{program}"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Numbers separated by spaces; `None` if there is anything else, or nothing.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let list: Option<Vec<u32>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    list.filter(|list| !list.is_empty())
}

fn home_in(passwd: &str, uid: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let found = fields.next()?.parse() == Ok(uid);
        fields.nth(2).filter(|home| found && !home.is_empty()).map(PathBuf::from)
    })
}

/// The groups that name this user.
fn members(groups: &str, name: &str) -> Vec<u32> {
    let member = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let gid: u32 = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|user| user == name).then_some(gid)
    };
    groups.lines().filter_map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_and_groups_from_the_files() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/home/ann:/bin/sh\nbad\n";
        assert_eq!(home_in(passwd, 1000), Some(PathBuf::from("/home/ann")));
        assert_eq!(home_in(passwd, 1001), None);
        let group =
            "root:x:0:\nadm:x:4:bob,ann\ndocker:x:9:ann\nann:x:1000:\nx:x:y:ann\nz:x:7:anna\n";
        assert_eq!(members(group, "ann"), [4, 9]);
    }

    #[test]
    fn the_system_s_answer_is_a_list_of_numbers() {
        assert_eq!(numbers("1000 4 70000\n"), Some(vec![1000, 4, 70_000]));
        assert_eq!(numbers(""), None);
        assert_eq!(numbers("1000 users"), None);
    }

    #[test]
    fn a_user_has_the_groups_that_the_system_knows() {
        let root = SudoUser { uid: 0, gid: 70_001, name: String::from("root") };
        assert_eq!(root.groups().first(), Some(&0), "root's own group");
        assert_eq!(root.groups().last(), Some(&70_001));
        assert_eq!(root.home(), Some(PathBuf::from("/root")));
        let unknown = SudoUser { name: String::from("-nobody-of-here"), ..root };
        assert_eq!(unknown.groups(), [70_001]);
    }
}
