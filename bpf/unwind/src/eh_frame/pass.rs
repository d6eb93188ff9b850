//! One reading of a section, from its begin to its end.

use std::ops::Range;
use std::rc::Rc;

use gimli::{
    BaseAddresses, CallFrameInstruction, CommonInformationEntry, Error, FrameDescriptionEntry,
    UnwindOffset, UnwindSection,
};

use super::columns::{Columns, Common, Row};
use super::entries::{Entries, Entry};
use super::express::express;
use super::section::{Bytes, Figures, FrameRules, Frames, Stopped};
use crate::rule::{Compact, Unsupported};
use crate::table::{Code, Source};

/// Common entries that are kept; most files have fewer than ten.
const MOST_COMMON: usize = 64;
/// Work that reading a common entry is at least, in bytes.
const LEAST_WORK: u64 = 16;
/// The bytes of common entries that may be read in addition to the section's size: several functions may refer to parts of one entry.
const MORE_WORK: u64 = 4096;

/// The rules of a section's entries that lie in the code.
pub(super) fn read<'a, S: UnwindSection<Bytes<'a>>>(
    frames: &Frames<'a>,
    section: &S,
    code: &Code,
) -> FrameRules {
    let bases = frames.bases();
    let pass = |spare| Pass {
        frames,
        section,
        bases: &bases,
        code,
        spare,
        work: frames.bytes.len() as u64 + MORE_WORK,
        commons: Vec::new(),
        remembered: Vec::new(),
        source: Source::new(code),
        figures: Figures::default(),
    };
    // Few files have rules that build on the spare register; only those pay for its column.
    let mut first = pass(false);
    if first.run() {
        return first.close();
    }
    let mut second = pass(true);
    second.run();
    second.close()
}

/// The reason why an entry was not read to its end.
enum Fault {
    Malformed(Error),
    Stopped(Stopped),
    /// The section must be read again, with the spare register.
    NeedsSpare,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Malformed(error)
    }
}

type Cie<'a> = CommonInformationEntry<Bytes<'a>>;
type Fde<'a> = FrameDescriptionEntry<Bytes<'a>>;

/// A common entry and its content.
struct Known<'a> {
    entry: Cie<'a>,
    common: Common,
}

struct Pass<'p, 'a, S> {
    frames: &'p Frames<'a>,
    section: &'p S,
    bases: &'p BaseAddresses,
    code: &'p Code,
    spare: bool,
    /// Bytes of common entries that may still be read.
    work: u64,
    /// Common entries and their offsets; what is malformed stays so.
    commons: Vec<(usize, Result<Rc<Known<'a>>, Error>)>,
    /// Room for the rows that a function remembers.
    remembered: Vec<Row>,
    source: Source,
    figures: Figures,
}

impl<'a, S: UnwindSection<Bytes<'a>>> Pass<'_, 'a, S> {
    /// Reads all entries; `false` if the spare register is needed for that.
    fn run(&mut self) -> bool {
        self.source.reserve(self.frames.bytes.len());
        for entry in Entries::new(self.frames.bytes, self.frames.kind) {
            let read = match entry {
                Entry::Common | Entry::Zero => continue,
                Entry::CutOff => Err(Fault::Stopped(Stopped::CutOff)),
                Entry::Function(offset) => self.function(offset),
            };
            match read {
                Ok(()) => {}
                Err(Fault::Malformed(error)) => {
                    self.figures.malformed += 1;
                    self.figures.wrong.get_or_insert(error);
                }
                Err(Fault::Stopped(why)) => {
                    self.figures.stopped = Some(why);
                    break;
                }
                Err(Fault::NeedsSpare) => return false,
            }
        }
        true
    }

    fn close(self) -> FrameRules {
        FrameRules { source: self.source, figures: self.figures }
    }

    fn function(&mut self, offset: usize) -> Result<(), Fault> {
        let partial = self.section.partial_fde_from_offset(self.bases, offset.into())?;
        let known = self.known(UnwindOffset::into(partial.cie_offset()))?;
        let entry = partial.parse(|_, _, _| Ok(known.entry.clone()))?;
        let code = self.code;
        let mut elsewhere = true;
        for part in code.within(entry.initial_address()..entry.end_address()) {
            elsewhere = false;
            self.source.begin();
            let mut remembered = std::mem::take(&mut self.remembered);
            let followed = self.follow(&entry, &known.common, part, &mut remembered);
            self.remembered = remembered;
            self.source.end();
            followed?;
        }
        self.figures.read += u64::from(!elsewhere);
        self.figures.elsewhere += u64::from(elsewhere);
        if self.source.is_full() { Err(Fault::Stopped(Stopped::TooManyRows)) } else { Ok(()) }
    }

