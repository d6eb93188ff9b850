//! Names for the addresses of one file, each from the best source that has one.

use std::time::{Duration, Instant};

use elf::{Bytes, Image};

use super::debugfile::{self, DebugFile};
use super::frame::{Frame, bounded};
use super::plt;
use super::symtab::{self, Symbol};
use super::{dwarf, go};
use crate::name::ask::Files;
use crate::name::{Line, Named, Text, Texts, demangle, text};
use crate::{MappedFile, Reason};

/// The work on one file. Each step names the addresses that the earlier steps did not name.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    file: &'a MappedFile,
    image: &'a Image<'a>,
    no_inline: bool,
    /// The addresses, sorted, each once.
    addresses: &'a [u64],
    found: Vec<Option<Named>>,
    /// The place in the source, for addresses where DWARF has a place but no function.
    positions: Vec<Option<(Text, u32)>>,
    texts: &'a mut Texts,
    /// Whether there was a full symbol table.
    symbols: bool,
    /// The defects of the file and its debug files.
    pub warnings: Vec<&'static str>,
    /// Whether names are missing or poorer because time ran out or a server failed. Another attempt may find more.
    pub cut_short: bool,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        file: &'a MappedFile,
        image: &'a Image<'a>,
        addresses: &'a [u64],
        no_inline: bool,
        texts: &'a mut Texts,
    ) -> Self {
        let found = vec![None; addresses.len()];
        let positions = vec![None; addresses.len()];
        Self {
            file,
            image,
            no_inline,
            addresses,
            found,
            positions,
            texts,
            symbols: false,
            warnings: Vec::new(),
            cut_short: false,
        }
    }

    /// The names of all addresses, in their order. `time` is the time for DWARF; if there is none, it is not read.
    pub(crate) fn run(&mut self, files: &mut dyn Files, time: Duration) -> Vec<Named> {
        self.go();
        let debug = self.debug_file(files);
        let other = debug.as_ref().and_then(|debug| Image::parse(Bytes::File(&debug.file)).ok());
        self.dwarf(debug.as_ref(), other.as_ref(), time);
        self.linkage_names(other.as_ref());
        self.tables(other.as_ref());
        self.stubs();
        self.ranges();
        std::mem::take(&mut self.found).into_iter().flatten().collect()
    }

    /// The indices and addresses that have no name yet.
    fn pending(&self) -> (Vec<usize>, Vec<u64>) {
        let open = self.found.iter().zip(self.addresses).enumerate();
        open.filter(|(_, (found, _))| found.is_none()).map(|(index, (_, &at))| (index, at)).unzip()
    }

    fn go(&mut self) {
        let Some(names) = go::names(self.image, self.addresses, self.no_inline, self.texts) else {
            return;
        };
        self.symbols = true;
        for (slot, lines) in self.found.iter_mut().zip(names) {
            if !lines.is_empty() {
                *slot = Some(Named { lines, module: String::new(), reason: None });
            }
        }
    }

    /// The separate debug file, if the file itself has no DWARF.
    fn debug_file(&mut self, files: &mut dyn Files) -> Option<DebugFile> {
        if dwarf::present(self.image) || self.found.iter().all(Option::is_some) {
            return None;
        }
        let Ok(search) = debugfile::find(self.file, self.image, files) else {
            self.cut_short = true;
            return None;
        };
        if search.found.is_none() {
            self.warnings.extend(search.refused);
        }
        search.found
    }

    fn dwarf(&mut self, debug: Option<&DebugFile>, other: Option<&Image<'_>>, time: Duration) {
        let (indices, addresses) = self.pending();
        let source = match (debug, other, self.image.bytes()) {
            (Some(debug), Some(other), _) => (&debug.file, other, debug.ours),
            (_, _, Bytes::File(file)) => (file, self.image, false),
            _ => return,
        };
        if addresses.is_empty() || !dwarf::present(source.1) || time.is_zero() {
            return;
        }
        let (file, image, ours) = source;
        let end = Instant::now() + time.min(dwarf::share(image));
        let found = dwarf::names(file, image, ours, &addresses, self.no_inline, end, self.texts);
        self.cut_short |= Instant::now() > end;
        match found {
            Ok(found) => {
                for (index, found) in indices.into_iter().zip(found) {
                    self.take_dwarf(index, found);
                }
            }
            Err(what) => self.warnings.push(what),
        }
    }

    fn take_dwarf(&mut self, index: usize, found: Option<dwarf::Found>) {
        let Some(found) = found else { return };
        if found.function {
            let named = Named { lines: found.lines, module: String::new(), reason: None };
            self.found[index] = Some(named);
        } else if let Some(line) = found.lines.last().filter(|line| !line.file.is_empty()) {
            self.positions[index] = Some((line.file.clone(), line.line));
        }
    }

    /// Replaces a function's short name by the symbol's mangled name, if DWARF has only the short one (as with line
    /// tables alone).
    fn linkage_names(&mut self, other: Option<&Image<'_>>) {
        let mangled = |name: &str| name.starts_with("_Z") || name.starts_with("_R");
        let short =
            |named: &Named| named.lines.last().is_some_and(|line| !mangled(&line.system_name));
        let (indices, addresses): (Vec<usize>, Vec<u64>) = self
            .found
            .iter()
            .zip(self.addresses)
            .enumerate()
            .filter(|(_, (found, _))| found.as_ref().is_some_and(short))
            .map(|(index, (_, &address))| (index, address))
            .unzip();
        let image = other.filter(|other| other.has(".symtab")).unwrap_or(self.image);
        if indices.is_empty() || !image.has(".symtab") {
            return;
        }
        for (index, symbol) in
            indices.into_iter().zip(symtab::symbols(image, ".symtab", &addresses, self.texts))
        {
            let Some(name) = symbol.filter(|symbol| symbol.size > 0).map(|s| s.name) else {
                continue;
            };
            let outer = self.found[index].as_mut().and_then(|named| named.lines.last_mut());
            if let Some(line) = outer.filter(|_| mangled(&name)) {
                (line.name, line.system_name) = (self.texts.keep(&demangle(&name)), name);
            }
        }
    }

    /// The symbol tables: that of the file, that of its debug file, the small one inside the file, the dynamic one.
    fn tables(&mut self, other: Option<&Image<'_>>) {
        self.table(self.image, ".symtab");
        if let Some(other) = other {
            self.table(other, ".symtab");
        }
        if !self.symbols && !self.pending().0.is_empty() {
            match debugfile::mini(self.image) {
                Some(Ok(bytes)) => match Image::parse(Bytes::Memory(&bytes)) {
                    Ok(mini) => self.table(&mini, ".symtab"),
                    Err(_) => self.warnings.push(".gnu_debugdata is malformed or too large"),
                },
                Some(Err(what)) => self.warnings.push(what),
                None => {}
            }
        }
        self.table(self.image, ".dynsym");
    }

    fn table(&mut self, image: &Image<'_>, name: &str) {
        let (indices, addresses) = self.pending();
        self.symbols |= name == ".symtab" && image.has(name);
        if addresses.is_empty() || !image.has(name) {
            return;
        }
        let symbols = symtab::symbols(image, name, &addresses, self.texts);
        let sizeless = symbols.iter().flatten().any(|symbol| symbol.size == 0);
        let frame = if sizeless { Frame::read(self.image) } else { Frame::default() };
        let mut ranges = frame.ranges();
        for ((index, address), symbol) in indices.into_iter().zip(addresses).zip(symbols) {
            let Some(symbol) = symbol else { continue };
            // A symbol without a size ends where the next range of `.eh_frame` starts.
            if symbol.size == 0 {
                let range = bounded(ranges.find(address), self.image, self.file, address);
                if range.start > symbol.start {
                    continue;
                }
            }
            self.name(index, &symbol);
        }
    }

    fn name(&mut self, index: usize, symbol: &Symbol) {
        self.put(index, &demangle(&symbol.name), &symbol.name, None);
    }

    fn put(&mut self, index: usize, name: &str, system_name: &str, reason: Option<Reason>) {
        let (file, line) = self.positions[index].take().unwrap_or_default();
        let (name, system_name) = (self.texts.keep(name), self.texts.keep(system_name));
        let lines = vec![Line { name, system_name, file, line, ..Line::default() }];
        self.found[index] = Some(Named { lines, module: String::new(), reason });
    }

    /// The stubs of the procedure linkage table: `name@plt`.
    fn stubs(&mut self) {
        let (indices, addresses) = self.pending();
        for (index, address) in indices.into_iter().zip(addresses) {
            let Some(section) = self.image.code(address).filter(|s| s.name.starts_with(".plt"))
            else {
                continue;
            };
            let name = match plt::name(self.image, section, address) {
                Some(name) => format!("{}@plt", text(&name)),
                None => format!("{}+[plt]", base_name(&self.file.path)),
            };
            let shown = name.strip_suffix("@plt").map(|plain| format!("{}@plt", demangle(plain)));
            self.put(index, shown.as_deref().unwrap_or(&name), &name, None);
        }
    }

    /// Names the remaining addresses by the start of their code.
    fn ranges(&mut self) {
        let (indices, addresses) = self.pending();
        if indices.is_empty() {
            return;
        }
        let frame = Frame::read(self.image);
        let mut ranges = frame.ranges();
        let reason = if self.symbols { Reason::NoSymbol } else { Reason::Stripped };
        for (index, address) in indices.into_iter().zip(addresses) {
            let range = bounded(ranges.find(address), self.image, self.file, address);
            let name = format!("{}+{:#x}", base_name(&self.file.path), range.start);
            self.put(index, &name, &name, Some(reason));
        }
    }
}

/// The last part of a path, for use in names.
pub(crate) fn base_name(path: &[u8]) -> String {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    if name.is_empty() { "[file]".to_owned() } else { text(name) }
}
