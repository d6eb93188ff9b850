//! The walk by rules, compiled natively: any tables, registers and stack.
#![no_main]

use bpf::native::arbitrary::Arbitrary;
use std::cell::RefCell;

thread_local! {
    static ARBITRARY: RefCell<Arbitrary> = RefCell::new(Arbitrary::new().expect("there is memory"));
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ARBITRARY.with_borrow_mut(|arbitrary| arbitrary.check(bytes));
});
