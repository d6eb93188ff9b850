//! The check of a method: which one is at an address. The kernel's walker makes the same value of the memory at the time of a sample.

use super::layout::{Field, Layout};
use super::words::Words;

const WORD: u64 = 8;

/// The fields that the check is made of.
#[derive(Clone, Copy, Debug)]
pub struct MethodCheck {
    /// In a method: its constant part.
    pub constant: Field,
    /// In a constant part: the pool of constants.
    pub pool: Field,
    /// In a pool: its class.
    pub holder: Field,
    /// In a class: its name.
    pub name: Field,
    /// The place in a name of the 16 bits that are random.
    pub hash: u64,
}

/// What a method's check was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The address of its constant part.
    pub constant: u64,
    /// The address of the pool of constants.
    pub pool: u64,
    /// The address of its class.
    pub holder: u64,
    /// The address of the name of its class.
    pub name: u64,
    /// A value that tells the method from one that comes into its place when its class is unloaded. Classes that are made one after the other
    /// are often laid out in the same places. If even the names of both are in one place, the odds are 1 in 65,536 that both methods have the same
    /// value.
    pub check: u32,
}

impl MethodCheck {
    /// `None` if a version lacks some of the fields.
    pub fn of(layout: &Layout) -> Option<Self> {
        let field = |path| layout.field(path);
        // Up to JDK 12, the hash is a field. Later it is the upper half of one.
        let both = || Some(field("Symbol::_hash_and_refcount")?.at + 2);
        Some(Self {
            constant: field("Method::_constMethod")?,
            pool: field("ConstMethod::_constants")?,
            holder: field("ConstantPool::_pool_holder")?,
            name: field("Klass::_name")?,
            hash: field("Symbol::_identity_hash").map(|hash| hash.at).or_else(both)?,
        })
    }

    /// The check of the method at an address; `None`: there is none.
    pub fn read(&self, words: &dyn Words, method: u64) -> Option<Checked> {
        let aligned = |at: &u64| at.is_multiple_of(WORD);
        let constant = self.constant.address(words, method).filter(aligned)?;
        let pool = self.pool.address(words, constant).filter(aligned)?;
        let holder = self.holder.address(words, pool)?;
        let name = self.name.address(words, holder)?;
        let hash = words.number(name.checked_add(self.hash)?, 2)?;
        let check = constant as u32 ^ (name >> 3) as u32 ^ (hash as u32) << 16;
        Some(Checked { constant, pool, holder, name, check })
    }
}
