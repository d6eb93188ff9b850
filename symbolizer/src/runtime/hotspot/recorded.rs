//! Memory images for tests and fuzz targets: a virtual machine with a few methods, laid out like a version's. The layouts are
//! recorded in `testdata/hotspot/`.

mod builder;
mod description;
mod image;

pub(crate) use builder::Builder;
pub(crate) use image::{IMAGE, Image};

/// The begin of the heap of code, and of the pieces of code in it.
const HEAP: u64 = 0x7f10_0000_0000;
pub(crate) const COMPILED: u64 = HEAP + 0x1000;
pub(crate) const STUB: u64 = HEAP + 0x3000;
pub(crate) const FREE: u64 = HEAP + 0x6000;
const SEGMENT_LOG: u64 = 7;
/// The method that has compiled code, and those that were inlined into it.
pub(crate) const OUTER: u64 = 0x7f20_0000_0000;
pub(crate) const MIDDLE: u64 = 0x7f20_0001_0000;
pub(crate) const INNER: u64 = 0x7f20_0002_0000;
/// The random number of each name.
pub(crate) const HASH: u64 = 0x3a5c;
/// Positions in the compiled code that something returns to.
pub(crate) const INLINED: u64 = 0x40;
pub(crate) const ALONE: u64 = 0x80;

/// The recorded layouts, by version.
pub(crate) const LAYOUTS: [(u32, &str); 5] = [
    (8, include_str!("../../../../testdata/hotspot/8.txt")),
    (11, include_str!("../../../../testdata/hotspot/11.txt")),
    (17, include_str!("../../../../testdata/hotspot/17.txt")),
    (21, include_str!("../../../../testdata/hotspot/21.txt")),
    (25, include_str!("../../../../testdata/hotspot/25.txt")),
];

/// A virtual machine of a version.
pub(crate) fn machine(version: u32) -> Builder {
    let (_, layout) = LAYOUTS.into_iter().find(|(known, _)| *known == version).expect("recorded");
    let mut builder = Builder {
        layout,
        version,
        image: Image::default(),
        next: IMAGE + 0x10_0000,
        class_name: 0,
    };
    builder.tables();
    builder.cache();
    builder.methods();
    builder.compiled();
    builder
}

impl Builder {
    /// The heap of code, and its pieces.
    fn cache(&mut self) {
        let heap = self.allocate(0x200);
        if self.has("CodeCache::_heap") {
            let at = self.static_at("CodeCache::_heap");
            self.image.put_word(at, heap);
        } else {
            let (list, data) = (self.allocate(0x40), self.allocate(0x10));
            let at = self.static_at("CodeCache::_heaps");
            self.image.put_word(at, list);
            self.set(list, "GrowableArrayBase::_len", 1);
            self.set(list, "GenericGrowableArray::_len", 1);
            self.set(list, "GrowableArray<int>::_data", data);
            self.image.put_word(data, heap);
        }
        let segments = HEAP + 0x10_0000;
        let (memory, map) = ("CodeHeap::_memory", "CodeHeap::_segmap");
        let [memory, map] = [memory, map].map(|field| heap + self.offset(field).expect("in all"));
        self.set(memory, "VirtualSpace::_low", HEAP);
        self.set(memory, "VirtualSpace::_high", HEAP + 0x8000);
        self.set(memory, "VirtualSpace::_low_boundary", HEAP);
        self.set(memory, "VirtualSpace::_high_boundary", HEAP + 0x1_0000);
        self.set(map, "VirtualSpace::_low", segments);
        self.set(heap, "CodeHeap::_log2_segment_size", SEGMENT_LOG);
        self.image.put(segments, &[0xff; 0x100]);
        self.block(COMPILED - 0x800, 0x1800, "nmethod");
        self.block(STUB - 0x800, 0x1000, "StubRoutines (1)");
    }

    /// The address of the description of the piece of code that begins 0x800 bytes behind its block.
    pub(crate) fn blob(&self, code: u64) -> u64 {
        code - 0x800 + self.size("HeapBlock")
    }

    fn block(&mut self, block: u64, bytes: u64, name: &str) {
        let segments = HEAP + 0x10_0000;
        let (first, count) = ((block - HEAP) >> SEGMENT_LOG, bytes >> SEGMENT_LOG);
        for index in 0..count {
            self.image.put(segments + first + index, &[index.min(0xfe) as u8]);
        }
        self.set(block, "HeapBlock::Header::_length", count);
        self.set(block, "HeapBlock::Header::_used", 1);
        let (blob, code) = (block + self.size("HeapBlock"), block + 0x800);
        let name = self.name(name);
        self.set(blob, "CodeBlob::_name", name);
        self.set(blob, "CodeBlob::_size", bytes - 0x40);
        self.set(blob, "nmethod::_compile_id", 7);
        self.set(blob, "CodeBlob::_code_begin", code);
        self.set(blob, "CodeBlob::_code_end", code + 0x200);
        self.set(blob, "CodeBlob::_code_offset", code - blob);
        self.set(blob, "CodeBlob::_data_offset", code + 0x200 - blob);
    }

