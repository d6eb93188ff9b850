//! Runtimes whose code has names only if they are asked for them.

use super::finding::Finding;
use symbolizer::Runtime;
use symbolizer::runtime::hotspot::Description;

/// The known facts about a process's runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Process id.
    pub pid: u32,
    /// The runtime.
    pub runtime: Runtime,
    /// The names of the files that it maps, for versions.
    pub files: &'a [String],
    /// Its arguments, separated by zeros.
    pub arguments: &'a [u8],
    /// The version whose functions are read from the memory of the process.
    pub read: Option<(u32, u32)>,
    /// What a Java virtual machine says of itself. `None`: it is none, or its memory may not be read. `Some(None)`: it says nothing.
    pub java: Option<Option<Description>>,
    /// Whether its perf map could be opened, and else why not.
    pub map: Result<(), &'static str>,
}

impl Seen<'_> {
    /// The runtime, and the way to name its code.
    pub fn findings(&self) -> Vec<Finding> {
        let mut list = vec![Finding::note("runtime", self.name())];
        list.push(match self.map {
            _ if self.java.is_some() => self.of_java(),
            _ if self.read.is_some() || self.runtime == Runtime::HOTSPOT => {
                Finding::good("names", "its functions are read from the memory of the process")
            }
            Ok(()) => Finding::good("JIT names", "perf map found"),
            Err(why) => self.without_map(why),
        });
        if let Some((argument, note)) = self.runtime.frame_pointers()
            && !self.has_argument(argument)
        {
            list.push(Finding::note("frame pointers", note));
        }
        list
    }

    fn name(&self) -> String {
        let name = self.runtime.name();
        match self.version() {
            // Its own version is not that of Node.js.
            Some((major, minor)) if self.runtime == Runtime::NODE => {
                format!("{name} with V8 {major}.{minor}")
            }
            Some((major, minor)) => format!("{name} {major}.{minor}"),
            None => format!("{name}{}", self.java_version()),
        }
    }

    /// The version of a Java virtual machine, behind its name.
    fn java_version(&self) -> String {
        let Some(Some(java)) = &self.java else { return String::new() };
        match (java.version, java.release.as_str()) {
            (Some(version), release) if release.starts_with(&version.to_string()) => {
                format!(" of JDK {release}")
            }
            (Some(version), "") => format!(" of JDK {version}"),
            (Some(version), release) => format!(" of JDK {version} ({release})"),
            (None, _) => String::new(),
        }
    }

    /// The names of a Java virtual machine's code.
    fn of_java(&self) -> Finding {
        let java = self.java.iter().flatten().next();
        match java.map(|java| (java.methods, java.lines)) {
            Some((true, true)) => Finding::good(
                "names",
                "its methods, their lines and what was inlined are read from the memory of the process",
            ),
            Some((true, false)) => Finding::note(
                "names",
                "its methods are read from the memory of the process; lines and inlined methods are known of JDK 8 to 17, 21, 22 and 25",
            ),
            _ => match self.map {
                Ok(()) => Finding::good("JIT names", "perf map found"),
                Err(_) => Finding::note("names", self.runtime.unnamed().fact),
            },
        }
    }

    fn without_map(&self, why: &str) -> Finding {
        let unnamed = self.runtime.unnamed();
        let too_old = |(first, _): &((u32, u32), _)| self.version().is_some_and(|own| own < *first);
        if let Some((_, means)) = unnamed.since.filter(too_old) {
            return Finding::note("JIT names", means);
        }
        let Some(cure) = unnamed.cure else { return Finding::note("JIT names", unnamed.fact) };
        Finding::warning("JIT names", format!("{} ({why})", unnamed.fact))
            .cure(cure.replace("{pid}", &self.pid.to_string()))
    }

    fn version(&self) -> Option<(u32, u32)> {
        self.read.or_else(|| self.runtime.version(self.files.iter().map(String::as_str)))
    }

    fn has_argument(&self, wanted: &str) -> bool {
        self.arguments.split(|&b| b == 0).any(|argument| argument == wanted.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn of(file: &str) -> Runtime {
        Runtime::of_file(file.as_bytes()).unwrap()
    }

    fn seen<'a>(runtime: Runtime, files: &'a [String], arguments: &'a [u8]) -> Seen<'a> {
        Seen { pid: 7, runtime, files, arguments, read: None, java: None, map: Err("no perf map") }
    }

    #[test]
    fn python_needs_nothing_where_its_version_is_read() {
        let files = [String::from("/opt/python")];
        let mut python = seen(of("python"), &files, b"python3\0x.py\0");
        assert!(python.findings()[1].fact.contains("3.8 to 3.15"));
        python.read = Some((3, 12));
        let found = python.findings();
        assert_eq!(found[0].fact, "CPython 3.12");
        assert_eq!((found[1].level, found[1].subject.as_str()), (Level::Good, "names"));
    }

    #[test]
    fn node_needs_nothing_where_its_v8_is_read() {
        let mut node = seen(of("node"), &[], b"node\0x.js\0");
        assert_eq!(node.findings()[1].level, Level::Warning);
        node.read = Some((12, 4));
        let found = node.findings();
        assert_eq!(found[0].fact, "Node.js with V8 12.4");
        assert_eq!((found[1].level, found[1].cures.len()), (Level::Good, 0));
    }

    #[test]
    fn a_jvm_has_a_version_and_what_is_known_of_it() {
        let mut java = seen(of("libjvm.so"), &[], b"java\0");
        let mut told = |description| {
            java.java = Some(description);
            let found = java.findings();
            (found[0].fact.clone(), found[1].level, found[1].fact.contains("inlined are read"))
        };
        let known = Description {
            version: Some(17),
            release: String::from("17.0.15+6-x"),
            methods: true,
            lines: true,
        };
        let name = "Java virtual machine";
        let of_17 = (format!("{name} of JDK 17.0.15+6-x"), Level::Good, true);
        assert_eq!(told(Some(known.clone())), of_17);
        let release = String::from("25.402-b06");
        let of_8 = (format!("{name} of JDK 8 (25.402-b06)"), Level::Good, true);
        assert_eq!(told(Some(Description { version: Some(8), release, ..known.clone() })), of_8);
        let newer =
            Description { version: Some(99), lines: false, release: String::new(), ..known };
        assert_eq!(told(Some(newer)), (format!("{name} of JDK 99"), Level::Note, false));
        assert_eq!(told(Some(Description::default())), (String::from(name), Level::Note, false));
        assert_eq!(told(None), (String::from(name), Level::Note, false));
    }

    #[test]
    fn a_jvm_needs_nothing() {
        let bare = seen(of("libjvm.so"), &[], b"java\0-jar\0x.jar\0").findings();
        assert_eq!((bare[1].level, bare[1].subject.as_str()), (Level::Good, "names"));
        assert!(bare.iter().all(|f| f.level != Level::Warning && f.cures.is_empty()));
        assert!(bare.iter().any(|f| f.level == Level::Note && f.subject == "frame pointers"));
        let mut well = seen(of("libjvm.so"), &[], b"java\0-XX:+PreserveFramePointer\0-jar\0");
        well.map = Ok(());
        let well = well.findings();
        assert!(well.iter().all(|f| f.level != Level::Warning && f.subject != "frame pointers"));
    }

    #[test]
    fn what_cannot_be_mended_has_no_command() {
        for runtime in [of("ruby"), of("php")] {
            assert!(seen(runtime, &[], b"").findings().iter().all(|f| f.cures.is_empty()));
        }
        for runtime in [of("node"), of("libcoreclr.so")] {
            assert_eq!(seen(runtime, &[], b"").findings()[1].cures.len(), 1);
        }
    }
}
