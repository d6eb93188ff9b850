//! The text of such a file.
//!
//! One item a line. All numbers are hexadecimal, except counts. A repeated line is written once, with `* COUNT` at the end.

use super::{Found, Golden, Known, Mapping};
use crate::native::{Registers, Snapshot};
use crate::sampler::{SpaceName, Unwind};
use crate::unwind::rule::Compact;
use crate::{Flags, Trust};
use std::fmt;
use std::str::FromStr;

/// The bytes of memory in a line.
const BYTES: usize = 32;
const WAYS: [(Unwind, &str); 3] =
    [(Unwind::Auto, "auto"), (Unwind::Rules, "dwarf"), (Unwind::FramePointers, "fp")];
const TRUSTS: [(Trust, &str); 5] = [
    (Trust::Context, "context"),
    (Trust::Rule, "rule"),
    (Trust::Synthesised, "synthesised"),
    (Trust::FramePointer, "frame-pointer"),
    (Trust::Guessed, "guessed"),
];

/// The name of a value, from a list of all values.
fn name_of<T: PartialEq>(all: &[(T, &'static str)], value: &T) -> &'static str {
    all.iter().find(|(one, _)| one == value).map_or("", |(_, name)| name)
}

impl fmt::Display for Golden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { process, parent, registers, memory, returns, unwind, guess, .. } =
            &self.snapshot;
        writeln!(
            f,
            "unwind {} {}",
            name_of(&WAYS, unwind),
            if *guess { "guess" } else { "no-guess" }
        )?;
        writeln!(f, "process {:x} {:x} {:x}", process.pid, process.start, parent.unwrap_or(0))?;
        let Registers { ip, sp, fp, spare, realign } = registers;
        writeln!(f, "registers {ip:x} {sp:x} {fp:x} {spare:x} {realign:x}")?;
        for (stack, original) in returns {
            writeln!(f, "returns {stack:x} {original:x}")?;
        }
        for Mapping { range, known } in &self.mappings {
            let (what, rules) = match known {
                Known::Rules(rules) => ("rules", &rules[..]),
                Known::NoRules => ("no-rules", &[][..]),
                Known::Made => ("made", &[][..]),
                Known::Nothing => ("nothing", &[][..]),
            };
            writeln!(f, "mapping {:x} {:x} {what}", range.start, range.end)?;
            for (range, rule) in rules {
                writeln!(f, "rule {:x} {:x} {:x}", range.start, range.end, rule.0)?;
            }
        }
        for (start, bytes) in memory {
            writeln!(f, "memory {start:x}")?;
            let hex = |bytes: &[u8]| -> String {
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            };
            repeated(f, bytes.chunks(BYTES).map(|bytes| format!("bytes {}", hex(bytes))))?;
        }
        writeln!(f, "flags {:x}", self.flags.0)?;
        let frame = |Found { address, trust, name }: &Found| {
            format!("frame {address:x} {} {name}", name_of(&TRUSTS, trust))
        };
        repeated(f, self.frames.iter().map(frame))
    }
}

/// Writes lines. Equal lines that follow one another are written once.
fn repeated(f: &mut fmt::Formatter<'_>, lines: impl Iterator<Item = String>) -> fmt::Result {
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        let mut count = 1;
        while lines.next_if_eq(&line).is_some() {
            count += 1;
        }
        match count {
            1 => writeln!(f, "{line}")?,
            _ => writeln!(f, "{line} * {count}")?,
        }
    }
    Ok(())
}

impl FromStr for Golden {
    type Err = String;

    /// Parses such a text. An error names the line.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut golden = Self {
            snapshot: Snapshot::of(SpaceName { pid: 0, start: 0 }),
            mappings: Vec::new(),
            flags: Flags(0),
            frames: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let (line, count) = match line.split_once(" * ") {
                Some((line, count)) => (line, count.parse().ok()),
                None => (line, Some(1)),
            };
            let words: Vec<&str> = line.split(' ').collect();
            count
                .and_then(|count| golden.read(&words, count))
                .ok_or_else(|| format!("line {}: {line}", number + 1))?;
        }
        Ok(golden)
    }
}

impl Golden {
    fn read(&mut self, words: &[&str], count: usize) -> Option<()> {
        let number = |at: usize| u64::from_str_radix(words.get(at)?, 16).ok();
        let snapshot = &mut self.snapshot;
        match *words.first()? {
            "unwind" => {
                snapshot.unwind = WAYS.iter().find(|(_, name)| words.get(1) == Some(name))?.0;
                snapshot.guess = *words.get(2)? == "guess";
            }
            "process" => {
                snapshot.process = SpaceName { pid: number(1)? as u32, start: number(2)? as u32 };
                snapshot.parent = number(3).filter(|pid| *pid != 0).map(|pid| pid as u32);
            }
            "registers" => {
                let [ip, sp, fp, spare, realign] =
                    [number(1)?, number(2)?, number(3)?, number(4)?, number(5)?];
                snapshot.registers = Registers { ip, sp, fp, spare, realign };
            }
            "returns" => snapshot.returns.push((number(1)?, number(2)?)),
            "mapping" => {
                let known = match *words.get(3)? {
                    "rules" => Known::Rules(Vec::new()),
                    "no-rules" => Known::NoRules,
                    "made" => Known::Made,
                    _ => Known::Nothing,
                };
                self.mappings.push(Mapping { range: number(1)?..number(2)?, known });
            }
            "rule" => {
                let Known::Rules(rules) = &mut self.mappings.last_mut()?.known else { return None };
                rules.push((number(1)?..number(2)?, Compact(number(3)?)));
            }
            "memory" => snapshot.memory.push((number(1)?, Vec::new())),
            "bytes" => {
                let bytes: Vec<u8> = bytes(words.get(1)?)?;
                snapshot.memory.last_mut()?.1.extend(bytes.repeat(count));
            }
            "flags" => self.flags = Flags(number(1)? as u32),
            "frame" => {
                let trust = TRUSTS.iter().find(|(_, name)| words.get(2) == Some(name))?.0;
                let name = (*words.get(3)?).to_owned();
                let frame = Found { address: number(1)?, trust, name };
                self.frames.extend(std::iter::repeat_n(frame, count));
            }
            _ => return None,
        }
        Some(())
    }
}

/// Bytes from pairs of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}
