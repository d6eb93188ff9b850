//! `/proc/PID/maps`: its executable lines, and the meaning of its paths.

/// An executable mapping as the kernel describes it: a line of a maps file, or a side-band record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told<'a> {
    /// First address.
    pub(crate) start: u64,
    /// End, exclusive.
    pub(crate) end: u64,
    /// Offset in the file, in bytes.
    pub(crate) offset: u64,
    /// Device major and minor number.
    pub(crate) device: (u32, u32),
    /// Inode number.
    pub(crate) inode: u64,
    /// Path or name, any bytes.
    pub(crate) path: &'a [u8],
}

/// The kind of memory that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file.
    File,
    /// A memory file: a program may run from it, and a JIT compiler may write code into it.
    MemoryFile,
    /// Memory without a file.
    Anonymous,
    /// The vDSO.
    Vdso,
    /// Pages of the kernel that have no names: vsyscall, the uprobes' slots.
    Nameless,
}

/// The executable lines of a maps file; malformed lines are skipped.
pub(crate) fn executable(maps: &[u8]) -> impl Iterator<Item = Told<'_>> {
    maps.split(|&byte| byte == b'\n').filter_map(line)
}

/// `start-end perms offset major:minor inode   path`.
fn line(line: &[u8]) -> Option<Told<'_>> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let range = fields.next()?;
    let dash = range.iter().position(|&byte| byte == b'-')?;
    let (start, end) = (hex(&range[..dash])?, hex(&range[dash + 1..])?);
    if fields.next()?.get(2) != Some(&b'x') || start >= end {
        return None;
    }
    let offset = hex(fields.next()?)?;
    let device = fields.next()?;
    let colon = device.iter().position(|&byte| byte == b':')?;
    let device =
        (hex(&device[..colon])?.try_into().ok()?, hex(&device[colon + 1..])?.try_into().ok()?);
    let inode = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let path = fields.next().unwrap_or_default();
    let blanks = path.iter().take_while(|&&byte| byte == b' ').count();
    Some(Told { start, end, offset, device, inode, path: &path[blanks..] })
}

fn hex(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The kind of memory that `path` names.
pub(crate) fn origin(path: &[u8]) -> Origin {
    const ANONYMOUS: [&[u8]; 6] =
        [b"//anon", b"/dev/zero", b"/SYSV", b"/anon_hugepage", b"anon_inode:", b"/[aio]"];
    if path == b"[vdso]" {
        Origin::Vdso
    } else if path.is_empty() || ANONYMOUS.iter().any(|name| path.starts_with(name)) {
        Origin::Anonymous
    } else if path.starts_with(b"/memfd:") {
        Origin::MemoryFile
    } else if path.starts_with(b"/") {
        Origin::File
    } else if path.starts_with(b"[anon")
        || matches!(path, b"[heap]" | b"[stack]")
        || path.starts_with(b"[stack:")
    {
        Origin::Anonymous
    } else if path.starts_with(b"[") {
        Origin::Nameless
    } else {
        Origin::File
    }
}

/// A path without ` (deleted)`, and whether it ended so.
pub(crate) fn undeleted(path: &[u8]) -> (&[u8], bool) {
    match path.strip_suffix(b" (deleted)") {
        Some(path) => (path, true),
        None => (path, false),
    }
}

/// The last part of a path.
pub(crate) fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_executable_lines_only() {
        let maps = b"5636fdeb8000-5636fdec1000 r--p 00000000 fe:00 247260   /usr/bin/grep\n\
            5636fdec1000-5636fdee5000 r-xp 00004000 fe:01 247260                     /usr/bin/a b\n\
            7fda7de04000-7fda7de06000 r-xp 00000000 00:00 0                          [vdso]\n\
            7fda00000000-7fda00001000 rwxp 00000000 00:00 0 \n\
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
        let told: Vec<_> = executable(maps).collect();
        assert_eq!(
            told[0],
            Told {
                start: 0x5636fdec1000,
                end: 0x5636fdee5000,
                offset: 0x4000,
                device: (0xfe, 1),
                inode: 247260,
                path: b"/usr/bin/a b",
            }
        );
        let paths: Vec<_> = told.iter().map(|told| told.path).collect();
        assert_eq!(paths, [b"/usr/bin/a b".as_slice(), b"[vdso]", b"", b"[vsyscall]"]);
    }

    #[test]
    fn any_bytes_give_no_panic() {
        let maps = b"5636fdec1000-5636fdee5000 r-xp 00004000 fe:01 247260    /usr/bin/a\n";
        for end in 0..maps.len() {
            let _ = executable(&maps[..end]).count();
            for byte in [0, b' ', b'-', b'\n', b'9', 255] {
                let mut flipped = maps.to_vec();
                flipped[end] = byte;
                assert!(executable(&flipped).all(|told| told.start < told.end));
            }
        }
    }

    #[test]
    fn names_tell_the_kind_of_memory() {
        for (path, expected) in [
            ("/usr/bin/grep", Origin::File),
            ("//anon", Origin::Anonymous),
            ("", Origin::Anonymous),
            ("/dev/zero (deleted)", Origin::Anonymous),
            ("/SYSV00000000 (deleted)", Origin::Anonymous),
            ("anon_inode:[io_uring]", Origin::Anonymous),
            ("[heap]", Origin::Anonymous),
            ("[anon:v8]", Origin::Anonymous),
            ("[anon_shmem:x]", Origin::Anonymous),
            ("/memfd:doublemapper (deleted)", Origin::MemoryFile),
            ("[vdso]", Origin::Vdso),
            ("[vsyscall]", Origin::Nameless),
            ("[uprobes]", Origin::Nameless),
        ] {
            assert_eq!(origin(path.as_bytes()), expected, "{path}");
        }
        assert_eq!(undeleted(b"/a (deleted)"), (b"/a".as_slice(), true));
        assert_eq!(undeleted(b"/a"), (b"/a".as_slice(), false));
        assert_eq!(basename(b"/a/b"), b"b");
    }
}
