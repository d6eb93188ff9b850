//! Finishing inferno's picture: marks become words, and it gets the facts and a legend.

use super::lines::{END, SEMICOLON, WORDS, definition_of, is_mark};
use crate::Profile;
use crate::tell;
use crate::text::{clean, escape, shorten};
use inferno::flamegraph::color::Color;
use std::fmt::Write;
use std::io;

/// Characters in a line of the subtitle. They fit into 1,200 pixels.
const LINE: usize = 150;
/// The number of lines of the subtitle.
const LINES: usize = 4;

/// The text beside the graph.
pub(super) struct Facts<'a> {
    summary: Vec<String>,
    comments: String,
    legend: Vec<(Color, &'static str)>,
    /// The files and lines at which functions begin.
    definitions: &'a [String],
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        profile: &Profile,
        legend: Vec<(Color, &'static str)>,
        definitions: &'a [String],
    ) -> Self {
        let summary = tell::summary(profile);
        let summary = if summary.is_empty() { Vec::new() } else { wrap(&clean(&summary)) };
        let comments: Vec<_> =
            tell::remarks(profile).iter().map(|line| escape(&clean(line))).collect();
        Self { summary, comments: comments.join("\n"), legend, definitions }
    }

    /// The first line, which inferno shows below the title. A blank one keeps the place of the legend.
    pub(super) fn subtitle(&self) -> Option<String> {
        let blank = (!self.legend.is_empty()).then(|| "\u{a0}".to_owned());
        self.summary.first().cloned().or(blank)
    }

    /// The lines below the subtitle, as the content of a `text` element.
    fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.summary.iter().skip(1).map(|line| escape(line)).collect();
        if !self.legend.is_empty() {
            let mut row = String::new();
            for (at, (color, word)) in self.legend.iter().enumerate() {
                let gap = if at == 0 { "" } else { "\u{a0}\u{a0}\u{a0} " };
                let Color { r, g, b } = color;
                let swatch = format!("<tspan fill=\"rgb({r},{g},{b})\">\u{2588}\u{2588}</tspan>");
                write!(row, "{gap}{swatch}\u{a0}{word}").expect("a string grows");
            }
            rows.push(row);
        }
        rows
    }
}

/// Breaks a text at blanks into lines that fit.
fn wrap(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shorten(word, LINE);
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word.into_owned()),
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines[LINES - 1].push_str(" …");
    }
    lines
}

/// Finishes inferno's picture; `font` is its font size in pixels.
///
/// # Errors
/// The picture is not as expected.
pub(super) fn finish(picture: &str, facts: &Facts<'_>, font: usize) -> io::Result<String> {
    let frames = picture.find("<svg id=\"frames\"").ok_or_else(|| strange("frames"))?;
    let (head, body) = picture.split_at(frames);
    let rows = facts.rows();
    let first = if facts.summary.is_empty() { 0 } else { 1 };
    let pitch = font + 4;
    let shift = (rows.len() + first).saturating_sub(1) * pitch;
    let mut head = Head(spell_out(head, facts.definitions));
    head.grow(shift)?;
    head.describe(facts)?;
    head.show_search()?;
    let mut finished = head.0;
    for (row, at) in rows.iter().zip(first..) {
        let y = font * 4 + at * pitch;
        let row = format!(
            "<text class=\"facts\" text-anchor=\"middle\" x=\"50%\" y=\"{y}\">{row}</text>"
        );
        finished.push_str(&row);
    }
    let body = spell_out(body, facts.definitions);
    let (start, rest) = body.split_at("<svg id=\"frames\"".len());
    finished.push_str(&format!("{start} y=\"{shift}\"{rest}"));
    Ok(finished)
}

fn strange(what: &str) -> io::Error {
    io::Error::other(format!("the picture has no {what}: this version of inferno draws otherwise"))
}

