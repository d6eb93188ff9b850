//! What the user may do, where bpflame itself may do more.

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Acts without the capabilities that open files which the user may not read: a bpflame with capabilities of its own
/// would otherwise send elsewhere what its user may not see. Threads that are started while it acts lack them, too.
pub(crate) fn as_the_user<T>(act: impl FnOnce() -> T) -> T {
    let before = capabilities(None).ok().filter(|_| !rustix::process::getuid().is_root());
    if let Some(mut sets) = before {
        sets.effective -= CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE;
        // Lowering what one has is always allowed.
        let _ = set_capabilities(None, sets);
    }
    let result = act();
    if let Some(sets) = before {
        let _ = set_capabilities(None, sets);
    }
    result
}
