//! The options that draw a graph.

use super::value;
use crate::host::exit::{Failure, Kind};

/// Options for drawing a graph.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct Drawing {
    /// Title of the graph
    #[arg(long, help_heading = "Output")]
    pub title: Option<String>,

    /// Colour palette of the graph
    #[arg(long, value_name = "PALETTE", help_heading = "Output")]
    pub colors: Option<String>,

    /// Draw the graph upside down, callers above their callees (an icicle graph)
    #[arg(long, help_heading = "Output")]
    pub inverted: bool,

    /// Start the graph from the sampled functions: the box above a function is its caller
    #[arg(long, help_heading = "Output")]
    pub reverse: bool,

    /// Hide boxes narrower than this percentage of the graph
    #[arg(long, value_name = "PERCENT", value_parser = value::width, allow_negative_numbers = true, help_heading = "Output")]
    pub min_width: Option<f64>,
}

impl Drawing {
    /// The settings of a graph, with this title if the user gave none.
    pub(crate) fn settings(&self, title: Option<&str>) -> Result<output::Drawing, Failure> {
        let plain = output::Drawing::default();
        let title = self.title.as_deref().or(title).map(String::from);
        let colors = self.colors.as_deref().map(str::parse).transpose();
        let colors =
            colors.map_err(|error: output::Error| Failure::new(Kind::Usage, error.to_string()))?;
        Ok(output::Drawing {
            title: title.unwrap_or(plain.title),
            colors: colors.unwrap_or(plain.colors),
            inverted: self.inverted,
            reverse: self.reverse,
            min_width: self.min_width.unwrap_or(plain.min_width),
            width: None,
        })
    }
}
