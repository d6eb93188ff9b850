//! The user who called sudo: commands run as that user, and files belong to that user.

use crate::host::proc;
use std::env;
use std::path::PathBuf;

/// The user behind sudo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// All groups, `gid` among them.
    pub groups: Vec<u32>,
    /// The login name.
    pub name: String,
    /// The home directory, if it is known.
    pub home: Option<PathBuf>,
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
        let home = home_in(&proc::long_text("/etc/passwd").unwrap_or_default(), uid);
        let groups = groups_in(&proc::long_text("/etc/group").unwrap_or_default(), &name, gid);
        Some(Self { uid, gid, groups, name, home })
    }

    /// User and group id.
    pub(crate) fn ids(&self) -> (u32, u32) {
        (self.uid, self.gid)
    }

    /// The environment variables of a login of this user.
    pub(crate) fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let mut list =
            vec![("USER", self.name.clone().into()), ("LOGNAME", self.name.clone().into())];
        list.extend(self.home.clone().map(|home| ("HOME", home.into_os_string())));
        list
    }
}

fn home_in(passwd: &str, uid: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let found = fields.next()?.parse() == Ok(uid);
        fields.nth(2).filter(|home| found && !home.is_empty()).map(PathBuf::from)
    })
}

fn groups_in(groups: &str, name: &str, own: u32) -> Vec<u32> {
    let member = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let gid: u32 = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|user| user == name).then_some(gid)
    };
    let mut list: Vec<u32> = groups.lines().filter_map(member).chain([own]).collect();
    list.sort_unstable();
    list.dedup();
    list
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
        assert_eq!(groups_in(group, "ann", 1000), [4, 9, 1000]);
    }
}
