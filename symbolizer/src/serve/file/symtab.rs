//! ELF symbol tables in one pass: the table is read once, in pieces, for all wanted addresses. Nothing is sorted, and only the names of
//! the result are read.

use crate::name::{Named, Text, Texts, text};
use crate::place::Reason;
use elf::{Bytes, Image, SHT_NOBITS, Section, SymbolKind};

/// The most bytes of a table that are read.
const MAX_TABLE: u64 = 512 << 20;
/// The most steps of work on overlapping symbols.
const MAX_STEPS: u64 = 1 << 24;
/// The most names of one address that are compared.
const MAX_ALIASES: usize = 8;

/// A function symbol that covers an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// First address.
    pub start: u64,
    /// Size in bytes; 0 if the table does not state it.
    pub size: u64,
    /// Its name in the table, as text.
    pub name: Text,
}

/// The results of the pass so far: the addresses, and the best symbols for each.
#[derive(Debug)]
struct Pass<'a> {
    addresses: &'a [u64],
    /// Symbols with a size that cover the address and start nearest to it. They are aliases of one another.
    covering: Vec<Vec<elf::Symbol>>,
    /// Symbols without a size that start nearest below the address, and above the previous address.
    sizeless: Vec<Vec<elf::Symbol>>,
    /// The nearest start of any symbol below the address, and above the previous address.
    nearest: Vec<u64>,
    steps: u64,
}

/// The names of sorted offsets in a vDSO.
pub(crate) fn vdso(bytes: &[u8], offsets: &[u64], texts: &mut Texts) -> Vec<Named> {
    let name = |name| Named::in_module("[vdso]", name, Reason::NoSymbol);
    let Ok(image) = Image::parse(Bytes::Memory(bytes)) else {
        return offsets.iter().map(|_| name(None)).collect();
    };
    let symbols = symbols(&image, ".dynsym", offsets, texts);
    symbols.into_iter().map(|symbol| name(symbol.map(|symbol| symbol.name))).collect()
}

/// The symbol of `table` (`.symtab` or `.dynsym`) for each of the sorted addresses. A symbol without a size covers
/// everything before the next symbol of its section. The caller limits it further.
pub fn symbols(
    image: &Image<'_>,
    table: &str,
    addresses: &[u64],
    texts: &mut Texts,
) -> Vec<Option<Symbol>> {
    let mut found = vec![None; addresses.len()];
    let Some(section) = image.section(table).filter(|section| section.kind != SHT_NOBITS) else {
        return found;
    };
    let mut pass = Pass::new(addresses);
    image.symbols(section, MAX_TABLE).filter(may_be_code).for_each(|symbol| pass.take(symbol));
    let mut last = (Vec::new(), None);
    for (slot, entries) in found.iter_mut().zip(pass.finish(image)) {
        if last.0 != entries {
            last = (entries.clone(), best_name(image, section, &entries, texts));
        }
        slot.clone_from(&last.1);
    }
    found
}

/// Whether a symbol may be code: it has no type, or is a function or an indirect function; it is defined and not
/// absolute.
fn may_be_code(symbol: &elf::Symbol) -> bool {
    symbol.kind != SymbolKind::Other && symbol.is_defined()
}

/// Whether the table calls the symbol a function.
fn is_function(symbol: &elf::Symbol) -> bool {
    symbol.kind != SymbolKind::None
}

impl<'a> Pass<'a> {
    fn new(addresses: &'a [u64]) -> Self {
        let none = vec![Vec::new(); addresses.len()];
        Self {
            addresses,
            covering: none.clone(),
            sizeless: none,
            nearest: vec![0; addresses.len()],
            steps: 0,
        }
    }

    fn take(&mut self, entry: elf::Symbol) {
        let first = self.addresses.partition_point(|&address| address < entry.address);
        let Some(&address) = self.addresses.get(first) else { return };
        if is_function(&entry) || entry.size == 0 {
            self.nearest[first] = self.nearest[first].max(entry.address);
        }
        if entry.size == 0 {
            prefer(&mut self.sizeless[first], entry);
            return;
        }
        let end = entry.address.saturating_add(entry.size);
        if address >= end {
            return;
        }
        let last = first + self.addresses[first..].partition_point(|&address| address < end);
        for slot in &mut self.covering[first..last] {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return;
            }
            prefer(slot, entry);
        }
    }

    /// The symbols for each address: those with a size; otherwise those without, if no other symbol is in between.
    fn finish(self, image: &Image<'_>) -> Vec<Vec<elf::Symbol>> {
        let mut nearest = 0;
        let mut below: Vec<elf::Symbol> = Vec::new();
        let mut found = Vec::with_capacity(self.addresses.len());
        for (index, covering) in self.covering.into_iter().enumerate() {
            nearest = nearest.max(self.nearest[index]);
            for entry in &self.sizeless[index] {
                prefer(&mut below, *entry);
            }
            if !covering.is_empty() {
                found.push(covering);
                continue;
            }
            let address = self.addresses[index];
            let same_section = below.first().is_some_and(|entry| {
                entry.address == nearest
                    && image.code(address).is_some_and(|code| code.address <= entry.address)
            });
            found.push(if same_section { below.clone() } else { Vec::new() });
        }
        found
    }
}

/// Keeps the innermost symbols: greatest start, then functions before labels, then the smallest size.
fn prefer(slot: &mut Vec<elf::Symbol>, entry: elf::Symbol) {
    let rank =
        |entry: &elf::Symbol| (entry.address, is_function(entry), std::cmp::Reverse(entry.size));
    match slot.first().map(|first| rank(&entry).cmp(&rank(first))) {
        None | Some(std::cmp::Ordering::Greater) => *slot = vec![entry],
        Some(std::cmp::Ordering::Equal) if slot.len() < MAX_ALIASES => slot.push(entry),
        _ => {}
    }
}

/// The plainest of the names of one function: global before weak before local; then fewer leading underscores; then the
/// shorter name; then alphabetical order.
fn best_name(
    image: &Image<'_>,
    table: &Section,
    entries: &[elf::Symbol],
    texts: &mut Texts,
) -> Option<Symbol> {
    let named = entries.iter().filter_map(|entry| {
        let name = image.symbol_name(table, entry)?;
        let underscores = name.iter().take_while(|&&byte| byte == b'_').count();
        // The first one or two underscores of a mangled name mean nothing.
        let underscores =
            if name.starts_with(b"_Z") || name.starts_with(b"_R") { 0 } else { underscores };
        Some(((entry.binding, underscores, name.len(), name), entry))
    });
    let ((_, _, _, name), entry) = named.min_by(|(left, _), (right, _)| left.cmp(right))?;
    Some(Symbol { start: entry.address, size: entry.size, name: texts.keep(&text(&name)) })
}