/// Turns marks into words at the end of tooltips, and removes them from boxes.
fn spell_out(picture: &str, definitions: &[String]) -> String {
    let mut out = String::with_capacity(picture.len());
    let mut words = Vec::new();
    let mut rest = picture;
    while let Some(at) = rest.find(|c| is_mark(c) || c == '<') {
        out.push_str(&rest[..at]);
        let c = rest[at..].chars().next().expect("something was found");
        rest = &rest[at + c.len_utf8()..];
        match c {
            SEMICOLON => out.push(';'),
            END => (words, rest) = words_behind(rest, definitions),
            '<' => {
                if rest.starts_with("/title>") && !words.is_empty() && out.ends_with(')') {
                    out.pop();
                    out.push_str(&format!(", {})", words.join(", ")));
                }
                words.clear();
                out.push('<');
            }
            _ => {}
        }
    }
    out.push_str(rest);
    out
}

/// The words that the marks behind a name stand for, and what is behind the marks.
fn words_behind<'a>(text: &'a str, definitions: &[String]) -> (Vec<String>, &'a str) {
    let mut words = Vec::new();
    let mut rest = text.chars();
    loop {
        let behind = rest.as_str();
        let word = rest.next().and_then(|mark| {
            let word = WORDS.iter().find(|(c, _)| *c == mark).map(|(_, word)| String::from(*word));
            word.or_else(|| Some(in_parentheses(definitions.get(definition_of(mark)?)?)))
        });
        match word {
            Some(word) => words.push(word),
            None => return (words, behind),
        }
    }
}

/// A file and a line, for the parentheses at the end of a tooltip: scripts of the picture take what is behind the last `(` for them.
fn in_parentheses(definition: &str) -> String {
    escape(&definition.replace('(', "[").replace(')', "]"))
}

/// The picture before its frames.
struct Head(String);

impl Head {
    /// Makes the picture taller, and moves everything below the subtitle.
    fn grow(&mut self, by: usize) -> io::Result<()> {
        self.add("<svg ", "height=\"", by)?;
        let view = self.attribute("<svg ", "viewBox=\"0 0 ")?;
        let width_end = self.0[view..].find(' ').ok_or_else(|| strange("view box"))?;
        self.add_at(view + width_end + 1, by)?;
        self.add("<rect x=\"0\" y=\"0\"", "height=\"", by)?;
        self.add("<text id=\"details\"", " y=\"", by)?;
        self.add("<text id=\"matched\"", " y=\"", by)
    }

    /// The start of an attribute's value.
    fn attribute(&self, element: &str, attribute: &str) -> io::Result<usize> {
        let element = self.0.find(element).ok_or_else(|| strange(element))?;
        let at = self.0[element..].find(attribute).ok_or_else(|| strange(attribute))?;
        Ok(element + at + attribute.len())
    }

    fn add(&mut self, element: &str, attribute: &str, by: usize) -> io::Result<()> {
        let at = self.attribute(element, attribute)?;
        self.add_at(at, by)
    }

    /// Adds to the number at a position. Its fraction stays.
    fn add_at(&mut self, at: usize, by: usize) -> io::Result<()> {
        let digits = self.0[at..].bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = self.0[at..at + digits].parse().map_err(|_| strange("number"))?;
        self.0.replace_range(at..at + digits, &(number + by).to_string());
        Ok(())
    }

    /// Puts the comments into the picture's description and into the subtitle's tooltip.
    fn describe(&mut self, facts: &Facts<'_>) -> io::Result<()> {
        if facts.comments.is_empty() {
            return Ok(());
        }
        if facts.subtitle().is_some() {
            self.insert_into(
                "<text id=\"subtitle\"",
                &format!("<title>{}</title>", facts.comments),
            )?;
        }
        self.insert_into("<svg ", &format!("<desc>{}</desc>", facts.comments))
    }

    /// Makes the button for searching visible. Inferno draws it with a tenth of its colour.
    fn show_search(&mut self) -> io::Result<()> {
        const FAINT: &str = "#search { text-anchor:end; opacity:0.1;";
        let at = self.0.find(FAINT).ok_or_else(|| strange("search button"))?;
        self.0.replace_range(at..at + FAINT.len(), &FAINT.replace("0.1", "0.7"));
        Ok(())
    }

    /// Inserts a text after the start of an element.
    fn insert_into(&mut self, element: &str, what: &str) -> io::Result<()> {
        let start = self.0.find(element).ok_or_else(|| strange(element))?;
        let end = self.0[start..].find('>').ok_or_else(|| strange(element))?;
        self.0.insert_str(start + end + 1, what);
        Ok(())
    }
}
