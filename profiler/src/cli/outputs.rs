//! The outputs of a command: `-o` and `--format`.

use crate::host::exit::{Failure, Kind};
use output::Format;
use std::path::PathBuf;

/// The destination of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// The outputs with their formats: the one that was typed, or the one that the file's extension tells.
///
/// # Errors
/// [`Kind::Usage`] when a format is unknown, or more than one output is for standard output.
pub(crate) fn outputs(
    paths: &[PathBuf],
    format: Option<&str>,
) -> Result<Vec<(Place, Format)>, Failure> {
    let usage = |message: String| Failure::new(Kind::Usage, message);
    let format = format.map(str::parse::<Format>).transpose();
    let format = format.map_err(|error| usage(error.to_string()))?;
    let to_stdout = |path: &&PathBuf| path.as_os_str() == "-";
    if paths.iter().filter(to_stdout).count() > 1 {
        return Err(usage(String::from("only one output can go to standard output")));
    }
    let known = Format::names().join(", ");
    let output = |path: &PathBuf| match (to_stdout(&path), format) {
        (true, Some(format)) => Ok((Place::Stdout, format)),
        (true, None) => Err(usage(String::from("-o - needs a format"))
            .cure(format!("add --format, one of {known}"))),
        (false, Some(format)) => Ok((Place::File(path.clone()), format)),
        (false, None) => {
            let format = Format::from_path(path).map_err(|error| {
                usage(error.to_string()).cure(format!("or name it with --format, one of {known}"))
            })?;
            Ok((Place::File(path.clone()), format))
        }
    };
    paths.iter().map(output).collect()
}