    /// The common entry at an offset; most often it is the last one.
    fn known(&mut self, offset: usize) -> Result<Rc<Known<'a>>, Fault> {
        if let Some((_, known)) = self.commons.iter().rev().find(|(at, _)| *at == offset) {
            return Ok(known.clone()?);
        }
        let known = match self.read_common(offset) {
            Ok(known) => Ok(Rc::new(known)),
            Err(Fault::Malformed(error)) => Err(error),
            Err(fault) => return Err(fault),
        };
        if self.commons.len() >= MOST_COMMON {
            self.commons.clear();
        }
        self.commons.push((offset, known.clone()));
        Ok(known?)
    }

    fn read_common(&mut self, offset: usize) -> Result<Known<'a>, Fault> {
        let entry = self.section.cie_from_offset(self.bases, offset.into())?;
        let work = (entry.entry_len() as u64).saturating_add(LEAST_WORK);
        self.work = self.work.checked_sub(work).ok_or(Fault::Stopped(Stopped::TooMuchWork))?;
        let blank = Common {
            initial: Row::BLANK,
            return_address: entry.return_address_register(),
            code_alignment: entry.code_alignment_factor(),
            data_alignment: entry.data_alignment_factor(),
            signal: entry.is_signal_trampoline(),
        };
        let mut columns = Columns::new(&blank, self.frames.bytes, &mut self.remembered);
        let mut instructions = entry.instructions(self.section, self.bases);
        while let Some(instruction) = instructions.next()? {
            columns.apply(&instruction)?;
        }
        let common = Common { initial: columns.row, ..blank };
        Ok(Known { entry, common })
    }

    /// Follows a function's instructions, and adds its rules in a part of the code that it covers. From a malformed
    /// instruction on, that is the rule.
    fn follow(
        &mut self,
        entry: &Fde<'a>,
        common: &Common,
        part: Range<u64>,
        remembered: &mut Vec<Row>,
    ) -> Result<(), Fault> {
        let mut columns = Columns::new(common, self.frames.bytes, remembered);
        let mut instructions = entry.instructions(self.section, self.bases);
        let mut at = entry.initial_address();
        while at < part.end {
            let next = Self::advance(&mut columns, &mut instructions, at);
            let until = *next.as_ref().unwrap_or(&part.end);
            let range = at.max(part.start)..until.min(part.end);
            at = until;
            if range.start < range.end {
                match next {
                    Ok(_) => self.row(&columns.row, common, range)?,
                    Err(_) => self.source.row(range, Compact::unsupported(Unsupported::Malformed)),
                }
            }
            next?;
        }
        Ok(())
    }

    /// Runs instructions up to one that moves the location beyond `at`; where to.
    fn advance(
        columns: &mut Columns<'_>,
        instructions: &mut gimli::CallFrameInstructionIter<'_, Bytes<'a>>,
        at: u64,
    ) -> Result<u64, Error> {
        // Instructions are looked at where they are: moving each costs a fifth of the time.
        loop {
            let next = match &instructions.next() {
                Ok(Some(CallFrameInstruction::AdvanceLoc { delta })) => {
                    let delta = u64::from(*delta).wrapping_mul(columns.common.code_alignment);
                    at.checked_add(delta).ok_or(Error::AddressOverflow)?
                }
                Ok(Some(CallFrameInstruction::SetLoc { address })) if *address < at => {
                    return Err(Error::InvalidCfiSetLoc(*address));
                }
                Ok(Some(CallFrameInstruction::SetLoc { address })) => *address,
                Ok(Some(other)) => {
                    columns.apply(other)?;
                    continue;
                }
                Ok(None) => return Ok(u64::MAX),
                Err(error) => return Err(*error),
            };
            if next > at {
                return Ok(next);
            }
        }
    }

    fn row(&mut self, row: &Row, common: &Common, range: Range<u64>) -> Result<(), Fault> {
        if !self.spare && row.needs_spare() {
            return Err(Fault::NeedsSpare);
        }
        let expressed = express(row, common.signal, self.spare);
        if expressed.lost_frame_pointer {
            self.figures.lost_frame_pointer += range.end - range.start;
        }
        self.source.row(range, expressed.rule);
        Ok(())
    }
}
