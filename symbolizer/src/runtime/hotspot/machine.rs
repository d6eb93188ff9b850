//! A Java virtual machine: the names at its addresses and for its methods.

use super::super::reader::{Function, Object, Running};
use super::cache::{Blob, Cache};
use super::compiled::Compiled;
use super::layout::Layout;
use super::method::{Method, Methods};
use super::reads::Reads;
use crate::reason::Reason;
use std::collections::HashMap;
use std::rc::Rc;

/// The most bytes of all names that one question gets.
const MOST_TEXT: usize = 16 << 20;

/// The virtual machine of one process, for one question.
pub(super) struct Machine<'m> {
    reads: Reads<'m>,
    methods: Methods,
    compiled: Compiled,
    cache: Cache,
    known: HashMap<u64, Option<Rc<Method>>>,
    /// The bytes of names that are left.
    room: usize,
}

impl<'m> Machine<'m> {
    /// `None`: it does not describe itself, or in an unknown way.
    pub(super) fn of(process: &Running<'m>) -> Option<Self> {
        let reads = Reads::new(process.memory);
        let layout = Layout::read(process, &reads)?;
        let version = version(&layout, &reads);
        Some(Self {
            methods: Methods::of(&layout, version)?,
            compiled: Compiled::of(&layout, version)?,
            cache: Cache::of(&layout)?,
            reads,
            known: HashMap::new(),
            room: MOST_TEXT,
        })
    }

    /// The functions at an address in the code cache, innermost first.
    pub(super) fn code(&mut self, address: u64) -> Result<Vec<Function>, Reason> {
        let blob = self.cache.blob(&self.reads, address).ok_or(Reason::ObjectGone)?;
        if !blob.is_method() {
            return Ok(vec![Function { name: title(&blob.name), ..Function::default() }]);
        }
        let functions = self.compiled(&blob, address).ok_or(Reason::ObjectGone)?;
        let bytes = functions.iter().map(|function| function.name.len() + function.file.len());
        self.room = self.room.checked_sub(bytes.sum()).ok_or(Reason::Limit)?;
        Ok(functions)
    }

    fn compiled(&mut self, blob: &Blob, address: u64) -> Option<Vec<Function>> {
        let position = self.compiled.position(&self.reads, blob, address)?;
        let functions = position.scopes.iter().map(|scope| {
            let method = self.method(scope.method)?;
            Some(method.function(scope.position, position.approximate))
        });
        functions.collect()
    }

    /// The function of an interpreter's frame.
    pub(super) fn interpreted(&mut self, object: &Object) -> Result<Vec<Function>, Reason> {
        let method = self.method(object.address);
        let method = method.filter(|method| method.constant as u32 == object.check);
        let method = method.ok_or(Reason::ObjectGone)?;
        Ok(vec![method.function(self.methods.position(object.position), false)])
    }

    fn method(&mut self, address: u64) -> Option<Rc<Method>> {
        let read = || self.methods.read(&self.reads, address).map(Rc::new);
        self.known.entry(address).or_insert_with(read).clone()
    }
}

/// The version of the JDK. The library's own number is that of the JDK from 9 on; JDK 8 has 25.
fn version(layout: &Layout, reads: &Reads<'_>) -> Option<i64> {
    if layout.field("CodeCache::_heap").is_some() {
        return Some(8);
    }
    layout.field("Abstract_VM_Version::_vm_major_version")?.read(reads, 0)
}

/// The name of code that is no method: without the number that a virtual machine puts behind some names.
fn title(name: &str) -> String {
    let bare = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
    bare.map_or(name, |(name, _)| name).to_owned()
}
