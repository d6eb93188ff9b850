//! Accounts of the kernel's tables: which process a table counts for, and what a process may have.

use bpf::unwind::table::Table;
use bpf::{CodeMapping, Installed, RuntimeFacts, SpaceName, Tables};
use std::collections::HashMap;
use std::io;
use std::sync::MutexGuard;
use symbolizer::Shares;

/// A table, and the process on whose account it was installed.
#[derive(Debug)]
pub(super) struct Paid {
    /// The table.
    pub(super) table: Installed,
    /// The process id.
    pub(super) pid: u32,
}

/// What became of a table.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is installed.
    Installed(Paid),
    /// There was no room. Other tables may make room.
    NoRoom,
    /// It is beyond the share of the process.
    NoShare,
}

/// The memory and the rules that each process has.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    bytes: Shares,
    /// Rules are never freed.
    rules: Shares,
    /// The bytes of the lists of mappings.
    lists: HashMap<SpaceName, usize>,
}

/// The installed tables, open for changes.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    /// The tables.
    pub(super) tables: MutexGuard<'a, Tables>,
    /// The accounts.
    pub(super) accounts: MutexGuard<'a, Accounts>,
}

impl Ledger<'_> {
    /// Installs a table on the account of a process. `idle`: the bytes of tables that would give way.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub(super) fn install(&mut self, pid: u32, table: &Table, idle: usize) -> io::Result<Answer> {
        let bytes = 4 * table.rows().len() + 8 * table.directory().len();
        if self.accounts.bytes.room(pid, self.tables.memory().saturating_add(idle)) < bytes {
            return Ok(Answer::NoShare);
        }
        let rules = self.accounts.rules.room(pid, Tables::RULES);
        let Some(table) = self.tables.install_with(table, rules)? else {
            return Ok(Answer::NoRoom);
        };
        self.accounts.bytes.take(pid, table.bytes());
        self.accounts.rules.take(pid, table.new_rules());
        Ok(Answer::Installed(Paid { table, pid }))
    }

    /// Removes a table. No address space may use it any more.
    pub(super) fn uninstall(&mut self, Paid { table, pid }: Paid) {
        self.accounts.bytes.give(pid, table.bytes());
        self.tables.uninstall(table);
    }

    /// Sets how an address space is walked, by as many of the mappings as the process may have, the first ones. Returns their number; `None`
    /// if there was no room.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub(super) fn set_space(
        &mut self,
        name: SpaceName,
        mappings: &[CodeMapping<'_>],
        facts: &[RuntimeFacts],
    ) -> io::Result<Option<usize>> {
        let accounts = &mut *self.accounts;
        accounts.bytes.give(name.pid, accounts.lists.remove(&name).unwrap_or(0));
        let room = accounts.bytes.room(name.pid, self.tables.memory()) / Tables::MAPPING_BYTES;
        let count = mappings.len().min(Tables::MOST_MAPPINGS).min(room);
        if !self.tables.set_space(name, &mappings[..count], facts)? {
            self.tables.remove_space(name);
            return Ok(None);
        }
        let bytes = count * Tables::MAPPING_BYTES;
        accounts.bytes.take(name.pid, bytes);
        accounts.lists.insert(name, bytes);
        Ok(Some(count))
    }

    /// Removes an address space.
    pub(super) fn remove_space(&mut self, name: SpaceName) {
        let bytes = self.accounts.lists.remove(&name).unwrap_or(0);
        self.accounts.bytes.give(name.pid, bytes);
        self.tables.remove_space(name);
    }
}
