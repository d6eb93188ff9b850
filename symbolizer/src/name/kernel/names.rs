//! Names of kernel code: the kernel, its modules, BPF programs.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;

use blazesym::MaybeDefault;
use blazesym::symbolize::{self, CodeInfo, Input, Symbolizer};

use super::kallsyms::{self, Ksym, Ksyms};
use crate::Reason;
use crate::name::reopen::fd_path;
use crate::name::{Line, Named, Text, Texts, demangle, text};

/// Asks the running kernel for the text that it prints for each address, as in `function+0x10/0x40 [module]`. `None`:
/// it cannot.
pub type AskKernel = fn(&[u64]) -> Option<Vec<String>>;

/// The first bytes of the file, enough to see whether it shows addresses.
const HEAD: usize = 4096;
/// The most addresses that the kernel is asked for. For more, reading all names costs less.
const MAX_ASKED: usize = 8192;

/// The names of sorted kernel addresses. The kernel is asked if it can be, and if it shows its addresses to this
/// process.
pub(crate) fn names(addresses: &[u64], ask: Option<AskKernel>, texts: &mut Texts) -> Vec<Named> {
    match symbols(addresses, ask) {
        Ok(found) if found.hidden => unnamed(addresses, Reason::KernelHidden),
        Ok(found) => named(addresses, &found.symbols, texts),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unnamed(addresses, Reason::KernelHidden)
        }
        Err(_) => unnamed(addresses, Reason::NoSymbol),
    }
}

fn symbols(addresses: &[u64], ask: Option<AskKernel>) -> io::Result<Ksyms> {
    let mut file = File::open("/proc/kallsyms")?;
    let ask = ask.filter(|_| addresses.len() <= MAX_ASKED);
    if let Some(ask) = ask {
        let mut head = vec![0; HEAD];
        let read = file.read(&mut head)?;
        if !kallsyms::shows_addresses(&head[..read]) {
            return Ok(Ksyms { symbols: vec![None; addresses.len()], hidden: true });
        }
        if let Some(printed) = ask(addresses).filter(|printed| printed.len() == addresses.len()) {
            let symbols = printed.iter().zip(addresses);
            let symbols =
                symbols.map(|(text, &address)| kallsyms::printed(text, address)).collect();
            return Ok(Ksyms { symbols, hidden: false });
        }
        file.rewind()?;
    }
    kallsyms::symbols(|buffer| file.read(buffer), addresses)
}

fn unnamed(addresses: &[u64], reason: Reason) -> Vec<Named> {
    let named = Named::nameless("[kernel]", reason);
    vec![named; addresses.len()]
}

fn named(addresses: &[u64], symbols: &[Option<Ksym>], texts: &mut Texts) -> Vec<Named> {
    let mut named: Vec<Named> = symbols.iter().map(|symbol| name(symbol, texts)).collect();
    let programs: Vec<(usize, u64, &Ksym)> = symbols
        .iter()
        .zip(addresses)
        .enumerate()
        .filter_map(|(index, (symbol, &address))| {
            symbol.as_ref().filter(|symbol| program(symbol).is_some()).map(|s| (index, address, s))
        })
        .collect();
    if !programs.is_empty() {
        for ((index, _, _), line) in programs.iter().zip(program_lines(&programs)) {
            if let (Some((file, number)), Some(own)) = (line, named[*index].lines.first_mut()) {
                (own.file, own.line) = (texts.keep(&file), number);
            }
        }
    }
    named
}

/// The name that is shown for a symbol.
pub(crate) fn name(symbol: &Option<Ksym>, texts: &mut Texts) -> Named {
    let Some(symbol) = symbol else { return Named::nameless("[kernel]", Reason::NoSymbol) };
    let (name, module) = match (program(symbol), &symbol.module) {
        (Some(name), _) => (name, "[bpf]".to_owned()),
        (None, Some(module)) => (&symbol.name[..], format!("[{module}]")),
        (None, None) => (&symbol.name[..], "[kernel]".to_owned()),
    };
    let line = Line {
        name: texts.keep(&demangle(name)),
        system_name: texts.keep(&symbol.name),
        file: Text::default(),
        ..Line::default()
    };
    Named { lines: vec![line], module, reason: None }
}

/// The name of a BPF program from that of its code, `bpf_prog_<tag>[_<name>]`.
fn program(symbol: &Ksym) -> Option<&str> {
    if symbol.module.as_deref() != Some("bpf") {
        return None;
    }
    let rest = symbol.name.strip_prefix("bpf_prog_")?;
    let (tag, name) = rest.split_once('_').unwrap_or((rest, ""));
    if tag.len() != 16 || !tag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(if name.is_empty() { &symbol.name } else { name })
}

/// Source lines of BPF programs, from the BTF that the kernel kept. blazesym asks the kernel. It gets only the programs' symbols, so
/// that it does not read the whole table.
fn program_lines(programs: &[(usize, u64, &Ksym)]) -> Vec<Option<(String, u32)>> {
    let lines = || -> Option<Vec<Option<(String, u32)>>> {
        let memory = rustix::fs::memfd_create("kallsyms", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
        let mut file = File::from(memory);
        for (_, _, symbol) in programs {
            writeln!(file, "{:016x} t {}\t[bpf]", symbol.start, symbol.name).ok()?;
        }
        let source = symbolize::source::Kernel {
            kallsyms: MaybeDefault::Some(fd_path(&file)),
            vmlinux: MaybeDefault::None,
            ..Default::default()
        };
        let addresses: Vec<u64> = programs.iter().map(|&(_, address, _)| address).collect();
        let symbolizer = Symbolizer::builder().enable_demangling(false).build();
        let found = symbolizer.symbolize(&source.into(), Input::AbsAddr(&addresses)).ok()?;
        Some(found.into_iter().map(|symbol| position(&*symbol.into_sym()?.code_info?)).collect())
    };
    lines().unwrap_or_else(|| vec![None; programs.len()])
}

/// The path and the line of a place in the source.
fn position(info: &CodeInfo<'_>) -> Option<(String, u32)> {
    let file = text(info.to_path().as_os_str().as_bytes());
    Some((file, info.line.unwrap_or(0)))
}
