//! HotSpot, the Java virtual machine of the JDK.

use super::entry::{Entry, Unnamed, no_version};

pub(super) const ENTRY: Entry = Entry {
    name: "Java virtual machine",
    module: "[java]",
    is_file: |name| name == b"libjvm.so",
    version: no_version,
    hint: Some(
        "JVM: run `jcmd PID Compiler.perfmap` before recording; --unwind fp needs -XX:+PreserveFramePointer as well",
    ),
    unnamed: Unnamed {
        fact: "compiled Java code has no names",
        cure: Some("jcmd {pid} Compiler.perfmap (JDK 17 and later; as the process's user)"),
        since: None,
    },
    frame_pointers: Some((
        "-XX:+PreserveFramePointer",
        "none in the JVM's compiled code: it is walked by the JVM's description of it, except with --unwind fp",
    )),
    reader: None,
};
