//! The knowledge about an address space.

use crate::place::Reason;

/// The state of knowledge about the mappings of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It existed before the events began: its maps must be read.
    Unread,
    /// They are known, from events or from its maps.
    Known,
    /// Events were lost: its maps must be read again.
    Doubted {
        /// Whether it is still certain which program it runs, because an identity confirmed it before.
        certain: bool,
    },
    /// Its maps cannot be read.
    Unreadable(Reason),
}
