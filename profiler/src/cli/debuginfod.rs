//! The debuginfod servers to ask.

use crate::cli::left_out::left_out;
use crate::host::exit::{Failure, Kind};
use crate::host::proc;
use std::env;
use std::fs;

/// The servers in `DEBUGINFOD_URLS`. If the variable is not set and the user asked for servers, those in
/// `/etc/debuginfod/*.urls`. Empty: none.
///
/// # Errors
/// [`Kind::Usage`] if the user asked for servers and there is none, or this build has no client.
pub(crate) fn servers(asked: bool) -> Result<Vec<String>, Failure> {
    if asked && !cfg!(feature = "debuginfod") {
        return Err(left_out("--debuginfod"));
    }
    let variable = env::var("DEBUGINFOD_URLS").unwrap_or_default();
    let servers = urls(&variable);
    if !servers.is_empty() || !asked {
        return Ok(servers);
    }
    let servers = configured(&files(), |path| proc::text(path).ok());
    if servers.is_empty() {
        return Err(Failure::new(Kind::Usage, "--debuginfod needs a server")
            .cure("set DEBUGINFOD_URLS, as in DEBUGINFOD_URLS=https://debuginfod.debian.net"));
    }
    Ok(servers)
}

/// The directory of the files that name servers.
pub(crate) const DIRECTORY: &str = "/etc/debuginfod";

/// The names in that directory, sorted.
fn files() -> Vec<String> {
    let entries = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The servers that the files in [`DIRECTORY`] name. `names` are all names there, `text` reads a file.
pub(crate) fn configured(names: &[String], text: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let files = names.iter().filter(|name| name.ends_with(".urls"));
    files
        .filter_map(|name| text(&format!("{DIRECTORY}/{name}")))
        .flat_map(|text| urls(&text))
        .collect()
}

/// The addresses in a text, separated by spaces. Anything else in it is ignored.
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
