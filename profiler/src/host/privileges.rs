//! Acting with the rights of the user, if bpflame has more.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Acts without the capabilities to read other users' files. Otherwise, a bpflame with file capabilities could send
/// data that its user may not read. Threads that start meanwhile also lack these capabilities.
pub(crate) fn as_the_user<T>(act: impl FnOnce() -> T) -> T {
    let before = capabilities(None).ok().filter(|_| !rustix::process::getuid().is_root());
    if let Some(mut sets) = before {
        sets.effective -= CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE;
        // A process may always lower its own capabilities.
        let _ = set_capabilities(None, sets);
    }
    let result = act();
    if let Some(sets) = before {
        let _ = set_capabilities(None, sets);
    }
    result
}
