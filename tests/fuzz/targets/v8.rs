//! The memory of a Node.js process: what names its frames.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let image = symbolizer::fuzzing::v8::Image::parse(bytes);
    let (objects, addresses) = image.names();
    let frames = image.frames();
    assert!(objects.len() == frames && addresses.len() == frames);
    for function in objects.into_iter().chain(addresses).flatten().flatten() {
        assert!(function.name.chars().count() <= 1024, "{}", function.name.len());
        assert!(function.file.chars().count() <= 4096, "{}", function.file.len());
    }
});
