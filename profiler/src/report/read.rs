//! Reading the file, bounded.

use crate::host::exit::{Failure, Kind};
use output::Profile;
use output::pprof::{self, Limits};
use std::io::{self, Read};
use std::path::Path;
use symbolizer::opening::readable;

/// Larger files are refused: even a profile of hours is only some megabytes.
const LARGEST: u64 = 512 << 20;

/// Reads a pprof file; `-` is standard input.
pub(crate) fn profile(path: &Path) -> Result<Profile, Failure> {
    let shown = shown(path);
    let bytes = bytes(path, LARGEST)
        .map_err(|why| Failure::new(Kind::Failed, format!("{shown}: {why}")))?;
    pprof::read(&bytes, Limits::default()).map_err(|error| {
        let hint = other_format(&bytes).map(|name| format!("; it looks like {name}"));
        Failure::new(Kind::Failed, format!("{shown}: {error}{}", hint.unwrap_or_default()))
    })
}

/// The file for a reader.
pub(crate) fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() }
}

fn bytes(path: &Path, largest: u64) -> Result<Vec<u8>, String> {
    if path.as_os_str() == "-" {
        return take(io::stdin().lock(), largest);
    }
    let file = readable(path).map_err(|error| said(&error))?;
    let meta = file.metadata().map_err(|error| said(&error))?;
    if meta.len() > largest {
        return Err(too_large(largest));
    }
    take(file, largest)
}

fn take(from: impl Read, largest: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    from.take(largest + 1).read_to_end(&mut bytes).map_err(|error| said(&error))?;
    if bytes.len() as u64 > largest { Err(too_large(largest)) } else { Ok(bytes) }
}

fn too_large(largest: u64) -> String {
    format!("larger than {} MiB, the limit for pprof files", largest >> 20)
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => String::from("there is no such file"),
        io::ErrorKind::PermissionDenied => String::from("reading it is not permitted"),
        io::ErrorKind::IsADirectory => String::from("it is a directory, not a pprof file"),
        _ => error.to_string(),
    }
}

/// The format of other files that are often found beside profiles.
fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let starts = |with: &[u8]| bytes.starts_with(with);
    if starts(b"PERFILE2") {
        return Some("perf's own format (perf.data)");
    }
    if starts(b"<?xml") || starts(b"<svg") {
        return Some("an SVG picture");
    }
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let count = line.rsplit(|&b| b == b' ').next().unwrap_or_default();
    let folded = line.contains(&b';') && !count.is_empty() && count.iter().all(u8::is_ascii_digit);
    folded.then_some("folded stacks")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        let failure = profile(path).unwrap_err();
        assert_eq!(failure.kind, Kind::Failed);
        failure.to_string()
    }

    #[test]
    fn what_is_no_pprof_file_gets_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(message(&dir.path().join("absent")).ends_with("there is no such file"));
        assert!(message(dir.path()).contains("directory"));
        assert!(message(&write("empty", b"")).contains("not a readable pprof file"));
        assert!(message(&write("perf", b"PERFILE2\0\0")).contains("perf.data"));
        assert!(message(&write("svg", b"<?xml version='1.0'?><svg/>")).contains("SVG"));
        assert!(message(&write("folded", b"a;b;c 17\n")).contains("folded stacks"));
        assert!(message(&write("gzip", &[0x1f, 0x8b, 8, 0, 1, 2, 3])).contains("pprof"));
    }

    #[test]
    fn size_is_bounded_without_reading_it_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(message(&path).contains("larger than 512 MiB"));
        let endless = take(io::repeat(0), 1 << 20).unwrap_err();
        assert!(endless.contains("larger than 1 MiB"), "{endless}");
        assert!(message(Path::new("/dev/zero")).contains("it is a device"));
    }
}