    /// Three methods of one class. Each has lines from 10, 20 and 30 on.
    fn methods(&mut self) {
        let (pool, class) = (OUTER + 0x8000, OUTER + 0x9000);
        let tags = self.allocate(0x40);
        let texts = ["some/where/Known", "Known.java", "outer", "middle", "inner"];
        for (index, text) in (1..).zip(texts) {
            let symbol = self.allocate(0x40);
            self.set(symbol, "Symbol::_length", text.len() as u64);
            self.set(symbol, "Symbol::_identity_hash", HASH);
            self.set(symbol, "Symbol::_hash_and_refcount", HASH << 16 | 3);
            let body = symbol + self.offset("Symbol::_body").expect("in all");
            self.image.put(body, text.as_bytes());
            let entry = pool + self.size("ConstantPool") + 8 * index;
            self.image.put_word(entry, symbol);
            let tag = tags + self.offset("Array<u1>::_data").expect("in all") + index;
            self.image.put(tag, &[1]);
            if index == 1 {
                self.set(class, "Klass::_name", symbol);
                self.class_name = symbol;
            }
        }
        self.set(pool, "ConstantPool::_tags", tags);
        self.set(pool, "ConstantPool::_pool_holder", class);
        self.set(pool, "ConstantPool::_length", 6);
        self.set(pool, "ConstantPool::_source_file_name_index", 2);
        self.set(class, "InstanceKlass::_source_file_name_index", 2);
        for (method, name, line) in [(OUTER, 3, 10), (MIDDLE, 4, 20), (INNER, 5, 30)] {
            self.method(method, pool, name, line);
        }
    }

    /// The check of a method.
    pub(crate) fn check(&self, method: u64) -> u32 {
        method.wrapping_add(0x1000) as u32 ^ (self.class_name >> 3) as u32 ^ (HASH as u32) << 16
    }

    /// A method of 100 bytes with lines at 0 (this one), 5 (the next one) and 40 (1,000 further).
    fn method(&mut self, method: u64, pool: u64, name: u64, line: u8) {
        let constant = method + 0x1000;
        self.set(method, "Method::_constMethod", constant);
        self.set(constant, "ConstMethod::_constants", pool);
        self.set(constant, "ConstMethod::_code_size", 100);
        self.set(constant, "ConstMethod::_name_index", name);
        self.set(constant, "ConstMethod::_flags", 1);
        self.set(constant, "ConstMethod::_flags._flags", 1);
        let table = constant + self.size("ConstMethod") + 100;
        let mut bytes = vec![0xff];
        bytes.extend([self.number(0), self.number(2 * u32::from(line))].concat());
        bytes.extend([5 << 3 | 1, 0xff]);
        bytes.extend([self.number(70), self.number(2 * 1000)].concat());
        bytes.push(0);
        self.image.put(table, &bytes);
    }

    /// A number in compressed form, of one or two bytes.
    fn number(&self, number: u32) -> Vec<u8> {
        let (excluded, limit) = if self.version < 20 { (0, 192) } else { (1, 191) };
        if number < limit {
            return vec![(number + excluded) as u8];
        }
        let low = limit + (number - limit) % 64;
        vec![(low + excluded) as u8, ((number - low) / 64 + excluded) as u8]
    }

    /// The description of the compiled code: `inner` in `middle` in `outer` at one position, `outer` alone at another.
    fn compiled(&mut self) {
        let blob = self.blob(COMPILED);
        self.set(blob, "nmethod::_method", OUTER);
        self.set(blob, "CompiledMethod::_method", OUTER);
        let (apart, mutable) = (self.allocate(0x400), self.allocate(0x100));
        let has_apart = self.has("nmethod::_immutable_data");
        let (base, metadata) =
            if has_apart { (apart, mutable + 0x20) } else { (blob, blob + 0xd00) };
        let (pcs, scopes) = if has_apart { (0xc0, 0x100) } else { (0xf00, 0xe00) };
        self.set(blob, "nmethod::_immutable_data", apart);
        self.set(blob, "nmethod::_immutable_data_size", 0x200);
        self.set(blob, "CodeBlob::_mutable_data", mutable);
        self.set(blob, "CodeBlob::_relocation_size", 0x20);
        self.set(blob, "nmethod::_metadata_offset", 0xd00);
        self.set(blob, "nmethod::_scopes_data_offset", scopes);
        self.set(blob, "CompiledMethod::_scopes_data_begin", base + scopes);
        self.set(blob, "nmethod::_scopes_pcs_offset", pcs);
        self.set(blob, "nmethod::_dependencies_offset", pcs + 0x40);
        for (at, method) in (metadata..).step_by(8).zip([INNER, OUTER, MIDDLE]) {
            self.image.put_word(at, method);
        }
        // Each scope: its caller's, the method's index from 1, the position plus one.
        let (outer, middle, inner) = (1, 0x10, 0x20);
        for (at, numbers) in [(outer, [0, 2, 6]), (middle, [outer, 3, 41]), (inner, [middle, 1, 1])]
        {
            let bytes: Vec<u8> = numbers.iter().flat_map(|n| self.number(*n)).collect();
            self.image.put(base + scopes + u64::from(at), &bytes);
        }
        let ends = [(-1_i32, 0), (INLINED as i32, inner), (ALONE as i32, outer), (i32::MAX, 0)];
        for (at, (offset, scope)) in (base + pcs..).step_by(16).zip(ends) {
            self.image.put(at, &offset.to_le_bytes());
            self.image.put(at + 4, &scope.to_le_bytes());
        }
    }
}
