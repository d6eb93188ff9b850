//! A Java virtual machine: the names at its addresses and for its methods.

use super::super::reader::{Check, Code, Function, Object, Running};
use super::cache::{Blob, Cache, Heap};
use super::compiled::Compiled;
use super::description::version;
use super::library::known_layout;
use super::method::{Method, Methods};
use super::reads::Reads;
use super::words::Words;
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
    heaps: Vec<Heap>,
    known: HashMap<u64, Option<Rc<Method>>>,
    /// The bytes of names that are left.
    room: usize,
}

impl<'m> Machine<'m> {
    /// `None`: it does not describe itself, or in an unknown way.
    pub(super) fn of(process: &Running<'m>) -> Option<Self> {
        let reads = Reads::new(process.memory);
        let layout = known_layout(process, &reads)?;
        let cache = Cache::of(&layout)?;
        let version = version(&layout, &reads);
        Some(Self {
            methods: Methods::of(&layout, version)?,
            compiled: Compiled::of(&layout, version)?,
            heaps: cache.heaps(&reads)?,
            cache,
            reads,
            known: HashMap::new(),
            room: MOST_TEXT,
        })
    }

    /// The functions at an address in the code cache, innermost first.
    pub(super) fn code(&mut self, Code { address, check }: Code) -> Result<Vec<Function>, Reason> {
        if let Check::Lost(reason) = check {
            return Err(reason);
        }
        let (block, blob) = self.blob(address).ok_or(Reason::ObjectGone)?;
        if check != Check::None && check != Check::of_mark(blob.mark) {
            return Err(Reason::ObjectGone);
        }
        let functions = if blob.is_method() {
            self.compiled(&blob, address).ok_or(Reason::ObjectGone)?
        } else {
            vec![Function { name: title(&blob.name), ..Function::default() }]
        };
        // What was read belongs to this code if it was there all the time.
        if self.parsed(block, &self.reads.now(block, Cache::HEAD)) != Some(blob) {
            return Err(Reason::ObjectGone);
        }
        let bytes = functions.iter().map(|function| function.name.len() + function.file.len());
        self.room = self.room.checked_sub(bytes.sum()).ok_or(Reason::Limit)?;
        Ok(functions)
    }

    /// The piece of code at an address, if there is one, and its block.
    pub(super) fn blob(&self, address: u64) -> Option<(u64, Blob)> {
        let heap = self.heaps.iter().find(|heap| heap.used.contains(&address))?;
        let block = self.cache.block(&self.reads, heap, address)?;
        let head = self.reads.some_bytes(block, Cache::HEAD);
        let next = self.cache.head(heap, block, &head)?.next;
        let blob = self.parsed(block, &head)?;
        (blob.code.contains(&address) && blob.end <= next).then_some((block, blob))
    }

    /// The piece of code in a block, of the bytes of its head.
    fn parsed(&self, block: u64, head: &[u8]) -> Option<Blob> {
        let used = self.cache.is_used(head);
        used.then(|| self.cache.blob(block, head, |at| self.reads.text(at))).flatten()
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
        let method = method.filter(|method| method.checked.check == object.check);
        // What was read belongs to this method if it was there all the time.
        let method =
            method.filter(|method| self.methods.is_there(&self.reads, object.address, method));
        let method = method.ok_or(Reason::ObjectGone)?;
        Ok(vec![method.function(self.methods.position(object.position), false)])
    }

    fn method(&mut self, address: u64) -> Option<Rc<Method>> {
        let read = || self.methods.read(&self.reads, address).map(Rc::new);
        self.known.entry(address).or_insert_with(read).clone()
    }
}

/// The name of code that is no method: without the number that a virtual machine puts behind some names.
fn title(name: &str) -> String {
    let bare = name.strip_suffix(')').and_then(|name| name.rsplit_once(" ("));
    bare.map_or(name, |(name, _)| name).to_owned()
}
