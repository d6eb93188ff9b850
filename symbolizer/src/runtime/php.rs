//! PHP.

use super::entry::{Entry, Unnamed, is_program, no_version, starts};

pub(super) const ENTRY: Entry = Entry {
    name: "PHP",
    module: "[php]",
    is_file: |name| {
        starts(name, "libphp")
            || ["php", "php-fpm", "php-cgi"].iter().any(|program| is_program(name, program))
    },
    version: no_version,
    hint: Some("PHP: interpreter names are not shown yet"),
    unnamed: Unnamed {
        fact: "PHP functions are not shown yet, only the interpreter",
        cure: None,
        since: None,
    },
    frame_pointers: None,
    reader: None,
};
