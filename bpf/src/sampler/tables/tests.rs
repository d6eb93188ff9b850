use super::arena::{CHUNK_WORDS, tests::memory};
use super::*;
use crate::unwind::rule::{Cfa, Rule, registers};
use crate::unwind::table::{Code, Source};

/// A table of this many different rules.
fn table(rules: u64) -> Table {
    let code = Code::new(Some(0..0x100 * rules)).unwrap();
    let mut source = Source::new(&code);
    for number in 0..rules {
        let offset = 8 + 8 * number as i32;
        let cfa = Cfa::Register { register: registers::STACK_POINTER, offset };
        source.push(0x100 * number..0x100 * (number + 1), &Rule::of(cfa));
    }
    Table::build(&code, &[&source])
}

#[test]
fn a_table_brings_no_more_rules_than_it_may() {
    let chunk = |_| memory(CHUNK_WORDS as usize * 4);
    let [rules, spaces] = [size_of::<rules>(), spaces::BYTES].map(|bytes| memory(bytes).unwrap());
    let mut tables = Tables::new(4, chunk, rules, spaces);
    assert_eq!(tables.memory(), 4 << 20);
    let new = |tables: &mut Tables, rules, most| {
        tables.install_with(&table(rules), most).unwrap().unwrap().new_rules()
    };
    assert_eq!(new(&mut tables, 100, 30), 30);
    assert_eq!(new(&mut tables, 30, 0), 0, "these are known");
    assert_eq!(new(&mut tables, 100, 200), 70);
    assert_eq!(tables.numbers.len(), 2 + 100);
}
