//! Shows a graph in the browser of the user who asked.

use crate::host::console::Voice;
use crate::host::sudo_user::Caller;
use crate::push::SECRETS;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Shows the first SVG among the files.
pub(crate) fn show(files: &[PathBuf], caller: Option<&Caller>, voice: Voice) {
    let is_graph = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"))
    };
    let Some(graph) = files.iter().find(is_graph) else {
        voice.warn("--open shows SVG files, and none was written");
        return;
    };
    let mut open = Command::new("xdg-open");
    open.arg(graph).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for secret in SECRETS {
        open.env_remove(secret);
    }
    if let Some(caller) = caller {
        open.gid(caller.gid).uid(caller.uid).envs(caller.environment());
    }
    if let Err(error) = open.spawn() {
        voice.warn(format_args!("xdg-open could not show {}: {error}", graph.display()));
    }
}
