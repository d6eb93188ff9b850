//! Flame graphs as SVG, drawn by inferno.
//!
//! Inferno gets a line for each path (`lines`). Control characters after each name say what the frame is; clean names have none. In the
//! finished picture they become words in the tooltips, and a legend, the facts and a description are added (`finish`).

mod finish;
mod lines;
mod paint;

use crate::encode::{Drawing, Encode, Format};
use crate::text::{clean, shorten};
use crate::tree::{Traited, Tree, View};
use crate::{Error, Profile};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};
use std::io::{self, Write};

/// The number of frames of a stack in the picture. Deeper frames become a single one that says so.
const DEEPEST: usize = 4_096;
/// The height of the deepest stack, in pixels.
const TALLEST: usize = 16_000;
/// Characters of the title. They fit beside the search button.
const LONGEST_TITLE: usize = 90;
/// Characters of a name. Longer ones are cut in the picture.
const LONGEST_NAME: usize = 1_000;

/// Draws a flame graph.
///
/// The width is a value column. A frame's tooltip has its value, its share, and its kind: kernel, inlined, JIT, interpreted; and where the
/// function begins, if a runtime runs it. Such a function is one box, however it is run. The tooltip says how the frame was
/// found if that limits it: guessed, caller may be missing, or by a rule derived from disassembly; and whether this holds for the whole
/// box, most of it or a part of it. A frame's colour depends only on its kind and its name. The profile's summary is the subtitle. Its
/// comments are in the picture's description and in the subtitle's tooltip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Svg {
    /// The settings for drawing.
    pub drawing: Drawing,
    /// The label whose value becomes the frame at the root, such as `comm` in profiles of the whole machine.
    pub root: Option<String>,
    /// The value column; by default [`Profile::default_sample_type`].
    pub column: Option<usize>,
}

/// Flame graphs.
pub const FORMAT: Format = Format {
    name: "svg",
    extensions: &["svg"],
    times: false,
    encoder: |settings| {
        Box::new(Svg {
            drawing: settings.drawing.clone(),
            root: settings.root.clone(),
            column: settings.column,
        })
    },
};

impl Encode for Svg {
    /// # Errors
    /// [`Error::Empty`] for a profile without values, and errors of writing.
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()> {
        profile.check()?;
        let column = profile.column(self.column)?;
        let kind = &profile.sample_types[column];
        let tree = Tree::new(profile, self.view(column));
        if tree.total() == 0 {
            return Err(Error::Empty.into());
        }
        let lines = lines::lines(&tree, self.drawing.min_width);
        let (factor, unit) = unit(&kind.kind, &kind.unit);
        let mut palette = self.drawing.colors.palette(&lines.frames);
        let legend = self.drawing.colors.legend(&lines.frames);
        let facts = finish::Facts::new(profile, legend, &tree.definitions);
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
    fn view(&self, column: usize) -> View<'_> {
        View {
            column,
            root: self.root.as_deref(),
            reverse: self.drawing.reverse,
            traits: Traited::Together,
            depth: DEEPEST,
            name: |name| shorten(name, LONGEST_NAME).into_owned(),
        }
    }

    fn options(&self, deepest: usize) -> Options<'static> {
        let mut options = Options::default();
        options.title = shorten(&clean(&self.drawing.title), LONGEST_TITLE).into_owned();
        options.colors = self.drawing.colors.basic();
        options.bgcolors = self.drawing.colors.background();
        options.deterministic = true;
        options.direction =
            if self.drawing.inverted { Direction::Inverted } else { Direction::Straight };
        options.min_width = 0.0;
        options.image_width = self.drawing.width.map(|width| width.clamp(200, 100_000));
        // 16 pixels for a frame, or less if the picture would be too tall.
        options.frame_height = (TALLEST / (deepest + 1)).clamp(8, 16);
        options.font_size = (options.frame_height - 1).clamp(8, 12);
        // For viewers that run no script. The others measure the width of characters.
        options.font_width = 0.61;
        options.font_type = "monospace".into();
        options.text_truncate_direction = TextTruncateDirection::Right;
        options.name_type = String::new();
        options.no_sort = false;
        options
    }
}

/// The factor for values in the picture, and the name of their unit.
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
