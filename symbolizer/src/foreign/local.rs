//! The file systems of this machine: on its disks and in its memory, mounted by root. Only root can mount such file systems where this
//! process sees them.

use super::look::Device;
use rustix::fs::{MemfdFlags, memfd_create};
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// The types of file systems that answer.
const TYPES: [&str; 30] = [
    "bcachefs",
    "btrfs",
    "cramfs",
    "devtmpfs",
    "erofs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "hfsplus",
    "hugetlbfs",
    "iso9660",
    "jffs2",
    "jfs",
    "msdos",
    "nilfs2",
    "ntfs3",
    "overlay",
    "proc",
    "ramfs",
    "reiserfs",
    "rootfs",
    "squashfs",
    "tmpfs",
    "ubifs",
    "udf",
    "vfat",
    "xfs",
    "zfs",
];
/// The longest list of mounts that is read, in bytes.
const MOST: u64 = 16 << 20;
/// The shortest time between two readings of the list.
const REST: Duration = Duration::from_secs(1);

/// The devices of these file systems.
#[derive(Debug, Default)]
pub(super) struct Local {
    devices: HashSet<Device>,
    read: Option<Instant>,
}

impl Local {
    /// Whether a device is one of them. The list of mounts is read again for an unknown one.
    pub(super) fn has(&mut self, device: Device) -> bool {
        let due = self.read.is_none_or(|read| read.elapsed() >= REST);
        if !self.devices.contains(&device) && due {
            self.devices = read().unwrap_or_default();
            self.read = Some(Instant::now());
        }
        self.devices.contains(&device)
    }
}

fn read() -> Option<HashSet<Device>> {
    let mut text = Vec::new();
    let list = File::open("/proc/self/mountinfo").ok()?;
    list.take(MOST).read_to_end(&mut text).ok()?;
    let mut devices: HashSet<Device> =
        text.split(|byte| *byte == b'\n').filter_map(local).collect();
    devices.extend(memory_files());
    Some(devices)
}

/// The device of a line, if its type is one of those, or if it is this process's root. Spaces in paths are escaped.
fn local(line: &[u8]) -> Option<Device> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = std::str::from_utf8(fields.nth(2)?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let root = fields.nth(1)? == b"/";
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let listed = TYPES.iter().any(|name| name.as_bytes() == kind);
    (listed || root).then_some((major.parse().ok()?, minor.parse().ok()?))
}

/// The device of all memory files, which is in no list.
fn memory_files() -> Option<Device> {
    let made = File::from(memfd_create("bpflame", MemfdFlags::CLOEXEC).ok()?);
    let device = made.metadata().ok()?.dev();
    Some((rustix::fs::major(device), rustix::fs::minor(device)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list_of_mounts() {
        let of = |line: &str| local(line.as_bytes());
        let disk =
            "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(of(disk), Some((98, 0)));
        assert_eq!(of("40 35 0:44 / /home/ann/mnt rw - fuse.sshfs ann@far rw"), None);
        assert_eq!(of("40 35 0:45 / /net rw shared:1 master:2 - nfs4 server:/ rw"), None);
        assert_eq!(of("40 1 0:46 / / rw - 9p host rw"), Some((0, 46)), "the own root");
        assert_eq!(of("40 35 0:47 / /x rw - overlay overlay rw,lowerdir=/a"), Some((0, 47)));
        for line in ["", "1 2", "1 2 3 4 5 6", "1 2 x:y / / rw - ext4 a b", "1 2 3:4 / /a rw -"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn this_machine_s_root_and_memory_files_are_local() {
        let mut local = Local::default();
        let root = std::fs::metadata("/").unwrap().dev();
        assert!(local.has((rustix::fs::major(root), rustix::fs::minor(root))));
        assert!(local.has(memory_files().unwrap()));
        assert!(!local.has((0, 0)));
    }
}
