//! Writing a profile in other formats.

use crate::cli::args::ReportArgs;
use crate::cli::outputs::{Place, outputs};
use crate::host::exit::{Failure, Kind};
use output::{Encode, Format, Profile, Settings, Sink};
use std::path::{Path, PathBuf};

/// An output, opened.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    encoder: Box<dyn Encode>,
}

/// Opens the outputs before the profile is read, so that an unwritable file is reported first.
///
/// # Errors
/// [`Kind::Usage`] when a format is unknown, [`Kind::Failed`] when a file cannot be created.
pub(super) fn open(args: &ReportArgs) -> Result<Vec<Output>, Failure> {
    let settings = Settings { root: args.group_by.clone(), ..args.formats.settings(None)? };
    let output = |(place, format): (Place, Format)| {
        let sink = match place {
            Place::Stdout => Sink::stdout(),
            Place::File(path) => Sink::file(&path).map_err(|error| unwritable(&path, &error))?,
        };
        Ok(Output { sink, encoder: (format.encoder)(&settings) })
    };
    outputs(&args.output, args.format.as_deref())?.into_iter().map(output).collect()
}

impl Output {
    /// Writes the profile, its default column where the format has but one.
    pub(super) fn write(mut self, profile: &Profile, args: &ReportArgs) -> Result<(), Failure> {
        let written = self.encoder.encode(profile, &mut self.sink);
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
