//! Names for files.

/// The first 40 characters of a name, for a file's name: letters, digits and `._-` stay.
pub(crate) fn slug(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    name.chars().take(40).map(safe).collect()
}
