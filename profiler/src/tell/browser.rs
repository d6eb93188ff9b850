//! Shows a graph in the user's browser.

use crate::cli::secrets::SECRETS;
use crate::host::console::Console;
use crate::host::sudo_user::SudoUser;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Shows the first SVG among the files.
pub(crate) fn show(files: &[PathBuf], sudo_user: Option<&SudoUser>, console: Console) {
    let is_graph = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
    };
    let Some(graph) = files.iter().find(is_graph) else {
        console.warn("--open needs an SVG file, and none was written");
        return;
    };
    let mut open = Command::new("xdg-open");
    open.arg(graph).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for secret in SECRETS {
        open.env_remove(secret);
    }
    if let Some(user) = sudo_user {
        open.gid(user.gid).uid(user.uid).envs(user.environment());
    }
    if let Err(error) = open.spawn() {
        console.warn(format_args!("xdg-open cannot open {}: {error}", graph.display()));
    }
}
