//! Names addresses in the code that a process's runtime made: `functions PID FILE`, where FILE is the runtime's mapped file, with one
//! hexadecimal address a line on stdin. An address lies inside of an instruction: for a return address it is one less. Prints one line
//! an address on stdout, its functions innermost first, and the time on stderr.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead};
use std::os::unix::fs::FileExt;
use std::time::Instant;
use symbolizer::Runtime;
use symbolizer::runtime::{Function, Memory, Running};

struct Process(File);

impl Memory for Process {
    fn fill(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.0.read_exact_at(bytes, address).is_ok()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [pid, file] = &std::env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("functions PID FILE".into());
    };
    let runtime = Runtime::of_file(file.as_bytes()).ok_or("no runtime's file")?;
    let reader = runtime.reader().ok_or("no reader")?;
    let memory = Process(File::open(format!("/proc/{pid}/mem"))?);
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps.lines().find(|line| line.ends_with(file.as_str())).ok_or("not mapped")?;
    let image = u64::from_str_radix(line.split('-').next().unwrap_or(""), 16)?;
    let addresses: Vec<u64> = io::stdin()
        .lock()
        .lines()
        .map(|line| Ok(u64::from_str_radix(line?.trim().trim_start_matches("0x"), 16)?))
        .collect::<Result<_, Box<dyn Error>>>()?;
    let start = Instant::now();
    // As many at once as a recording asks for.
    let process = Running { memory: &memory, image };
    let found = addresses.chunks(512).flat_map(|addresses| reader.code(&process, addresses));
    let found: Vec<_> = found.collect();
    eprintln!("{} addresses: {:?}", addresses.len(), start.elapsed());
    for (address, found) in addresses.iter().zip(found) {
        let text = match found {
            Ok(functions) => functions.iter().map(written).collect::<Vec<_>>().join("\t"),
            Err(reason) => format!("[{}]", reason.phrase()),
        };
        println!("{address:x}\t{text}");
    }
    Ok(())
}

fn written(function: &Function) -> String {
    let Function { name, file, start, line, approximate, .. } = function;
    format!("{}{name} {file}:{start}:{line}", if *approximate { "~" } else { "" })
}
