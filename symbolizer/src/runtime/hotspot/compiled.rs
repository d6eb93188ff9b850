//! Compiled methods: the descriptions of their positions, and the methods that were inlined there.

use super::cache::Blob;
use super::layout::{Field, Layout};
use super::reads::Reads;
use super::stream::{Form, Stream};
use super::words::Words;
use std::ops::Range;

/// The size of a description of a position in bytes. It is the same in all versions that are known.
const DESCRIPTION: u64 = 16;
/// The most bytes of a method's descriptions, and of its scopes.
const MOST_BYTES: u64 = 64 << 20;
/// The most methods at one position.
const MOST_SCOPES: usize = 128;
/// The bytes of a scope that are read: three numbers.
const SCOPE: usize = 15;
/// What is added to the position in the bytecode, so that it is never negative.
const POSITION_BIAS: i64 = 1;

/// The fields of compiled methods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiled {
    method: Field,
    /// `None`: the version is not known, and a position has no more than its method.
    scopes: Option<Scopes>,
}

/// The places of the descriptions of a version that is known.
#[derive(Clone, Copy, Debug)]
struct Scopes {
    form: Form,
    places: Places,
    offset: Field,
    scope: Field,
}

/// The ways in which a compiled method gives the places of its tables.
#[derive(Clone, Copy, Debug)]
enum Places {
    /// JDK 8: offsets from its own address.
    Own { pcs: Field, pcs_end: Field, scopes: Field, scopes_end: Field, metadata: Field },
    /// JDK 9 to 22: the same, but the scopes have an address.
    Addressed { pcs: Field, pcs_end: Field, scopes: Field, metadata: Field },
    /// JDK 25: two other pieces of memory, one of which begins with relocations and goes on with metadata.
    Apart { data: Field, len: Field, pcs: Field, scopes: Field, mutable: Field, relocations: Field },
}

/// The tables of one compiled method.
#[derive(Clone, Debug)]
struct Tables {
    pcs: Range<u64>,
    scopes: Range<u64>,
    metadata: u64,
}

/// A method at a position in compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The address of the method.
    pub(super) method: u64,
    /// The position in its bytecode; `None`: not known.
    pub(super) position: Option<i32>,
}

/// The methods at a position, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) scopes: Vec<Scope>,
    /// Whether the code has no description of this very position.
    pub(super) approximate: bool,
}

impl Compiled {
    /// `None` if a version lacks the method's field.
    pub(super) fn of(layout: &Layout, version: Option<i64>) -> Option<Self> {
        let method = layout.field("nmethod::_method");
        let method = method.or(layout.field("CompiledMethod::_method"))?;
        Some(Self { method, scopes: version.and_then(|version| Scopes::of(layout, version)) })
    }

    /// Whether the tables of positions are known.
    pub(super) fn has_positions(&self) -> bool {
        self.scopes.is_some()
    }

    /// The methods at a position in a compiled method's code: that which the next instruction may return to.
    pub(super) fn position(
        &self,
        reads: &Reads<'_>,
        blob: &Blob,
        address: u64,
    ) -> Option<Position> {
        let method = self.method.address(reads, blob.at)?;
        let alone =
            |approximate| Position { scopes: vec![Scope { method, position: None }], approximate };
        if blob.name == "native nmethod" {
            return Some(alone(false));
        }
        let found = self.scopes.and_then(|known| {
            let tables = known.tables(reads, blob)?;
            let offset = i64::try_from(address.checked_sub(blob.code.start)?).ok()?;
            let (exact, scope) = known.described(reads, &tables, offset)?;
            Some((exact, known.chain(reads, &tables, scope)?))
        });
        // The outermost method must be the one that the code was made from.
        Some(match found {
            Some((exact, scopes)) if scopes.last().is_some_and(|last| last.method == method) => {
                Position { scopes, approximate: !exact }
            }
            Some((exact, scopes)) if scopes.is_empty() => alone(!exact),
            _ => alone(true),
        })
    }
}

impl Scopes {
    fn of(layout: &Layout, version: i64) -> Option<Self> {
        let form = Form::of_version(version)?;
        let field = |path| layout.field(path);
        layout.size("PcDesc").filter(|size| *size == DESCRIPTION)?;
        Some(Self {
            form,
            places: Places::of(layout)?,
            offset: field("PcDesc::_pc_offset")?,
            scope: field("PcDesc::_scope_decode_offset")?,
        })
    }

