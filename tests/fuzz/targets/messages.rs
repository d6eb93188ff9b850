//! The messages between the recording process and the one that makes names, which a file may have taken over.
#![no_main]

use fuzz::file;
use std::io::Write;
use std::os::unix::net::UnixStream;
use symbolizer::fuzzing::{opened, question, received, reply};
use symbolizer::name::ask::Question;

/// The most bytes that a socket takes while nobody reads.
const MOST: usize = 64 << 10;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte is the number of names that were asked for.
    let Some((&count, message)) = bytes.split_first() else { return };
    let addresses: Vec<u64> = (0..u64::from(count)).collect();
    let question_of = Question::Vdso { bytes: &[], addresses: &addresses };
    if let Some(Ok(answer)) = reply(message, &question_of) {
        assert_eq!(answer.named.len(), addresses.len());
        assert!(answer.warnings.len() <= 16);
    }
    let _ = (question(message, file(b"")), opened(message));
    let (mut one, other) = UnixStream::pair().expect("there are sockets");
    let sent = &message[..message.len().min(MOST)];
    one.write_all(sent).expect("the socket takes it");
    drop(one);
    assert!(received(other).iter().map(|len| len + 8).sum::<usize>() <= sent.len());
});
