//! The seam: one encoder for each format.

pub mod colors;

use crate::Profile;
use colors::Colors;
use std::fmt;
use std::io::{self, Write};

/// Turns a profile into bytes of one format. The same profile gives the same bytes.
pub trait Encode: fmt::Debug + Send {
    /// Writes the profile.
    ///
    /// # Errors
    /// The error of writing to `to`.
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()>;
}

/// A format of files. `formats` lists them all.
#[derive(Clone, Copy)]
pub struct Format {
    /// Its name, as in `--format`.
    pub name: &'static str,
    /// The extensions of its files, in lower case and without the first dot. New files get the first one.
    pub extensions: &'static [&'static str],
    /// Whether its files have the time of each sample. A recording keeps times only if one of its formats asks for them: then
    /// [`Profile::timeline`] has them.
    pub times: bool,
    /// Makes an encoder.
    pub encoder: fn(&Settings) -> Box<dyn Encode>,
}

/// Formats are equal if their names are.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.name).finish()
    }
}

/// The settings of outputs. Each encoder takes the settings that apply to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The value column; by default [`Profile::default_sample_type`].
    pub column: Option<usize>,
    /// The label whose value becomes the frame at the root, such as `comm` in profiles of the whole machine.
    pub root: Option<String>,
    /// Whether frames are marked by their kind and by the way in which they were found.
    pub annotate: bool,
    /// Whether the labels of samples are written.
    pub labels: bool,
    /// The settings of graphs.
    pub drawing: Drawing,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            column: None,
            root: None,
            annotate: false,
            labels: true,
            drawing: Drawing::default(),
        }
    }
}

/// The settings of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The title above the graph.
    pub title: String,
    /// The colours of frames.
    pub colors: Colors,
    /// The root is at the top.
    pub inverted: bool,
    /// Stacks are merged from the leaves, which shows the callers of hot functions.
    pub reverse: bool,
    /// The narrowest frame that is drawn, in percent of the whole.
    pub min_width: f64,
    /// The width in pixels; by default, the width of the window.
    pub width: Option<usize>,
}

impl Default for Drawing {
    fn default() -> Self {
        Self {
            title: "Flame Graph".into(),
            colors: Colors::default(),
            inverted: false,
            reverse: false,
            min_width: 0.01,
            width: None,
        }
    }
}
