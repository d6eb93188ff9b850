//! Kernel symbols as text: one symbol as the kernel prints it, and `/proc/kallsyms` in one pass for all wanted
//! addresses. The kernel makes the text again for each reader, which costs more than parsing it. So it is read only as
//! far as needed.

use std::io;
use std::ops::ControlFlow;

use crate::name::{lines, text};

/// The most bytes that are read.
const MAX_BYTES: u64 = 256 << 20;
/// The most names of one address that are compared.
const ALIASES: usize = 16;
/// The longest reach of code without a size from its symbol, in bytes.
const MAX_REACH: u64 = 4 << 20;

/// The symbol nearest below an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ksym {
    /// Its address.
    pub start: u64,
    /// Its name.
    pub name: String,
    /// The module without brackets; `None` for the kernel itself.
    pub module: Option<String>,
}

/// The results of a pass.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ksyms {
    /// For each address, the symbol that contains it.
    pub symbols: Vec<Option<Ksym>>,
    /// Whether every address in the file was 0, because they are hidden.
    pub hidden: bool,
}

/// The symbols for sorted addresses, from text as in `/proc/kallsyms`.
pub fn symbols(
    mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    addresses: &[u64],
) -> io::Result<Ksyms> {
    let mut pass = Pass {
        addresses,
        slots: vec![None; addresses.len()],
        cursor: 0,
        first: None,
        hidden: true,
    };
    lines::blocks(|_, buffer| read(buffer), MAX_BYTES, true, |block| pass.block(block))?;
    Ok(pass.finish())
}

/// The symbol that the kernel printed for an address: `function+0x10/0x40 [module]`. `None` if it printed only a
/// number, because the address is in no symbol.
pub fn printed(text: &str, address: u64) -> Option<Ksym> {
    let (symbol, module) = match text.split_once(' ') {
        Some((symbol, module)) => (symbol, Some(module.strip_prefix('[')?.strip_suffix(']')?)),
        None => (text, None),
    };
    let (name, place) = symbol.rsplit_once("+0x")?;
    let (offset, _size) = place.split_once("/0x")?;
    let start = address.checked_sub(u64::from_str_radix(offset, 16).ok()?)?;
    (!name.is_empty()).then(|| Ksym {
        start,
        name: name.to_owned(),
        module: module.map(str::to_owned),
    })
}

/// Whether the beginning of `/proc/kallsyms` shows addresses. Hidden ones are all 0.
pub fn shows_addresses(head: &[u8]) -> bool {
    lines::split(head).filter_map(parse).any(|(start, ..)| start != 0)
}

#[derive(Clone, Debug, Default)]
struct Candidate {
    start: u64,
    kind: u8,
    name: Vec<u8>,
    module: Vec<u8>,
}

struct Pass<'a> {
    addresses: &'a [u64],
    /// For each address, the highest symbol at or below it and above the previous address.
    slots: Vec<Option<Candidate>>,
    cursor: usize,
    /// The start of the kernel's code.
    first: Option<u64>,
    hidden: bool,
}

impl Pass<'_> {
    /// Reads a block of lines. The kernel's own symbols are in order. So in a block that contains no wanted address,
    /// only the last lines can be the nearest ones below an address.
    fn block(&mut self, block: &[u8]) -> ControlFlow<()> {
        let mut lines = lines::split(block);
        let (first, last) = (lines.next(), lines.next_back());
        if let (Some((low, ..)), Some((high, .., module))) =
            (first.and_then(parse), last.and_then(parse))
            && module.is_empty()
            && low <= high
            && self.slot(low) == self.slot(high)
        {
            return lines::split(block).rev().take(ALIASES).try_for_each(|line| self.take(line));
        }
        lines::split(block).try_for_each(|line| self.take(line))
    }

    fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        let Some((start, kind, name, module)) = parse(line) else {
            return ControlFlow::Continue(());
        };
        if start == 0 || matches!(kind, b'a' | b'A') {
            return ControlFlow::Continue(());
        }
        self.hidden = false;
        let first = *self.first.get_or_insert(start);
        let slot = self.slot(start);
        // The kernel's own symbols come first and in order. After the last address, nothing can change, unless an
        // address is in modules below the kernel.
        if slot == self.addresses.len() {
            let done = module.is_empty() && self.addresses.first().is_none_or(|&low| low >= first);
            return if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        let better = match &self.slots[slot] {
            None => true,
            Some(old) if old.start == start => rank(kind) < rank(old.kind),
            Some(old) => old.start < start,
        };
        if better {
            // The memory of the old candidate is reused, because this happens on nearly every line.
            let candidate = self.slots[slot].get_or_insert_default();
            (candidate.start, candidate.kind) = (start, kind);
            candidate.name.clear();
            candidate.name.extend_from_slice(name);
            candidate.module.clear();
            candidate.module.extend_from_slice(module);
        }
        ControlFlow::Continue(())
    }

    /// The index of the first address at or above `start`. It is mostly the same for neighbouring lines.
    fn slot(&mut self, start: u64) -> usize {
        let fits = |cursor: usize| {
            self.addresses.get(cursor).is_none_or(|&address| address >= start)
                && (cursor == 0 || self.addresses[cursor - 1] < start)
        };
        if !fits(self.cursor) {
            self.cursor = self.addresses.partition_point(|&address| address < start);
        }
        self.cursor
    }

    fn finish(self) -> Ksyms {
        let mut below: Option<&Candidate> = None;
        let symbols = self
            .addresses
            .iter()
            .zip(&self.slots)
            .map(|(&address, slot)| {
                below = slot.as_ref().or(below);
                let symbol = below.filter(|symbol| {
                    is_code(symbol.kind)
                        && address - symbol.start < MAX_REACH
                        && !matches!(&symbol.name[..], b"_etext" | b"_einittext")
                })?;
                let module = (!symbol.module.is_empty()).then(|| text(&symbol.module));
                Some(Ksym { start: symbol.start, name: text(&symbol.name), module })
            })
            .collect();
        Ksyms { symbols, hidden: self.hidden }
    }
}

fn is_code(kind: u8) -> bool {
    matches!(kind, b't' | b'T' | b'w' | b'W' | b'i')
}

/// The rank of a symbol among those at one address: global before weak before local functions before data.
fn rank(kind: u8) -> u8 {
    match kind {
        b'T' => 0,
        b'W' | b'w' => 1,
        b't' | b'i' => 2,
        _ => 3,
    }
}

/// Parses `ADDRESS KIND NAME[\t[MODULE]]`.
fn parse(line: &[u8]) -> Option<(u64, u8, &[u8], &[u8])> {
    let (start, rest) = lines::hex(line)?;
    let [b' ', kind, b' ', rest @ ..] = rest else { return None };
    let (name, module) = match rest.iter().position(|&byte| byte == b'\t') {
        Some(tab) => (&rest[..tab], rest[tab + 1..].trim_ascii()),
        None => (rest, &b""[..]),
    };
    let module = module.strip_prefix(b"[").and_then(|module| module.strip_suffix(b"]"));
    (!name.is_empty()).then_some((start, *kind, name, module.unwrap_or_default()))
}
