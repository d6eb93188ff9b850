//! Flame graphs as SVG, drawn by inferno.
//!
//! What inferno is given is a line a path (`lines`), each name followed by control characters that say
//! what the frame is; clean names have none. In the finished picture these become words in the tooltips, and
//! what inferno has no place for is added: a legend, the facts in lines that fit, a description (`finish`).

mod finish;
mod lines;
mod paint;

pub use paint::Colors;

use crate::text::{clean, shorten};
use crate::tree::{Traited, Tree, View};
use crate::{Encode, Error, Profile};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use std::io::{self, Write};

/// Frames a stack in the picture; deeper ones are one frame that says so.
const DEEPEST: usize = 4_096;
/// Pixels that the frames of the deepest stack shall fit into.
const TALLEST: usize = 16_000;
/// Characters of the title: what fits beside the search button.
const LONGEST_TITLE: usize = 90;
/// Characters of a name; longer ones are cut in the picture.
const LONGEST_NAME: usize = 1_000;

/// Draws a flame graph.
///
/// Width is the first sample type's value (a profile of bpflame: samples) or another column's. A frame's
/// tooltip has its value, its share, and what it is: kernel, inlined, JIT; and how it was found where that is worth telling: by a
/// synthesised rule, guessed, caller may be missing, of the whole box or most or a part of it.
/// Colours depend on what a frame is and on its name, and on nothing else. The profile's summary is the
/// subtitle, its comments are in the picture's description and in the subtitle's tooltip.
#[derive(Clone, Debug, PartialEq)]
pub struct Svg {
    /// Stands above the graph.
    pub title: String,
    /// How frames are painted.
    pub colors: Colors,
    /// Grow from the top downwards.
    pub inverted: bool,
    /// Merge from the leaves: who calls what is hot.
    pub reverse: bool,
    /// Frames below this share of the whole, in percent, are left out.
    pub min_width: f64,
    /// Width in pixels; none: that of the window.
    pub width: Option<usize>,
    /// The label whose value becomes the frame at the root, as `comm` in profiles of the whole machine.
    pub root: Option<String>,
    /// The value column.
    pub column: usize,
}

impl Default for Svg {
    fn default() -> Self {
        Self {
            title: "Flame Graph".into(),
            colors: Colors::default(),
            inverted: false,
            reverse: false,
            min_width: 0.01,
            width: None,
            root: None,
            column: 0,
        }
    }
}

impl Encode for Svg {
    /// # Errors
    /// [`Error::Empty`] for a profile without values, and what writing gave.
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let Some(kind) = profile.sample_types.get(self.column) else {
            return Err(Error::Invalid(format!("there is no value column {}", self.column)).into());
        };
        let tree = Tree::new(profile, self.view());
        if tree.total() == 0 {
            return Err(Error::Empty.into());
        }
        let lines = lines::lines(&tree, self.min_width);
        let (factor, unit) = unit(&kind.kind, &kind.unit);
        let mut palette = self.colors.palette(&lines.frames);
        let facts = finish::Facts::new(profile, self.colors.legend(&lines.frames));
        let mut options = self.options(lines.deepest);
        options.palette_map = palette.as_mut();
        options.subtitle = facts.subtitle();
        options.count_name = unit;
        options.factor = factor * tree.scale as f64;
        let font = options.font_size;
        let mut picture = Vec::new();
        flamegraph::from_lines(&mut options, lines.text.lines(), &mut picture)?;
        let picture = String::from_utf8(picture).map_err(io::Error::other)?;
        to.write_all(finish::finish(&picture, &facts, font)?.as_bytes())
    }
}

impl Svg {
    fn view(&self) -> View<'_> {
        View {
            column: self.column,
            root: self.root.as_deref(),
            reverse: self.reverse,
            traits: Traited::Together,
            depth: DEEPEST,
            name: |name| shorten(name, LONGEST_NAME).into_owned(),
        }
    }

    fn options(&self, deepest: usize) -> Options<'static> {
        let mut options = Options::default();
        options.title = shorten(&clean(&self.title), LONGEST_TITLE).into_owned();
        options.colors = self.colors.basic();
        options.bgcolors = self.colors.background();
        options.deterministic = true;
        options.direction = if self.inverted { Direction::Inverted } else { Direction::Straight };
        options.min_width = 0.0;
        options.image_width = self.width.map(|width| width.clamp(200, 100_000));
        // 16 pixels a frame, less where the picture would be too tall to be looked at.
        options.frame_height = (TALLEST / (deepest + 1)).clamp(8, 16);
        options.font_size = (options.frame_height - 1).clamp(8, 12);
        // For viewers that run no script; others measure.
        options.font_width = 0.61;
        options.font_type = "monospace".into();
        options.text_truncate_direction = TextTruncateDirection::Right;
        options.name_type = String::new();
        options.no_sort = false;
        options
    }
}

/// What inferno multiplies values with, and what it calls them.
fn unit(kind: &str, unit: &str) -> (f64, String) {
    let kind = clean(kind);
    match unit {
        "count" => (1.0, kind.into_owned()),
        "nanoseconds" => (1e-6, format!("ms of {kind}")),
        "microseconds" => (1e-3, format!("ms of {kind}")),
        "" => (1.0, kind.into_owned()),
        unit => (1.0, format!("{} of {kind}", clean(unit))),
    }
}

#[cfg(test)]
pub(crate) mod tests;
