//! Writing a profile in other formats.

use crate::cli::args::ReportArgs;
use crate::host::exit::{Failure, Kind};
use output::{Encode, Folded, Format, Pprof, Profile, Sink, Svg};
use std::path::{Path, PathBuf};

/// An output, opened.
#[derive(Debug)]
pub(super) struct Output {
    sink: Sink,
    encoder: Encoder,
}

#[derive(Debug)]
enum Encoder {
    Svg(Svg),
    Pprof(Pprof),
    Folded(Folded),
}

/// Opens the outputs before the profile is read, so that an unwritable file is reported first.
///
/// # Errors
/// [`Kind::Usage`] when a format is unknown, [`Kind::Failed`] when a file cannot be created.
pub(super) fn open(args: &ReportArgs) -> Result<Vec<Output>, Failure> {
    let usage = |error: output::Error| Failure::new(Kind::Usage, error.to_string());
    let format = args.format.as_deref().map(str::parse::<Format>).transpose().map_err(usage)?;
    if args.output.iter().filter(|path| is_stdout(path)).count() > 1 {
        return Err(Failure::new(Kind::Usage, "only one output can go to standard output"));
    }
    args.output.iter().map(|path| output(path, format, args)).collect()
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn output(path: &Path, format: Option<Format>, args: &ReportArgs) -> Result<Output, Failure> {
    let known = Format::NAMES.join(", ");
    if is_stdout(path) {
        let Some(format) = format else {
            return Err(Failure::new(Kind::Usage, "-o - needs a format")
                .cure(format!("add --format, one of {known}")));
        };
        return Ok(Output { sink: Sink::stdout(), encoder: encoder(format, args)? });
    }
    let format = match format {
        Some(format) => format,
        None => Format::from_path(path).map_err(|error| {
            Failure::new(Kind::Usage, error.to_string())
                .cure(format!("or name it with --format, one of {known}"))
        })?,
    };
    let encoder = encoder(format, args)?;
    let sink = Sink::file(path).map_err(|error| unwritable(path, &error))?;
    Ok(Output { sink, encoder })
}

fn encoder(format: Format, args: &ReportArgs) -> Result<Encoder, Failure> {
    let root = args.group_by.clone();
    Ok(match format {
        Format::Pprof => Encoder::Pprof(Pprof { labels: !args.no_labels, ..Pprof::default() }),
        Format::Folded => Encoder::Folded(Folded { annotate: args.annotate, root, column: 0 }),
        Format::Svg => Encoder::Svg(args.drawing.svg(root, None)?),
    })
}

impl Output {
    /// Writes the profile, its default column where the format has but one.
    pub(super) fn write(mut self, profile: &Profile, args: &ReportArgs) -> Result<(), Failure> {
        let column = profile.default_sample_type;
        let written = match &mut self.encoder {
            Encoder::Pprof(pprof) => pprof.encode(profile, &mut self.sink),
            Encoder::Folded(folded) => {
                folded.column = column;
                folded.encode(profile, &mut self.sink)
            }
            Encoder::Svg(svg) => {
                svg.column = column;
                svg.encode(profile, &mut self.sink)
            }
        };
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
