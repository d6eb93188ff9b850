//! How much of an address space is known.

use crate::place::Reason;

/// How the mappings of an address space are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It existed before the events began: its maps must be read.
    Unread,
    /// Events told all, or its maps were read.
    Known,
    /// Events were lost: its maps must be read again.
    Doubted {
        /// Which program it runs is certain all the same: an identity said so before.
        certain: bool,
    },
    /// Its maps cannot be read.
    Unreadable(Reason),
}
