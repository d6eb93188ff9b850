//! The answers of backends: status, headers, body.
#![no_main]

use send::Backend;
use send::fuzzing::meaning;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The head of an answer as it is on the wire, an empty line, the body.
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let Some(first) = lines.next() else { return };
    let word = first.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let status = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()).unwrap_or(500);
    let (mut headers, mut at) = (Vec::new(), first.len());
    for line in lines {
        at += line.len();
        let line = line.trim_ascii();
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        headers.push((&line[..colon], line.get(colon + 1..).unwrap_or_default().trim_ascii()));
    }
    for backend in Backend::ALL {
        let Some(meaning) = meaning(backend, status, &headers, &bytes[at..]) else { continue };
        assert!(meaning.read <= 64 << 10, "{}", meaning.read);
        assert!(meaning.words.chars().count() <= 1024, "{}", meaning.words.len());
        let shown =
            meaning.words.chars().chain(meaning.location.iter().flat_map(|place| place.chars()));
        assert!(!shown.into_iter().any(char::is_control), "{meaning:?}");
    }
});
