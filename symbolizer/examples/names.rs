//! Names addresses of a file: `names FILE [ADDRESS…]`, or `names FILE -n COUNT` for addresses spread over its
//! code; `names -k COUNT` for the kernel's. Prints one line an address on stdout, and the time on stderr.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::fs::{self, File};
use std::time::Instant;

use elf::{Bytes, Image};
use symbolizer::serve::Server;
use symbolizer::{LocalSymbolizer, MappedFile, NameOptions, Named, Place, ProcessTable, Symbolize};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut symbolizer = LocalSymbolizer::new(NameOptions::default(), Server::default());
    let start = Instant::now();
    let (addresses, names) = match &arguments[..] {
        [flag, count] if flag == "-k" => {
            let addresses = kernel(count.parse()?)?;
            let places: Vec<Place> =
                addresses.iter().map(|&address| Place::Kernel { address }).collect();
            let start = Instant::now();
            let names = symbolizer.names(&ProcessTable::without_proc(), &places);
            eprintln!("kernel: {:?}", start.elapsed());
            (addresses, names)
        }
        [path, rest @ ..] => {
            let handle = File::open(path)?;
            let addresses = match rest {
                [flag, count] if flag == "-n" => spread(&handle, count.parse()?)?,
                _ => rest
                    .iter()
                    .map(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16))
                    .collect::<Result<_, _>>()?,
            };
            let file = mapped(path, handle);
            let start = Instant::now();
            let names = symbolizer.file(&file, &addresses);
            eprintln!("file: {:?}", start.elapsed());
            (addresses, names)
        }
        [] => return Err("which file?".into()),
    };
    eprintln!("all: {:?}, warnings {:?}", start.elapsed(), symbolizer.warnings());
    for (address, named) in addresses.iter().zip(&names) {
        print(*address, named);
    }
    Ok(())
}

fn mapped(path: &str, handle: File) -> MappedFile {
    let build_id = Image::parse(Bytes::File(&handle)).ok().and_then(|image| image.build_id());
    MappedFile {
        path: path.as_bytes().to_vec(),
        handle: Some(std::sync::Arc::new(handle)),
        reason: None,
        build_id,
        segments: Vec::new(),
        root: None,
    }
}

fn spread(handle: &File, count: u64) -> Result<Vec<u64>, Box<dyn Error>> {
    let image = Image::parse(Bytes::File(handle))?;
    let text = image.section(".text").ok_or("no .text")?;
    Ok((0..count).map(|index| text.address + text.size / count * index).collect())
}

fn kernel(count: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/kallsyms")?;
    let all: Vec<u64> = text
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split(' ').next()?, 16).ok())
        .collect();
    Ok(all.iter().step_by((all.len() / count.max(1)).max(1)).map(|address| address + 4).collect())
}

fn print(address: u64, named: &Named) {
    let lines: Vec<String> = named
        .lines
        .iter()
        .map(|line| {
            let inlined = if line.inlined { " (inlined)" } else { "" };
            format!("{} {}:{}{inlined}", line.name, line.file, line.line)
        })
        .collect();
    println!("{address:#x} {} {:?} {}", named.module, named.reason, lines.join(" < "));
}
