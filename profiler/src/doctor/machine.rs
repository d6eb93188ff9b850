//! Reading `/proc`, `/sys` and `/etc` below a root, bounded: the root of a test is a directory of its own.

use crate::host::looking;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use symbolizer::foreign::FarText;

/// Most that is read of one small file.
const SMALL: u64 = 256 * 1024;

/// The most names that are read from one directory.
const NAMES: usize = 4096;

/// A machine to look at: this one, or a directory that looks like one.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        Self::at("/")
    }

    /// The machine whose `/proc`, `/sys` and `/etc` lie below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of an absolute path below the root.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let path = absolute.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A small file's bytes, up to 256 KiB.
    ///
    /// # Errors
    /// The error of opening or reading the file.
    pub fn bytes(&self, absolute: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.prefix(absolute, SMALL)
    }

    /// The first `limit` bytes of a file.
    ///
    /// # Errors
    /// The error of opening or reading the file.
    pub fn prefix(&self, absolute: impl AsRef<Path>, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(absolute))?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes of a file of which a read may not end; empty if it cannot be read.
    pub fn far_bytes(&self, absolute: impl AsRef<Path>) -> Vec<u8> {
        let Ok(file) = File::open(self.path(absolute)) else { return Vec::new() };
        FarText::by(looking::start).read(&file, SMALL as usize).unwrap_or_default()
    }

    /// A small file's text without the white space around it; `None` if it cannot be read.
    pub fn text(&self, absolute: impl AsRef<Path>) -> Option<String> {
        let bytes = self.bytes(absolute).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A file that holds one number.
    pub fn number(&self, absolute: impl AsRef<Path>) -> Option<i64> {
        self.text(absolute)?.parse().ok()
    }

    /// A setting by its name in sysctl, as in `kernel.kptr_restrict`.
    pub fn setting(&self, name: &str) -> Option<i64> {
        self.number(format!("/proc/sys/{}", name.replace('.', "/")))
    }

    /// The soft limit of that name in `/proc/self/limits`: a number or `unlimited`.
    pub fn limit(&self, name: &str) -> Option<String> {
        let limits = self.text("/proc/self/limits")?;
        let rest = limits.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    /// Whether the path exists (links are followed).
    pub fn exists(&self, absolute: impl AsRef<Path>) -> bool {
        self.path(absolute).exists()
    }

    /// The target of a link, such as `user:[4026531837]`.
    pub fn link(&self, absolute: impl AsRef<Path>) -> Option<String> {
        Some(fs::read_link(self.path(absolute)).ok()?.to_string_lossy().into_owned())
    }

    /// The names in a directory, sorted; empty if it cannot be read.
    pub fn names(&self, absolute: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(absolute)) else {
            return Vec::new();
        };
        let names =
            entries.take(NAMES).flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

/// The value behind `Key:` in a file such as `/proc/PID/status`.
pub fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_below_its_root_only_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::at(dir.path());
        fs::create_dir_all(machine.path("/proc/sys/kernel")).unwrap();
        fs::write(machine.path("/proc/sys/kernel/kptr_restrict"), "1\n").unwrap();
        fs::write(machine.path("/big"), vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(machine.setting("kernel.kptr_restrict"), Some(1));
        assert_eq!(machine.setting("kernel.absent"), None);
        assert_eq!(machine.bytes("/big").unwrap().len() as u64, SMALL);
        assert!(!machine.exists("/proc/self/status"));
        assert_eq!(machine.names("/proc/sys/kernel"), ["kptr_restrict"]);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "Name:\tsh\nCapEff:\t00ff\nCap:\tx\n";
        assert_eq!(field(status, "CapEff"), Some("00ff"));
        assert_eq!(field(status, "Cap"), Some("x"));
        assert_eq!(field(status, "Uid"), None);
    }
}