    fn tables(&self, reads: &Reads<'_>, blob: &Blob) -> Option<Tables> {
        let at = blob.at;
        let (tables, bounds) = self.places.tables(reads, at, blob.end)?;
        let fits = |range: &Range<u64>| {
            let inside = bounds.start <= range.start && range.end <= bounds.end;
            inside && range.start <= range.end && range.end - range.start <= MOST_BYTES
        };
        (fits(&tables.pcs) && fits(&tables.scopes)).then_some(tables)
    }

    /// The first description behind an instruction's first byte: whether it is that of the very next byte, as for an
    /// address that is one less than a return address, and its scope; 0: none.
    fn described(&self, reads: &Reads<'_>, tables: &Tables, offset: i64) -> Option<(bool, i64)> {
        let (mut low, mut high) = (0, (tables.pcs.end - tables.pcs.start) / DESCRIPTION);
        let place = |index: u64| tables.pcs.start + index * DESCRIPTION;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.offset.read(reads, place(middle))? > offset {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if place(low) >= tables.pcs.end {
            return None;
        }
        let exact = self.offset.read(reads, place(low))? == offset + 1;
        Some((exact, self.scope.read(reads, place(low))?))
    }

    /// The scopes from an offset in the table on.
    fn chain(&self, reads: &Reads<'_>, tables: &Tables, first: i64) -> Option<Vec<Scope>> {
        let mut scopes = Vec::new();
        let mut next = u64::try_from(first).ok()?;
        // A sender stands before those that it calls, so no chain comes back to where it was.
        while next != 0 && scopes.len() < MOST_SCOPES {
            let at = tables.scopes.start.checked_add(next)?;
            let left = usize::try_from(tables.scopes.end.checked_sub(at)?).ok()?;
            let bytes = reads.bytes(at, left.min(SCOPE))?;
            let mut stream = Stream::new(&bytes, self.form);
            let sender = u64::from(stream.number()?);
            let method = u64::from(stream.number()?).checked_sub(1)?;
            let position = i64::from(stream.number()?) - POSITION_BIAS;
            let method = reads.word(tables.metadata.checked_add(8 * method)?)?;
            // The entry of a method stands for its first bytecode.
            let position = i32::try_from(position.max(0)).ok();
            scopes.push(Scope { method, position });
            if sender >= next {
                return None;
            }
            next = sender;
        }
        Some(scopes)
    }
}

impl Places {
    fn of(layout: &Layout) -> Option<Self> {
        let field = |path| layout.field(path);
        let pcs = field("nmethod::_scopes_pcs_offset")?;
        if let Some(data) = field("nmethod::_immutable_data") {
            return Some(Self::Apart {
                data,
                len: field("nmethod::_immutable_data_size")?,
                pcs,
                scopes: field("nmethod::_scopes_data_offset")?,
                mutable: field("CodeBlob::_mutable_data")?,
                relocations: field("CodeBlob::_relocation_size")?,
            });
        }
        let pcs_end = field("nmethod::_dependencies_offset")?;
        let metadata = field("nmethod::_metadata_offset")?;
        Some(match field("CompiledMethod::_scopes_data_begin") {
            Some(scopes) => Self::Addressed { pcs, pcs_end, scopes, metadata },
            None => {
                let scopes = field("nmethod::_scopes_data_offset")?;
                Self::Own { pcs, pcs_end, scopes, scopes_end: pcs, metadata }
            }
        })
    }

    /// The tables of a compiled method, and the memory in which positions and scopes must be.
    fn tables(self, reads: &Reads<'_>, at: u64, end: u64) -> Option<(Tables, Range<u64>)> {
        let offset = |base: u64, field: Field| base.checked_add(field.count(reads, at)?);
        Some(match self {
            Self::Own { pcs, pcs_end, scopes, scopes_end, metadata } => {
                let (pcs, scopes) = (
                    offset(at, pcs)?..offset(at, pcs_end)?,
                    offset(at, scopes)?..offset(at, scopes_end)?,
                );
                (Tables { pcs, scopes, metadata: offset(at, metadata)? }, at..end)
            }
            Self::Addressed { pcs, pcs_end, scopes, metadata } => {
                let pcs = offset(at, pcs)?..offset(at, pcs_end)?;
                let scopes = scopes.address(reads, at)?..pcs.start;
                (Tables { pcs, scopes, metadata: offset(at, metadata)? }, at..end)
            }
            Self::Apart { data, len, pcs, scopes, mutable, relocations } => {
                let data = data.address(reads, at)?;
                let end = offset(data, len)?;
                let (pcs, scopes) =
                    (offset(data, pcs)?..offset(data, scopes)?, offset(data, scopes)?..end);
                let metadata = offset(mutable.address(reads, at)?, relocations)?;
                (Tables { pcs, scopes, metadata }, data..end)
            }
        })
    }
}
