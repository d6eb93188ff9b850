//! Methods: their names, and the lines of their bytecode.

use super::super::reader::Function;
use super::class_name::readable;
use super::layout::{Field, Layout};
use super::method_check::{Checked, MethodCheck};
use super::reads::Reads;
use super::stream::{Form, Stream};
use super::words::Words;

/// The most bytes of a name in the virtual machine's memory.
const MOST_NAME: usize = 4 << 10;
/// The bytes of a method's table of lines that are read at first, and the most that are read.
const FEW_LINES: usize = 128;
const MOST_LINES: usize = 64 << 10;
/// In a pool of constants: the mark of a text.
const TEXT: u64 = 1;
const WORD: u64 = 8;
/// In a table of lines: the end, and an entry that does not fit into one byte.
const END: u8 = 0;
const LONG: u8 = 0xff;

/// The fields of methods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Methods {
    check: MethodCheck,
    code_size: Field,
    name: Field,
    flags: Field,
    /// The size of a method's constant part: the bytecode is behind it.
    head: u64,
    has_lines: u64,
    tags: Field,
    tag: Field,
    entries: u64,
    length: Field,
    file: File,
    text_length: Field,
    text: Field,
    /// `None`: the version is not known, and methods have no lines.
    form: Option<Form>,
}

/// The place of the index of a class's source file.
#[derive(Clone, Copy, Debug)]
enum File {
    OfClass(Field),
    OfPool(Field),
}

/// A method as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Method {
    /// What it was read from.
    pub(super) checked: Checked,
    name: String,
    file: String,
    code_size: i32,
    start: u32,
    /// The lines, each from a position of the bytecode on; sorted by position.
    lines: Vec<(i32, u32)>,
}

impl Methods {
    /// `None` if a version lacks some of the fields.
    pub(super) fn of(layout: &Layout, version: Option<i64>) -> Option<Self> {
        let field = |path| layout.field(path);
        let of_pool = field("ConstantPool::_source_file_name_index").map(File::OfPool);
        let of_class = || field("InstanceKlass::_source_file_name_index").map(File::OfClass);
        let has_lines = layout
            .constant("ConstMethod::_has_linenumber_table")
            .or(layout.constant("ConstMethodFlags::_misc_has_linenumber_table"))?;
        Some(Self {
            check: MethodCheck::of(layout)?,
            code_size: field("ConstMethod::_code_size")?,
            name: field("ConstMethod::_name_index")?,
            flags: field("ConstMethod::_flags").or(field("ConstMethod::_flags._flags"))?,
            head: layout.size("ConstMethod")?,
            has_lines: u64::try_from(has_lines).ok()?,
            tags: field("ConstantPool::_tags")?,
            tag: field("Array<u1>::_data")?,
            entries: layout.size("ConstantPool")?,
            length: field("ConstantPool::_length")?,
            file: of_pool.or_else(of_class)?,
            text_length: field("Symbol::_length")?,
            text: field("Symbol::_body")?,
            form: version.and_then(Form::of_version),
        })
    }

    /// The position in the bytecode at a number of bytes behind the start of the constant part.
    pub(super) fn position(&self, bytes: u32) -> Option<i32> {
        i32::try_from(u64::from(bytes).checked_sub(self.head)?).ok()
    }

    /// Whether the method at an address is this one now.
    pub(super) fn is_there(&self, reads: &Reads<'_>, address: u64, method: &Method) -> bool {
        self.check.read(&reads.fresh(), address) == Some(method.checked)
    }

