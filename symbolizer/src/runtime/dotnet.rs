//! .NET.

use super::entry::{Entry, Unnamed, no_version};

pub(super) const ENTRY: Entry = Entry {
    name: ".NET",
    module: "[.net]",
    is_file: |name| name == b"libcoreclr.so",
    version: no_version,
    hint: Some(".NET: start it with DOTNET_PerfMapEnabled=1"),
    unnamed: Unnamed {
        fact: "managed code has no names",
        cure: Some("start it with DOTNET_PerfMapEnabled=1"),
        since: None,
    },
    frame_pointers: None,
    reader: None,
};
