//! Runtimes whose code has names only if they are asked for them.

use super::finding::Finding;
use symbolizer::Runtime;

/// The known facts about a process's runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Process id.
    pub pid: u32,
    /// Which runtime.
    pub runtime: Runtime,
    /// The names of the files that it maps, for versions.
    pub files: &'a [String],
    /// Its arguments, separated by zeros.
    pub arguments: &'a [u8],
    /// Whether its perf map could be opened, and else why not.
    pub map: Result<(), &'static str>,
}

impl Seen<'_> {
    /// The runtime, and the way to name its code.
    pub fn findings(&self) -> Vec<Finding> {
        let mut list = vec![Finding::note("runtime", self.name())];
        list.push(match self.map {
            Ok(()) => Finding::good("JIT names", "perf map found"),
            Err(why) => self.without_map(why),
        });
        if self.runtime == Runtime::Jvm && !self.has_argument("-XX:+PreserveFramePointer") {
            list.push(Finding::note(
                "frame pointers",
                "none in the JVM's compiled code: it is walked by the JVM's description of it, except with --unwind fp",
            ));
        }
        list
    }

    fn name(&self) -> String {
        match (self.runtime, self.python_version()) {
            (Runtime::Jvm, _) => String::from("Java virtual machine"),
            (Runtime::Python, Some((major, minor))) => format!("CPython {major}.{minor}"),
            (Runtime::Python, None) => String::from("CPython"),
            (Runtime::Node, _) => String::from("Node.js"),
            (Runtime::Ruby, _) => String::from("Ruby"),
            (Runtime::Php, _) => String::from("PHP"),
            (Runtime::DotNet, _) => String::from(".NET"),
        }
    }

    fn without_map(&self, why: &str) -> Finding {
        let pid = self.pid;
        let missing = |fact: &str| Finding::warning("JIT names", format!("{fact} ({why})"));
        match self.runtime {
            Runtime::Jvm => missing("compiled Java code has no names").cure(format!(
                "jcmd {pid} Compiler.perfmap (JDK 17 and later; as the process's user)"
            )),
            Runtime::Node => {
                missing("JavaScript has no names").cure("start it with node --perf-basic-prof …")
            }
            Runtime::DotNet => {
                missing("managed code has no names").cure("start it with DOTNET_PerfMapEnabled=1")
            }
            Runtime::Python if self.python_version().is_some_and(|version| version < (3, 12)) => {
                Finding::note(
                    "JIT names",
                    "Python functions are not shown yet: only CPython 3.12 and later can name them",
                )
            }
            Runtime::Python => missing("Python functions are not shown").cure(
                "start it with python3 -X perf … or PYTHONPERFSUPPORT=1 (CPython 3.12 and later)",
            ),
            Runtime::Ruby => {
                Finding::note("JIT names", "Ruby methods are not shown yet, only the interpreter")
            }
            Runtime::Php => {
                Finding::note("JIT names", "PHP functions are not shown yet, only the interpreter")
            }
        }
    }

    fn has_argument(&self, wanted: &str) -> bool {
        self.arguments.split(|&b| b == 0).any(|argument| argument == wanted.as_bytes())
    }

    /// From `python3.13`, `libpython3.12.so.1.0`.
    fn python_version(&self) -> Option<(u32, u32)> {
        self.files.iter().find_map(|path| {
            let base = path.rsplit('/').next()?;
            let rest = base.strip_prefix("lib").unwrap_or(base).strip_prefix("python")?;
            let (major, rest) = rest.split_once('.')?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            Some((major.parse().ok()?, rest[..end].parse().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn seen<'a>(runtime: Runtime, files: &'a [String], arguments: &'a [u8]) -> Seen<'a> {
        Seen { pid: 7, runtime, files, arguments, map: Err("no perf map") }
    }

    fn python(file: &str) -> Finding {
        let files = [file.to_owned()];
        seen(Runtime::Python, &files, b"python3\0x.py\0").findings().remove(1)
    }

    #[test]
    fn python_can_name_its_code_from_3_12() {
        assert_eq!(python("/usr/bin/python3.11").level, Level::Note);
        assert_eq!(python("/usr/bin/python3.13").level, Level::Warning);
        assert!(python("/usr/lib/libpython3.12.so.1.0").cures[0].contains("-X perf"));
        assert!(python("/opt/python").cures[0].contains("3.12 and later"));
    }

    #[test]
    fn a_jvm_needs_names() {
        let bare = seen(Runtime::Jvm, &[], b"java\0-jar\0x.jar\0").findings();
        assert_eq!(bare.iter().filter(|f| f.level == Level::Warning).count(), 1);
        assert!(bare.iter().any(|f| f.level == Level::Note && f.subject == "frame pointers"));
        assert!(bare[1].cures[0].starts_with("jcmd 7 Compiler.perfmap"));
        let mut well = seen(Runtime::Jvm, &[], b"java\0-XX:+PreserveFramePointer\0-jar\0");
        well.map = Ok(());
        let well = well.findings();
        assert!(well.iter().all(|f| f.level != Level::Warning && f.subject != "frame pointers"));
    }

    #[test]
    fn what_cannot_be_mended_has_no_command() {
        for runtime in [Runtime::Ruby, Runtime::Php] {
            assert!(seen(runtime, &[], b"").findings().iter().all(|f| f.cures.is_empty()));
        }
        for runtime in [Runtime::Node, Runtime::DotNet] {
            assert_eq!(seen(runtime, &[], b"").findings()[1].cures.len(), 1);
        }
    }
}
