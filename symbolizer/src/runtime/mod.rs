//! The registry of runtimes: how a process that runs one is recognized, its name, the way to get names for its code,
//! and the reader of the functions that its interpreter runs.
//!
//! A runtime is a file here and a line in `REGISTRY`. The order of the lines is that of recognition, and gives each
//! runtime its number.

mod dotnet;
mod entry;
pub mod hotspot;
mod kept;
mod loaded;
mod node;
mod php;
pub mod python;
mod reader;
mod ruby;
pub mod v8;

pub use entry::Unnamed;
pub use kept::Kept;
pub use loaded::{Loaded, Symbol};
pub use reader::{Check, Code, Found, Function, Memory, Object, Reader, Remains, Running};

use entry::Entry;

/// All known runtimes. The index of each is its number minus one.
static REGISTRY: [&Entry; 6] =
    [&hotspot::ENTRY, &python::ENTRY, &node::ENTRY, &ruby::ENTRY, &php::ENTRY, &dotnet::ENTRY];

/// A runtime of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Runtime {
    number: u8,
}

impl Runtime {
    /// All runtimes, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..).take(REGISTRY.len()).map(|number| Self { number })
    }

    /// The runtime with this number, as frames carry it; 0 is none.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::all().find(|runtime| runtime.number == number)
    }

    /// The runtime that a mapped file shows, by the last part of its path.
    pub fn of_file(path: &[u8]) -> Option<Self> {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        Self::all().find(|runtime| (runtime.entry().is_file)(name))
    }

    /// HotSpot, the Java virtual machine of the JDK.
    pub const HOTSPOT: Self = Self { number: 1 };

    /// CPython.
    pub const PYTHON: Self = Self { number: 2 };

    /// Node.js, which runs V8.
    pub const NODE: Self = Self { number: 3 };

    /// Its number, from 1, which an interpreter's frames carry.
    pub fn number(self) -> u8 {
        self.number
    }

    /// Its name, as in "CPython".
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The module name of its interpreted functions, as in `[python]`.
    pub fn module(self) -> &'static str {
        self.entry().module
    }

    /// Its version, from the paths of the files that the process maps, if the version matters.
    pub fn version<'a>(self, paths: impl IntoIterator<Item = &'a str>) -> Option<(u32, u32)> {
        let name = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
        paths.into_iter().find_map(|path| (self.entry().version)(name(path)))
    }

    /// The way to get names for its code, for a recording's summary; `None`: nothing needs to be done.
    pub fn hint(self) -> Option<&'static str> {
        self.entry().hint
    }

    /// The defect without a perf map, and its cure.
    pub fn unnamed(self) -> Unnamed {
        self.entry().unnamed
    }

    /// The argument that makes its compiled code keep frame pointers, if it needs one, and the effect of missing frame
    /// pointers.
    pub fn frame_pointers(self) -> Option<(&'static str, &'static str)> {
        self.entry().frame_pointers
    }

    /// Whether code that it has compiled is named from the memory of its process.
    pub fn names_code(self) -> bool {
        self.entry().reader.is_some_and(Reader::names_code)
    }

    /// The reader of its functions; `None`: there is none yet.
    pub fn reader(self) -> Option<&'static dyn Reader> {
        self.entry().reader
    }

    fn entry(self) -> &'static Entry {
        REGISTRY[usize::from(self.number) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_programs_and_libraries() {
        for (path, runtime) in [
            (
                "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so",
                Some("Java virtual machine"),
            ),
            ("/usr/bin/python3.11", Some("CPython")),
            ("/usr/lib/libpython3.12.so.1.0", Some("CPython")),
            ("/usr/bin/node", Some("Node.js")),
            ("/usr/lib/x86_64-linux-gnu/libnode.so.108", Some("Node.js")),
            ("/usr/bin/ruby3.1", Some("Ruby")),
            ("/usr/lib/libruby-3.1.so.3.1.2", Some("Ruby")),
            ("/usr/sbin/php-fpm8.2", Some("PHP")),
            ("/usr/share/dotnet/shared/libcoreclr.so", Some(".NET")),
            ("/usr/bin/node_exporter", None),
            ("/usr/bin/pythonish", None),
            ("/usr/lib/libc.so.6", None),
        ] {
            assert_eq!(Runtime::of_file(path.as_bytes()).map(Runtime::name), runtime, "{path}");
        }
    }

    #[test]
    fn numbers_lead_back_to_their_runtimes() {
        for runtime in Runtime::all() {
            assert_eq!(Runtime::of_number(runtime.number()), Some(runtime));
        }
        assert_eq!(Runtime::of_number(0), None);
        assert_eq!(Runtime::of_number(Runtime::all().count() as u8 + 1), None);
        assert_eq!(Runtime::of_file(b"/lib/libjvm.so"), Some(Runtime::HOTSPOT));
        assert_eq!(Runtime::of_file(b"/usr/bin/node"), Some(Runtime::NODE));
        // A frame has three bits for the number.
        assert!(Runtime::all().count() < 8);
    }

    #[test]
    fn versions_come_from_names_of_files() {
        let python = Runtime::of_file(b"python3").unwrap();
        assert_eq!(python.version(["/lib/libc.so.6", "/usr/bin/python3.13"]), Some((3, 13)));
        assert_eq!(python.version(["/usr/lib/libpython3.12.so.1.0"]), Some((3, 12)));
        assert_eq!(python.version(["/opt/python"]), None);
        assert_eq!(Runtime::HOTSPOT.version(["/usr/bin/python3.13"]), None);
    }
}
