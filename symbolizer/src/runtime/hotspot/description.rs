//! What a virtual machine says of itself: its version, and how far its code has names.

use super::super::reader::Running;
use super::cache::Cache;
use super::compiled::Compiled;
use super::layout::Layout;
use super::library::layout;
use super::method::Methods;
use super::reads::Reads;
use super::words::Words;

/// What a virtual machine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The version of the JDK.
    pub version: Option<i64>,
    /// The version in its maker's words, as in "17.0.15+6-Debian-1deb12u1"; of JDK 8, that of the virtual machine.
    pub release: String,
    /// Whether its methods have names.
    pub methods: bool,
    /// Whether they have lines, and compiled code those that were inlined.
    pub lines: bool,
}

impl Description {
    /// `None`: its library does not describe it, or its memory cannot be read.
    pub fn of(process: &Running<'_>) -> Option<Self> {
        let reads = Reads::new(process.memory);
        let layout = layout(process, &reads)?;
        let version = version(&layout, &reads);
        let methods = Methods::of(&layout, version);
        let compiled = Compiled::of(&layout, version).filter(|_| Cache::of(&layout).is_some());
        Some(Self {
            version,
            release: release(&layout, &reads).unwrap_or_default(),
            methods: methods.is_some() && compiled.is_some(),
            lines: compiled.is_some_and(|compiled| compiled.has_positions()),
        })
    }
}

/// The version of the JDK. The library's own number is that of the JDK from 9 on; JDK 8 has 25.
pub(super) fn version(layout: &Layout, words: &dyn Words) -> Option<i64> {
    if layout.field("CodeCache::_heap").is_some() {
        return Some(8);
    }
    layout.field("Abstract_VM_Version::_vm_major_version")?.read(words, 0)
}

/// The version in its maker's words, as far as it is one.
fn release(layout: &Layout, words: &dyn Words) -> Option<String> {
    let text = words.text(layout.field("Abstract_VM_Version::_s_vm_release")?.value(words)?)?;
    let is_part = |c: &char| c.is_ascii_alphanumeric() || ".+-_~".contains(*c);
    Some(text.chars().take_while(is_part).collect())
}
