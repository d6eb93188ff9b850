//! The places in V8's code at which its interpreter is called. Each of them belongs to the frame of a JavaScript function.

use crate::rule::{Cfa, Restore, Rule, registers};
use crate::table::{Code, Source};
use std::ops::Range;

/// `call rcx`, to the first bytecode's handler; and behind it the bytecode array and the offset are read from the frame again:
/// `mov r12, [rbp-0x20]; mov r9d, [rbp-0x24]`.
const CALL: [u8; 10] = [0xff, 0xd1, 0x4c, 0x8b, 0x65, 0xe0, 0x44, 0x8b, 0x4d, 0xdc];
/// The length of the call itself.
const CALL_LENGTH: u64 = 2;
/// The most such places in a file. V8 has one or two.
const MOST: usize = 8;

/// The places in these stretches of code, which are bytes and a virtual address: from the last byte of a call to the first one
/// behind it.
pub fn calls(stretches: &[(&[u8], u64)]) -> Vec<Range<u64>> {
    let of = |(bytes, address): &(&[u8], u64)| {
        let address = *address;
        let found = bytes.windows(CALL.len()).enumerate().filter(|(_, window)| *window == CALL);
        let range = move |(at, _)| {
            let back = address.saturating_add(at as u64).saturating_add(CALL_LENGTH);
            back - 1..back.saturating_add(1)
        };
        found.map(range).take(MOST).collect::<Vec<_>>()
    };
    stretches.iter().flat_map(of).take(MOST).collect()
}

/// The rules of these places: their frames have a frame pointer.
pub fn rules(calls: &[Range<u64>], code: &Code) -> Source {
    let mut source = Source::new(code);
    let framed = Rule {
        fp: Restore::AtCfa(-16),
        ..Rule::of(Cfa::Register { register: registers::FRAME_POINTER, offset: 16 })
    };
    for call in calls {
        source.push(call.clone(), &framed);
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    #[test]
    fn the_interpreter_s_call_has_a_frame() {
        let bytes = [&[0x90; 6][..], &CALL, &[0x90; 3]].concat();
        let stretches = [(&[0xff; 64][..], 0x1000), (&bytes, 0x2000)];
        let calls = calls(&stretches);
        assert_eq!(calls, vec![0x2007..0x2009]);
        let code = Code::new(Some(0x1000..0x9000)).unwrap();
        let table = Table::build(&code, &[&rules(&calls, &code)]);
        let rule = table.look_up(0x2007).unwrap();
        assert_eq!(rule.fp, Restore::AtCfa(-16));
        assert_eq!(rule.cfa, Cfa::Register { register: registers::FRAME_POINTER, offset: 16 });
        assert_eq!(table.look_up(0x2009), None);
    }

    #[test]
    fn many_calls_and_wrong_addresses_are_bounded() {
        let bytes = CALL.repeat(100);
        assert_eq!(calls(&[(&bytes, u64::MAX - 4)]).len(), MOST);
    }
}
