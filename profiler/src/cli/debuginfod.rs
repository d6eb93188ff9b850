//! Which debuginfod servers are asked.

use crate::host::exit::{Failure, Kind};
use crate::host::proc;
use std::env;
use std::fs;

/// The servers to ask; `asked`: by an option of the command line.
///
/// # Errors
/// Of kind [`Kind::Usage`] when they are asked for and none is known.
pub(crate) fn asked(asked: bool) -> Result<Vec<String>, Failure> {
    let servers = servers(asked);
    if asked && servers.is_empty() {
        return Err(Failure::new(Kind::Usage, "--debuginfod needs a server")
            .cure("set DEBUGINFOD_URLS, as in DEBUGINFOD_URLS=https://debuginfod.debian.net"));
    }
    Ok(servers)
}

/// The servers of `DEBUGINFOD_URLS`, or where asked for and the variable is not set, of
/// `/etc/debuginfod/*.urls`. Empty: none.
fn servers(asked: bool) -> Vec<String> {
    let variable = env::var("DEBUGINFOD_URLS").unwrap_or_default();
    let servers = urls(&variable);
    if !servers.is_empty() || !asked { servers } else { configured() }
}

fn configured() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/etc/debuginfod") else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "urls"));
    files.sort();
    files.iter().filter_map(|path| proc::text(path).ok()).flat_map(|text| urls(&text)).collect()
}

/// Addresses parted by blanks; anything else in such a file is ignored.
fn urls(text: &str) -> Vec<String> {
    let is_url = |word: &&str| word.starts_with("http://") || word.starts_with("https://");
    text.split_whitespace().filter(is_url).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_words() {
        assert_eq!(
            urls(" https://a/ \n http://b:8002\nima:enforcing\n"),
            ["https://a/", "http://b:8002"]
        );
        assert!(urls("").is_empty());
    }
}