    /// Reads a method; `None`: there is none at this address.
    pub(super) fn read(&self, reads: &Reads<'_>, address: u64) -> Option<Method> {
        let checked = self.check.read(reads, address)?;
        let Checked { constant, pool, holder, .. } = checked;
        let name = self.pool_text(reads, pool, self.name.count(reads, constant)?)?;
        let class = self.symbol(reads, checked.name)?;
        let file = match self.file {
            File::OfClass(field) => field.count(reads, holder),
            File::OfPool(field) => field.count(reads, pool),
        };
        let file = file.filter(|index| *index != 0);
        let file = file.and_then(|index| self.pool_text(reads, pool, index)).unwrap_or_default();
        let code_size = self.code_size.count(reads, constant)?;
        let mut lines = self.lines(reads, constant, code_size).unwrap_or_default();
        let start = lines.first().map_or(0, |(_, line)| *line);
        lines.sort_by_key(|(position, _)| *position);
        Some(Method {
            checked,
            name: format!("{}.{name}", readable(&class)),
            file,
            code_size: i32::try_from(code_size).ok()?,
            start,
            lines,
        })
    }

    /// A text of a pool of constants.
    fn pool_text(&self, reads: &Reads<'_>, pool: u64, index: u64) -> Option<String> {
        let inside = index > 0 && index < self.length.count(reads, pool)?;
        let tags = self.tags.address(reads, pool).filter(|_| inside)?;
        let tag = reads.number(tags.checked_add(self.tag.at)?.checked_add(index)?, 1)?;
        if tag != TEXT {
            return None;
        }
        let entry = pool.checked_add(self.entries)?.checked_add(index * WORD)?;
        self.symbol(reads, reads.word(entry)?)
    }

    fn symbol(&self, reads: &Reads<'_>, at: u64) -> Option<String> {
        let len = usize::try_from(self.text_length.count(reads, at)?).ok()?.min(MOST_NAME);
        let bytes = reads.bytes(at.checked_add(self.text.at)?, len)?;
        Some(String::from_utf8_lossy(&bytes).into_owned()).filter(|text| !text.is_empty())
    }

    /// The table of lines, which is behind the bytecode.
    fn lines(&self, reads: &Reads<'_>, constant: u64, code_size: u64) -> Option<Vec<(i32, u32)>> {
        let form = self.form?;
        if self.flags.count(reads, constant)? & self.has_lines == 0 {
            return None;
        }
        let at = constant.checked_add(self.head)?.checked_add(code_size)?;
        let mut len = FEW_LINES;
        loop {
            let lines = lines_in(reads, &reads.some_bytes(at, len), form);
            len *= 8;
            if lines.is_some() || len > MOST_LINES {
                return lines;
            }
        }
    }
}

/// The lines in these bytes; `None`: the table does not end there.
fn lines_in(reads: &Reads<'_>, bytes: &[u8], form: Form) -> Option<Vec<(i32, u32)>> {
    let mut stream = Stream::new(bytes, form);
    let (mut position, mut line, mut lines) = (0_i32, 0_i32, Vec::new());
    loop {
        let (further, lower) = match stream.byte()? {
            END => break,
            LONG => (stream.signed()?, stream.signed()?),
            both => (i32::from(both >> 3), i32::from(both & 7)),
        };
        (position, line) = (position.checked_add(further)?, line.checked_add(lower)?);
        reads.keep()?;
        lines.push((position, u32::try_from(line).ok()?));
    }
    Some(lines)
}

impl Method {
    /// The function at a position of the bytecode; `None`: not known.
    pub(super) fn function(&self, position: Option<i32>, approximate: bool) -> Function {
        let inside = position.filter(|position| (0..self.code_size).contains(position));
        Function {
            name: self.name.clone(),
            file: self.file.clone(),
            start: self.start,
            line: inside.map_or(0, |position| self.line(position)),
            approximate,
            ..Function::default()
        }
    }

    /// The line of the first entry at a position, else of the last one before it.
    fn line(&self, position: i32) -> u32 {
        let at = self.lines.partition_point(|(start, _)| *start < position);
        let exact = self.lines.get(at).filter(|(start, _)| *start == position);
        let before = || self.lines.get(at.checked_sub(1)?);
        exact.or_else(before).map_or(0, |(_, line)| *line)
    }
}
