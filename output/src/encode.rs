//! The seam: one encoder a format.

pub mod colors;

use crate::Profile;
use colors::Colors;
use std::fmt;
use std::io::{self, Write};

/// Turns a profile into bytes of one format. Pure and deterministic: the same profile, the same bytes.
pub trait Encode: fmt::Debug + Send {
    /// Writes the profile.
    ///
    /// # Errors
    /// What writing to `to` gave.
    fn encode(&self, profile: &Profile, to: &mut dyn Write) -> io::Result<()>;
}

/// A format of files. `formats` lists them all.
#[derive(Clone, Copy)]
pub struct Format {
    /// Its name, as in `--format`.
    pub name: &'static str,
    /// The extensions of its files, in lower case and without the first dot. New files get the first one.
    pub extensions: &'static [&'static str],
    /// Makes an encoder.
    pub encoder: fn(&Settings) -> Box<dyn Encode>,
}

/// Formats are equal when their names are.
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

/// What was asked of an output. An encoder takes what it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The value column; none: [`Profile::default_sample_type`].
    pub column: Option<usize>,
    /// The label whose value becomes the frame at the root, as `comm` in profiles of the whole machine.
    pub root: Option<String>,
    /// Mark frames by what they are.
    pub annotate: bool,
    /// Write the samples' own labels.
    pub labels: bool,
    /// How graphs are drawn.
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

/// How a graph is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
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
