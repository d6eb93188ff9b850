//! Names as they are shown: demangled, and free of control characters.

use std::fmt::{self, Write};

/// A demangled name longer than this is cut off.
const MAX_NAME: usize = 16 << 10;
/// A linkage name longer than this is left as it is.
const MAX_MANGLED: usize = 32 << 10;

/// Text from foreign bytes. Control characters and bytes that are not UTF-8 become U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
    } else {
        text.into_owned()
    }
}

/// The name as in the source, for Rust (v0, and legacy without its hash) and C++. Other names stay unchanged.
pub fn demangle(name: &str) -> String {
    if name.len() > MAX_MANGLED {
        return name.to_owned();
    }
    // Compilers add suffixes to linkage names that the demanglers do not know, such as `.llvm.123` and `.cold`.
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        let mut out = Bounded::default();
        if write!(out, "{rust:#}").is_ok() && !out.text.is_empty() {
            return out.text;
        }
        return name.to_owned();
    }
    if !(name.starts_with("_Z") || name.starts_with("__Z")) {
        return name.to_owned();
    }
    cpp(name).unwrap_or_else(|| name.to_owned())
}

fn cpp(name: &str) -> Option<String> {
    let symbol = cpp_demangle::Symbol::new(name).ok()?;
    let mut out = Bounded::default();
    let options = cpp_demangle::DemangleOptions::default();
    symbol.structured_demangle(&mut Structured(&mut out), &options).ok()?;
    (!out.text.is_empty()).then_some(out.text)
}

#[derive(Default)]
struct Bounded {
    text: String,
}

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.text.len() + part.len() > MAX_NAME {
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}

struct Structured<'a>(&'a mut Bounded);

impl cpp_demangle::DemangleWrite for Structured<'_> {
    fn write_string(&mut self, part: &str) -> fmt::Result {
        self.0.write_str(part)
    }
}
