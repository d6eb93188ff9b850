//! Files with secrets and certificates. Reads are bounded and have the rights of the calling user.

use crate::host::exit::{Failure, Kind};
use send::Secret;
use std::env;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use symbolizer::opening::readable;

/// The largest file that is read, in bytes. Secrets and chains of certificates are shorter.
const LARGEST: u64 = 64 << 10;

/// Reads files, and notes which of them other users may read.
#[derive(Debug, Default)]
pub(super) struct Files {
    exposed: Vec<PathBuf>,
}

impl Files {
    /// The only line of a file.
    pub(super) fn secret(&mut self, path: &Path) -> Result<Secret, Failure> {
        let text = self.private(path)?;
        one_line(text).map(Secret::new).map_err(|why| refused(path, why))
    }

    /// The text of a file that no other user should be able to read.
    pub(super) fn private(&mut self, path: &Path) -> Result<String, Failure> {
        let (bytes, mode) = bytes(path).map_err(|why| refused(path, &why))?;
        if mode.is_some_and(|mode| mode & 0o004 != 0) {
            self.exposed.push(path.to_owned());
        }
        String::from_utf8(bytes).map_err(|_| refused(path, "it is not UTF-8 text"))
    }

    /// A file that anybody may see.
    pub(super) fn public(&mut self, path: &Path) -> Result<Vec<u8>, Failure> {
        bytes(path).map(|(bytes, _)| bytes).map_err(|why| refused(path, &why))
    }

    /// A warning, if other users may read a file with secrets.
    pub(super) fn warning(&self) -> Option<String> {
        let names: Vec<String> =
            self.exposed.iter().map(|path| path.display().to_string()).collect();
        let names = names.join(" ");
        (!names.is_empty())
            .then(|| format!("everyone can read {names}; `chmod 600 {names}` prevents it"))
    }
}

/// The value of a variable, one line; an empty variable counts as unset.
///
/// # Errors
/// When the value is not one line; the error does not contain the value.
pub(super) fn variable(name: &str) -> Result<Option<Secret>, Failure> {
    let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.into_string().map_err(|_| "it is not UTF-8 text");
    let secret = text.and_then(one_line).map(Secret::new);
    secret
        .map(Some)
        .map_err(|why| Failure::new(Kind::Failed, format!("the variable {name}: {why}")))
}

/// Removes the newline at the end. Passwords and tokens contain no other control character.
fn one_line(mut text: String) -> Result<String, &'static str> {
    let end = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if let Some(end) = end.map(str::len) {
        text.truncate(end);
    }
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("it has more than one line, or control characters");
    }
    Ok(text)
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(Kind::Failed, format!("{}: {why}", path.display()))
}

/// The content of a file, and its mode if it is a regular file.
fn bytes(path: &Path) -> Result<(Vec<u8>, Option<u32>), String> {
    let file = readable(path).map_err(|error| said(&error))?;
    let metadata = file.metadata().map_err(|error| said(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| said(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} KiB", LARGEST >> 10));
    }
    Ok((bytes, metadata.is_file().then(|| metadata.mode())))
}

fn said(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => String::from("there is no such file"),
        io::ErrorKind::PermissionDenied => String::from("reading it is not permitted"),
        io::ErrorKind::IsADirectory => String::from("it is a directory"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn file(text: impl AsRef<[u8]>, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_secret_is_a_line() {
        assert_eq!(one_line(String::from("pass word\n")), Ok(String::from("pass word")));
        assert_eq!(one_line(String::from("x\r\n")), Ok(String::from("x")));
        assert_eq!(one_line(String::from("x")), Ok(String::from("x")));
        for wrong in ["", "\n", "\r\n", "a\nb", "a\n\n", "a\u{0}"] {
            assert!(one_line(String::from(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        let mut files = Files::default();
        let failure = |path: &Path, files: &mut Files| files.secret(path).unwrap_err().to_string();
        let two = file("hunter2\nhunter3\n", 0o600);
        let told = failure(two.path(), &mut files);
        assert!(told.contains("more than one line") && !told.contains("hunter"), "{told}");
        let no_text = file([0xff, b'x'], 0o600);
        assert!(failure(no_text.path(), &mut files).ends_with("not UTF-8 text"));
        assert!(failure(Path::new("/absent"), &mut files).ends_with("no such file"));
        assert!(failure(Path::new("/"), &mut files).ends_with("a directory"));
        assert!(failure(Path::new("/dev/zero"), &mut files).ends_with("it is a device"));
        assert_eq!(files.warning(), None);
    }

    #[test]
    fn secrets_that_everybody_may_read_are_a_warning() {
        let (open, closed, group) = (file("a", 0o644), file("b", 0o600), file("c", 0o640));
        let mut files = Files::default();
        for file in [&closed, &group] {
            files.secret(file.path()).unwrap();
        }
        files.public(open.path()).unwrap();
        assert_eq!(files.warning(), None);
        assert_eq!(files.secret(open.path()).unwrap(), Secret::new(String::from("a")));
        let name = open.path().display();
        assert_eq!(
            files.warning().unwrap(),
            format!("everyone can read {name}; `chmod 600 {name}` prevents it")
        );
    }
}
