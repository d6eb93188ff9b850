//! Kernel versions: the oldest one that works, and those that are known to freeze.

use std::fmt;

/// The oldest kernel that has what the sampler needs.
pub const OLDEST: Release = Release { major: 5, minor: 10, patch: 0 };

/// The first kernel that charges BPF memory to cgroups instead of RLIMIT_MEMLOCK.
pub const WITHOUT_MEMLOCK: Release = Release { major: 5, minor: 11, patch: 0 };

/// A kernel's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third number; 0 if there is none.
    pub patch: u32,
}

impl Release {
    /// Parses a text that begins with a version, as in `6.1.0-37-amd64`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            (part[..end].parse::<u32>().ok(), end == part.len())
        });
        let (major, whole) = numbers.next()?;
        if !whole {
            return None;
        }
        let (minor, whole) = numbers.next()?;
        let patch = if whole { numbers.next().and_then(|(n, _)| n).unwrap_or(0) } else { 0 };
        Some(Self { major: major?, minor: minor?, patch })
    }

    /// The real version of a kernel, from `osrelease` and `/proc/version`. On Debian, the first has the version of the
    /// ABI (`6.1.0-37-amd64`), and only the second the real one (`Debian 6.1.140-1`).
    pub fn built(osrelease: &str, version: &str) -> Option<Self> {
        let plain = Self::parse(osrelease)?;
        // The compiler's version follows the same word.
        let mut debian = version.split("Debian ").skip(1).filter_map(Self::parse);
        Some(debian.find(|d| (d.major, d.minor) == (plain.major, plain.minor)).unwrap_or(plain))
    }

    /// Whether sampling can freeze this kernel. In 5.19 to 6.3, `copy_from_user_nofault` takes a lock that the interrupted code may
    /// hold. This is fixed in 6.4, and in the stable versions 6.1.36 and 6.3.10.
    pub fn may_freeze(self) -> bool {
        match (self.major, self.minor) {
            (5, 19) | (6, 0 | 2) => true,
            (6, 1) => self.patch < 36,
            (6, 3) => self.patch < 10,
            _ => false,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(major: u32, minor: u32, patch: u32) -> Release {
        Release { major, minor, patch }
    }

    #[test]
    fn versions_of_distributions() {
        assert_eq!(Release::parse("6.18.44-fc-v470"), Some(release(6, 18, 44)));
        assert_eq!(Release::parse("5.10.0-30-amd64"), Some(release(5, 10, 0)));
        assert_eq!(Release::parse("6.8-rc1"), Some(release(6, 8, 0)));
        assert_eq!(Release::parse("7.2\n"), Some(release(7, 2, 0)));
        for wrong in ["", "6", "x.y", "6-1.2", "99999999999.1", "-1.2"] {
            assert_eq!(Release::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debian_names_its_real_version_elsewhere() {
        let version = "Linux version 6.1.0-37-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) \
                       12.2.0) #1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)";
        let gcc_first = Release::built("6.1.0-37-amd64", version);
        assert_eq!(gcc_first, Some(release(6, 1, 140)));
        let foreign = "Linux version 6.2.0 (gcc (Debian 12.2.0)) #1 SMP";
        assert_eq!(Release::built("6.2.0", foreign), Some(release(6, 2, 0)));
    }

    #[test]
    fn the_freeze_is_known_by_stable_version() {
        for bad in [(5, 19, 17), (6, 0, 1), (6, 1, 27), (6, 1, 35), (6, 2, 16), (6, 3, 9)] {
            assert!(release(bad.0, bad.1, bad.2).may_freeze(), "{bad:?}");
        }
        for good in
            [(5, 10, 0), (5, 18, 19), (6, 1, 36), (6, 3, 10), (6, 4, 0), (6, 18, 44), (7, 1, 0)]
        {
            assert!(!release(good.0, good.1, good.2).may_freeze(), "{good:?}");
        }
    }
}
