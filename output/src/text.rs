//! Names from foreign files made harmless: they must not break a line, a terminal or an XML file.

use std::borrow::Cow;

/// The name of a frame without a name.
pub const UNKNOWN: &str = "[unknown]";

/// The text as one printable line. Line breaks and tabs become spaces. Other control characters, direction marks and non-characters become
/// `U+FFFD`. Blanks at both ends are removed. An empty text becomes [`UNKNOWN`].
pub fn clean(name: &str) -> Cow<'_, str> {
    let trimmed = name.trim();
    if trimmed.is_empty() {
        return Cow::Borrowed(UNKNOWN);
    }
    if !trimmed.chars().any(|c| is_blank(c) || is_harmful(c)) {
        return Cow::Borrowed(trimmed);
    }
    let replaced = trimmed.chars().map(|c| match c {
        c if is_blank(c) => ' ',
        c if is_harmful(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    Cow::Owned(replaced.collect())
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{0b}' | '\u{0c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character may control a terminal or confuse a reader.
pub fn is_harmful(c: char) -> bool {
    let direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let non_character = (c as u32) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    c.is_control() || direction || non_character
}

/// The text with at most `limit` characters. If it is cut, the last one is an ellipsis.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()),
    }
}

/// The text escaped for XML. It must be [`clean`].
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_get_through() {
        assert_eq!(clean("a\nb\tc"), "a b c");
        assert_eq!(clean("a\u{1b}[31mb\0"), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(clean("\u{202e}txt\u{ffff}"), "\u{fffd}txt\u{fffd}");
        assert_eq!(clean("  x  "), "x");
        assert_eq!(clean(" \n "), UNKNOWN);
        assert!(matches!(clean("core::iter<[u8; 8]>"), Cow::Borrowed(_)));
    }

    #[test]
    fn shortening_counts_characters() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape("a<b>&\"c"), "a&lt;b&gt;&amp;&quot;c");
    }
}
