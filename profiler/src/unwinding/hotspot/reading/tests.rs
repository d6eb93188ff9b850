//! Readings of a virtual machine of a few words.

use super::*;
use crate::unwinding::hotspot::tests::{HEAP, METHOD, Machinery, OBJECTS, machine, machinery};
use bpf::HotSpotLayout;
use bpf::unwind::rule::Cfa;

const CODE: u64 = HEAP + 0x80;

fn code(number: u64) -> Range<u64> {
    CODE + 0x100 * number..CODE + 0x100 * number + METHOD.len() as u64
}

#[test]
fn code_that_was_not_all_there_is_replaced() {
    let mut made = machinery();
    let machine = machine(&made, &made.memory()).unwrap();
    let mut reading = Reading::default();
    made.block(0, 1, &[0x90; METHOD.len()]);
    assert!(reading.again(&machine, &made.memory(), true).unwrap().news);
    made.block(0, 1, METHOD);
    let read = reading.again(&machine, &made.memory(), true).unwrap();
    assert_eq!((read.news, read.replaced), (true, Vec::from_iter(Some(code(0)))));
    let read = reading.again(&machine, &made.memory(), true).unwrap();
    assert_eq!((read.news, read.replaced.len()), (false, 0));
}

#[test]
fn what_could_not_be_read_is_kept() {
    let mut made = machinery();
    let machine = machine(&made, &made.memory()).unwrap();
    made.block(1, 2, METHOD);
    made.block(16, 3, METHOD);
    let mut reading = Reading::default();
    assert_eq!(reading.again(&machine, &made.memory(), true).unwrap().index.blobs.len(), 3);
    // The first block has other code. The last one, on another page, cannot be read.
    made.block(0, 4, METHOD);
    let torn = |made: &Machinery, what, len| {
        let mut memory = made.memory();
        memory.0.iter_mut().find(|piece| piece.0 == what).unwrap().1.truncate(len);
        memory
    };
    let read = reading.again(&machine, &torn(&made, HEAP, 0x1000), true).unwrap();
    assert_eq!(read.replaced, Vec::from_iter(Some(code(0))));
    let there: Vec<Range<u64>> = read.index.blobs.iter().map(|e| e.code.clone()).collect();
    assert_eq!(there, [0, 1, 16].map(code));
    // Two blocks are free now, which only the map tells.
    made.free(1);
    made.free(16);
    let read = reading.again(&machine, &torn(&made, OBJECTS, 0x1020), true).unwrap();
    assert_eq!((read.replaced.len(), read.index.blobs.len()), (0, 3), "there is no map");
    let read = reading.again(&machine, &torn(&made, HEAP, 0x1000), true).unwrap();
    assert_eq!((read.replaced, read.index.blobs.len()), ([1, 16].map(code).to_vec(), 1));
}

#[test]
fn no_more_is_read_than_there_are_rows_for() {
    let made = machinery();
    let machine = machine(&made, &made.memory()).unwrap();
    let mut reading = Reading { rows: 9, most: 9, ..Reading::default() };
    let read = reading.again(&machine, &made.memory(), true).unwrap();
    assert_eq!((read.news, read.index.blobs.len()), (false, 0));
    (reading.rows, reading.most) = (0, MOST_ROWS);
    assert!(reading.again(&machine, &made.memory(), true).unwrap().news);
    assert_eq!(reading.rows, reading.pieces[&CODE].rows.len());
}

#[test]
fn while_code_comes_and_goes_methods_have_no_rules() {
    let made = machinery();
    let mut machine = machine(&made, &made.memory()).unwrap();
    let mut reading = Reading::default();
    let mut read = |machine: &Machine, churns| {
        reading.churn(churns);
        let read = reading.again(machine, &made.memory(), true).unwrap();
        assert_eq!(read.index.blobs.len(), 1);
        let ruled = read.table.look_up(CODE + 5).unwrap().cfa != Cfa::NotYet;
        (read.news, read.moves, ruled)
    };
    // The walker knows nothing of this version.
    assert_eq!(read(&machine, true), (true, true, true));
    machine.frames = RuntimeFacts::hotspot(&HotSpotLayout {
        bytecode: -8,
        constant: 0,
        pool: 0,
        holder: 0,
        name: 0,
        hash: 0,
    });
    assert_eq!(read(&machine, false), (false, false, true));
    // The change is news, but no code came or went.
    assert_eq!(read(&machine, true), (true, false, false));
    assert_eq!(read(&machine, true), (false, false, false));
    assert_eq!(read(&machine, false), (true, false, true));
}
