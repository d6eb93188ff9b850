//! Writing a profile in other formats.

use super::column;
use crate::cli::args::ReportArgs;
use crate::cli::outputs::{Place, outputs};
use crate::host::exit::{Failure, Kind};
use output::{Format, Profile, Settings, Sink, pprof};
use std::path::{Path, PathBuf};

/// An output, opened.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    format: Format,
    settings: Settings,
}

/// Opens the outputs before the profile is read, so that an unwritable file is reported first.
///
/// # Errors
/// [`Kind::Usage`] when a format is unknown, [`Kind::Failed`] when a file cannot be created.
pub(super) fn open(args: &ReportArgs) -> Result<Vec<Output>, Failure> {
    let settings = Settings { root: args.group_by.clone(), ..args.formats.settings(None)? };
    let outputs = outputs(&args.output, args.format.as_deref())?;
    if args.group_by.is_some() && !outputs.is_empty() && outputs.iter().all(keeps_labels) {
        return Err(Failure::new(Kind::Usage, "--group-by has no effect on pprof files")
            .cure("it works for tables, graphs and folded stacks"));
    }
    let output = |(place, format): (Place, Format)| {
        let sink = match place {
            Place::Stdout => Sink::stdout(),
            Place::File(path) => Sink::file(&path).map_err(|error| unwritable(&path, &error))?,
        };
        Ok(Output { sink, format, settings: settings.clone() })
    };
    outputs.into_iter().map(output).collect()
}

/// Whether a format keeps the labels of all samples, so that there is nothing to group.
fn keeps_labels((_, format): &(Place, Format)) -> bool {
    *format == pprof::FORMAT
}

impl Output {
    /// Writes the profile. Formats with one column have the one that was asked for, else samples, as in a recording.
    pub(super) fn write(mut self, profile: &Profile, args: &ReportArgs) -> Result<(), Failure> {
        let column = match args.sample_type {
            Some(_) => profile.default_sample_type,
            None => column::of_graphs(profile),
        };
        let encoder = (self.format.encoder)(&Settings { column: Some(column), ..self.settings });
        let written = encoder.encode(profile, &mut self.sink);
        let path =
            self.sink.path().map_or_else(|| PathBuf::from("standard output"), Path::to_path_buf);
        let spoilt = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Failure::new(Kind::Failed, format!("{}: {error}", args.file.display()))
            }
            _ => unwritable(&path, &error),
        };
        written.map_err(spoilt)?;
        self.sink.commit().map(drop).map_err(|error| unwritable(&path, &error))
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{} cannot be written: {error}", path.display()))
}
