//! Which runtime a process runs, by the names of the files that it maps as code.

use super::proc::maps::basename;
use crate::place::Runtime;

/// The runtime to which a mapped file belongs.
pub(crate) fn of(path: &[u8]) -> Option<Runtime> {
    let name = basename(path);
    let starts = |prefix: &str| name.starts_with(prefix.as_bytes());
    let program = |prefix: &str| {
        name.strip_prefix(prefix.as_bytes())
            .is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
    };
    match name {
        b"libjvm.so" => Some(Runtime::Jvm),
        b"libcoreclr.so" => Some(Runtime::DotNet),
        b"nodejs" => Some(Runtime::Node),
        _ if starts("libpython") || program("python") => Some(Runtime::Python),
        _ if starts("libnode.so") || program("node") => Some(Runtime::Node),
        _ if starts("libruby") || program("ruby") => Some(Runtime::Ruby),
        _ if starts("libphp") || program("php") || program("php-fpm") || program("php-cgi") => {
            Some(Runtime::Php)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_programs_and_libraries() {
        for (path, runtime) in [
            ("/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so", Some(Runtime::Jvm)),
            ("/usr/bin/python3.11", Some(Runtime::Python)),
            ("/usr/lib/libpython3.12.so.1.0", Some(Runtime::Python)),
            ("/usr/bin/node", Some(Runtime::Node)),
            ("/usr/lib/x86_64-linux-gnu/libnode.so.108", Some(Runtime::Node)),
            ("/usr/bin/ruby3.1", Some(Runtime::Ruby)),
            ("/usr/lib/libruby-3.1.so.3.1.2", Some(Runtime::Ruby)),
            ("/usr/sbin/php-fpm8.2", Some(Runtime::Php)),
            ("/usr/share/dotnet/shared/libcoreclr.so", Some(Runtime::DotNet)),
            ("/usr/bin/node_exporter", None),
            ("/usr/bin/pythonish", None),
            ("/usr/lib/libc.so.6", None),
        ] {
            assert_eq!(of(path.as_bytes()), runtime, "{path}");
        }
    }
}
