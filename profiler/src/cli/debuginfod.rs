//! The debuginfod servers to ask.

use crate::cli::left_out::left_out;
use crate::host::exit::{Failure, Kind};
use crate::host::privileges::has_borrowed;
use crate::host::proc;
use std::env;
use std::fs;

/// The servers to ask: none if the user did not ask for them. Otherwise those in `DEBUGINFOD_URLS`; without the variable, those
/// in `/etc/debuginfod/*.urls`. With capabilities of bpflame's file, the variable does not count: what servers send is read
/// with these capabilities.
///
/// # Errors
/// [`Kind::Usage`] if the user asked for servers and there is none, or this build has no client.
pub(crate) fn servers(asked: bool) -> Result<Vec<String>, Failure> {
    if !asked {
        return Ok(Vec::new());
    }
    if !cfg!(feature = "debuginfod") {
        return Err(left_out("--debuginfod"));
    }
    let borrowed = has_borrowed();
    let servers = urls(&env::var("DEBUGINFOD_URLS").unwrap_or_default());
    if !servers.is_empty() && !borrowed {
        return Ok(servers);
    }
    let servers = configured(&files(), |path| proc::text(path).ok());
    if servers.is_empty() {
        return Err(none(borrowed, env::var_os("SUDO_UID").is_some()));
    }
    Ok(servers)
}

/// The failure without a server. `borrowed`: bpflame's file has capabilities; `sudo`: it was started by sudo.
fn none(borrowed: bool, sudo: bool) -> Failure {
    let (message, cure) = if borrowed {
        (
            "--debuginfod needs a server in /etc/debuginfod/*.urls, because bpflame's file has capabilities",
            "`bpflame report --debuginfod` takes the servers in DEBUGINFOD_URLS",
        )
    } else if sudo {
        (
            "--debuginfod needs a server, and sudo drops DEBUGINFOD_URLS",
            "write `sudo DEBUGINFOD_URLS=https://debuginfod.debian.net bpflame …`",
        )
    } else {
        (
            "--debuginfod needs a server",
            "set DEBUGINFOD_URLS, as in `DEBUGINFOD_URLS=https://debuginfod.debian.net bpflame …`",
        )
    };
    Failure::new(Kind::Usage, message).cure(cure)
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
    fn sudo_drops_the_variable() {
        let said = none(false, true).to_string();
        assert!(
            said.contains("sudo drops DEBUGINFOD_URLS; write `sudo DEBUGINFOD_URLS="),
            "{said}"
        );
        assert!(!none(false, false).to_string().contains("sudo"));
        assert!(none(true, false).to_string().contains("/etc/debuginfod"));
    }

    #[test]
    fn urls_are_words() {
        assert_eq!(
            urls(" https://a/ \n http://b:8002\nima:enforcing\n"),
            ["https://a/", "http://b:8002"]
        );
        assert!(urls("").is_empty());
    }
}
