//! The virtual machine's library: an ELF file with the description of its own structures.

use super::builder::Builder;
use super::image::IMAGE;

impl Builder {
    /// The library: its header, its symbols, and the tables that they name.
    pub(super) fn tables(&mut self) {
        let mut symbols = Vec::new();
        for (table, entry) in [
            (
                "gHotSpotVMStruct",
                &["TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"][..],
            ),
            (
                "gHotSpotVMType",
                &["TypeName", "SuperclassName", "IsOopType", "IsIntegerType", "IsUnsigned", "Size"],
            ),
            ("gHotSpotVMIntConstant", &["Name", "Value"]),
        ] {
            let stride = 8 * entry.len() as u64;
            let places = entry.iter().zip((0..).step_by(8));
            symbols.extend(places.map(|(name, at)| (format!("{table}Entry{name}Offset"), at)));
            symbols.push((format!("{table}EntryArrayStride"), stride));
        }
        symbols.push(("gHotSpotVMStructs".to_owned(), self.fields_table()));
        symbols.push(("gHotSpotVMTypes".to_owned(), self.values_table("size", 48, 40)));
        symbols.push(("gHotSpotVMIntConstants".to_owned(), self.values_table("constant", 16, 8)));
        self.library(&symbols);
        let version = self.static_at("Abstract_VM_Version::_vm_major_version");
        let number = if self.version == 8 { 25 } else { self.version };
        self.image.put_word(version, number.into());
    }

    fn fields_table(&mut self) -> u64 {
        let fields = self.lines("field");
        let table = self.allocate(48 * (fields.len() as u64 + 1));
        for (entry, line) in (table..).step_by(48).zip(fields) {
            let (of, name) = line[0].split_once("::_").expect("a field of a type");
            let words = [self.name(of), self.name(&format!("_{name}")), self.name(line[2])];
            for (at, word) in (entry..).step_by(8).zip(words) {
                self.image.put_word(at, word);
            }
            match line[1].parse() {
                Ok(offset) => self.image.put_word(entry + 32, offset),
                Err(_) => {
                    self.image.put_word(entry + 24, 1);
                    let address = self.static_at(line[0]);
                    self.image.put_word(entry + 40, address);
                }
            }
        }
        table
    }

    fn values_table(&mut self, kind: &str, stride: u64, value: u64) -> u64 {
        let lines = self.lines(kind);
        let table = self.allocate(stride * (lines.len() as u64 + 1));
        for (entry, line) in (table..).step_by(stride as usize).zip(lines) {
            let name = self.name(line[0]);
            self.image.put_word(entry, name);
            self.image.put_word(entry + value, line[1].parse().expect("a number"));
        }
        table
    }

    /// An ELF file whose hash table has one bucket with all symbols.
    fn library(&mut self, symbols: &[(String, u64)]) {
        let [dynamic, names, table, hashes, values] =
            [0x1000, 0x2000, 0x4000, 0x6000, 0x7000].map(|at| IMAGE + at);
        self.image.put(IMAGE, b"\x7fELF\x02\x01\x01");
        self.image.put_word(IMAGE + 32, 64);
        self.image.put(IMAGE + 54, &[56, 0, 2, 0]);
        self.image.put(IMAGE + 64, &[1, 0, 0, 0]);
        self.image.put(IMAGE + 64 + 56, &[2, 0, 0, 0]);
        self.image.put_word(IMAGE + 64 + 56 + 16, dynamic - IMAGE);
        for (at, (tag, value)) in
            (dynamic..).step_by(16).zip([(5, names), (6, table), (0x6fff_fef5, hashes), (0, 0)])
        {
            self.image.put_word(at, tag);
            self.image.put_word(at + 8, value);
        }
        // One bucket, whose chain begins with the first symbol; no filter.
        self.image.put(hashes, &[1_u32, 1, 0, 0, 1].map(u32::to_le_bytes).concat());
        let mut name_at = 1;
        for (index, (name, value)) in (1..).zip(symbols) {
            let (entry, value_at) = (table + 24 * index, values + 8 * index);
            self.image.text(names + name_at, name);
            self.image.put_word(entry, name_at | 1 << 48);
            self.image.put_word(entry + 8, value_at - IMAGE);
            self.image.put_word(value_at, *value);
            name_at += name.len() as u64 + 1;
            let last = u32::from(index == symbols.len() as u64);
            let hash = name
                .bytes()
                .fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(byte.into()));
            self.image.put(hashes + 20 + 4 * (index - 1), &(hash & !1 | last).to_le_bytes());
        }
    }
}
