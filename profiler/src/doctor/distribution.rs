//! The distribution, for the commands that fix problems.

use super::machine::Machine;

/// A family of distributions, with its packages and debuginfod server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Debian and what calls itself like it.
    Debian,
    /// Ubuntu, Mint, Pop!_OS.
    Ubuntu,
    /// Fedora, RHEL and their rebuilds.
    Fedora,
    /// openSUSE and SLES.
    Suse,
    /// Arch, Manjaro.
    Arch,
    /// Alpine.
    Alpine,
    /// Anything else.
    Other,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Its family.
    pub family: Family,
    /// Its name for the reader; empty where it is not known.
    pub name: String,
    /// The code name of the release, such as `bookworm`; empty if it has none.
    pub codename: String,
}

impl Distribution {
    /// From `/etc/os-release`, or the file that the vendor ships.
    pub fn of(machine: &Machine) -> Self {
        let text = machine.text("/etc/os-release").or_else(|| machine.text("/usr/lib/os-release"));
        Self::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
        };
        let like = format!("{} {}", value("ID"), value("ID_LIKE"));
        let family = like.split_whitespace().find_map(family).unwrap_or(Family::Other);
        Self { family, name: value("PRETTY_NAME"), codename: value("VERSION_CODENAME") }
    }

    /// The debuginfod server that has this distribution's debug files.
    pub fn debuginfod(&self) -> &'static str {
        match self.family {
            Family::Debian => "https://debuginfod.debian.net",
            Family::Ubuntu => "https://debuginfod.ubuntu.com",
            Family::Fedora => "https://debuginfod.fedoraproject.org",
            Family::Suse => "https://debuginfod.opensuse.org",
            Family::Arch => "https://debuginfod.archlinux.org",
            Family::Alpine | Family::Other => "https://debuginfod.elfutils.org",
        }
    }

    /// The command that installs the debug symbols of a file that `pid` mapped, or that finds their packages;
    /// `None` where the distribution has only its debuginfod server.
    pub fn debug_package(&self, file: &str, pid: u32) -> Option<String> {
        let is_libc = is_libc(file);
        let install = match self.family {
            Family::Debian | Family::Ubuntu if is_libc => {
                String::from("sudo apt install libc6-dbg")
            }
            Family::Debian | Family::Ubuntu => {
                format!("sudo apt install debian-goodies && find-dbgsym-packages {pid}")
            }
            Family::Fedora if is_libc => String::from("sudo dnf debuginfo-install glibc"),
            Family::Fedora => {
                format!("sudo dnf debuginfo-install \"$(rpm -qf {})\"", shell_word(file)?)
            }
            Family::Suse if is_libc => String::from("sudo zypper install glibc-debuginfo"),
            Family::Alpine if is_libc => String::from("sudo apk add musl-dbg"),
            Family::Suse | Family::Arch | Family::Alpine | Family::Other => return None,
        };
        Some(install)
    }

    /// The archive that has Debian's and Ubuntu's `-dbgsym` packages, as a command that adds it.
    pub fn debug_archive(&self) -> Option<String> {
        let (line, list) = match self.family {
            Family::Debian if !self.codename.is_empty() => (
                format!("deb http://deb.debian.org/debian-debug/ {}-debug main", self.codename),
                "debian-debug.list",
            ),
            Family::Ubuntu if !self.codename.is_empty() => (
                format!(
                    "deb http://ddebs.ubuntu.com {} main restricted universe multiverse",
                    self.codename
                ),
                "ddebs.list",
            ),
            _ => return None,
        };
        let plain = self.codename.chars().all(|c| c.is_ascii_alphanumeric());
        plain.then(|| {
            format!("echo '{line}' | sudo tee /etc/apt/sources.list.d/{list} && sudo apt update")
        })
    }
}

fn family(id: &str) -> Option<Family> {
    Some(match id {
        "ubuntu" => Family::Ubuntu,
        "debian" => Family::Debian,
        "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "amzn" => Family::Fedora,
        "suse" | "opensuse" | "sles" | "opensuse-leap" | "opensuse-tumbleweed" => Family::Suse,
        "arch" | "archlinux" | "manjaro" => Family::Arch,
        "alpine" => Family::Alpine,
        _ => return None,
    })
}

/// Whether the file belongs to the C library's package.
fn is_libc(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let parts = [
        "libc.so",
        "libc-2",
        "libm.so",
        "libm-2",
        "libpthread",
        "ld-linux",
        "ld-musl",
        "libdl.so",
        "librt.so",
    ];
    parts.iter().any(|part| name.starts_with(part))
}

/// The path as a word of a shell; `None` for one that should not be pasted anywhere.
fn shell_word(path: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    path.chars().all(plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\nID_LIKE=\n";

    #[test]
    fn families_by_id_and_by_likeness() {
        assert_eq!(Distribution::parse(BOOKWORM).family, Family::Debian);
        assert_eq!(
            Distribution::parse("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").family,
            Family::Ubuntu
        );
        assert_eq!(
            Distribution::parse("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"").family,
            Family::Fedora
        );
        assert_eq!(Distribution::parse("ID=nixos\n").family, Family::Other);
        assert_eq!(Distribution::parse("").family, Family::Other);
    }

    #[test]
    fn the_c_library_has_a_package_of_its_own() {
        let debian = Distribution::parse(BOOKWORM);
        let package = |file| debian.debug_package(file, 7);
        assert_eq!(
            package("/usr/lib/x86_64-linux-gnu/libc.so.6").as_deref(),
            Some("sudo apt install libc6-dbg")
        );
        assert!(package("/usr/bin/git").unwrap().ends_with("find-dbgsym-packages 7"));
        assert!(debian.debug_archive().unwrap().contains("bookworm-debug main"));
    }

    #[test]
    fn a_hostile_path_gets_no_command() {
        let fedora = Distribution::parse("ID=fedora\n");
        assert_eq!(fedora.debug_package("/tmp/$(reboot)", 7), None);
        assert!(fedora.debug_package("/usr/bin/git", 7).is_some());
        let hostile = Distribution::parse("ID=debian\nVERSION_CODENAME=x';reboot;'\n");
        assert_eq!(hostile.debug_archive(), None);
    }
}
