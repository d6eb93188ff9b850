//! The outputs: opened before the recording, written after it.

use crate::cli::config::Outputs;
use crate::cli::outputs::Place;
use crate::host::exit::{Failure, Kind};
use crate::target::resolved::ResolvedTarget;
use output::{Encode, Format, Profile, Settings, Sink, svg};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The value column with the first event's samples.
const SAMPLES: usize = 0;

/// The open destinations of a recording.
#[derive(Debug)]
pub(crate) struct Destinations {
    list: Vec<(Sink, Box<dyn Encode>)>,
    stats: Option<Sink>,
}

impl Destinations {
    /// Opens the requested outputs, or an SVG named after the target. A profile that is only `sent` needs no file. The
    /// files belong to `owner`, if that is not bpflame's own user.
    pub(crate) fn open(
        outputs: &Outputs,
        target: &ResolvedTarget,
        owner: Option<(u32, u32)>,
        sent: bool,
    ) -> Result<Self, Failure> {
        let settings = settings(outputs, target)?;
        let list = if outputs.list.is_empty() && (!sent || outputs.open) {
            let sink = own_file(&target.slug, "svg", owner)?;
            vec![(sink, (svg::FORMAT.encoder)(&settings))]
        } else {
            let open = |(place, format): &(Place, Format)| {
                Ok((sink(place, owner)?, (format.encoder)(&settings)))
            };
            outputs.list.iter().map(open).collect::<Result<_, Failure>>()?
        };
        let stats =
            outputs.stats.clone().map(|path| sink(&Place::File(path), owner)).transpose()?;
        Ok(Self { list, stats })
    }

    /// Returns a function that removes the temporary files of all unfinished outputs. Another thread may call it.
    pub(crate) fn remover(&self) -> io::Result<impl FnOnce() + Send + 'static> {
        let sinks = self.list.iter().map(|(sink, _)| sink).chain(&self.stats);
        let removers: Vec<_> = sinks.map(Sink::remover).collect::<Result<_, _>>()?;
        Ok(move || removers.into_iter().flatten().for_each(|remove| remove()))
    }

    /// Writes the profile to every output, unless it is empty. Returns the names of the files.
    pub(crate) fn write(&mut self, profile: &Profile) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        if profile.samples.is_empty() {
            return Ok(files);
        }
        for (mut sink, encoder) in self.list.drain(..) {
            let name = sink
                .path()
                .map_or(String::from("standard output"), |path| path.display().to_string());
            let written = encoder.encode(profile, &mut sink).and_then(|()| sink.commit());
            files.extend(written.map_err(|error| {
                Failure::new(Kind::Failed, format!("writing {name} failed: {error}"))
            })?);
        }
        Ok(files)
    }

    /// Writes the figures, if they are requested.
    pub(crate) fn write_stats(self, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let Some(mut sink) = self.stats else { return Ok(()) };
        let written = sink.write_all(text().as_bytes()).and_then(|()| sink.commit());
        written.map(drop).map_err(|error| {
            Failure::new(Kind::Failed, format!("writing the file of --stats failed: {error}"))
        })
    }
}

fn sink(place: &Place, owner: Option<(u32, u32)>) -> Result<Sink, Failure> {
    match place {
        Place::Stdout => Ok(Sink::stdout()),
        Place::File(path) => Sink::private(path)
            .and_then(|sink| sink.owner(owner))
            .map_err(|error| unwritable(path, &error)),
    }
}

/// The settings of all outputs. Graphs and folded stacks show samples. In those of the whole machine, the root frame is
/// the name of the process.
fn settings(outputs: &Outputs, target: &ResolvedTarget) -> Result<Settings, Failure> {
    Ok(Settings {
        column: Some(SAMPLES),
        root: (target.tasks == bpf::Target::Machine).then(|| String::from("comm")),
        ..outputs.formats.settings(Some(&target.title))?
    })
}

/// Creates a file with a new name in the current directory, or else in the temporary directory.
pub(crate) fn own_file(
    slug: &str,
    extension: &str,
    owner: Option<(u32, u32)>,
) -> Result<Sink, Failure> {
    let stem = format!("flame-{slug}");
    let here = Path::new(".");
    let elsewhere = std::env::temp_dir();
    Sink::fresh(here, &stem, extension)
        .or_else(|_| Sink::fresh(&elsewhere, &stem, extension))
        .and_then(|sink| sink.owner(owner))
        .map_err(|error| unwritable(&elsewhere, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let failure =
        Failure::new(Kind::Failed, format!("{} can't be written: {error}", path.display()));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match directory.filter(|directory| !directory.exists()) {
        Some(directory) => {
            failure.cure(format!("`mkdir -p {}` creates its directory", directory.display()))
        }
        None => failure.cure("choose another file with -o"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use output::folded;

    #[test]
    fn what_is_not_complete_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let sink = |name: &str| Sink::file(&path(name)).unwrap();
        let folded = || (folded::FORMAT.encoder)(&Settings::default());
        let list = vec![(sink("a.txt"), folded()), (sink("b.txt"), folded())];
        let mut destinations = Destinations { list, stats: Some(sink("stats.json")) };
        let remove = destinations.remover().unwrap();
        destinations.list.remove(0).0.commit().unwrap();
        let names = || std::fs::read_dir(directory.path()).unwrap().flatten().count();
        assert_eq!(names(), 3);
        remove();
        assert_eq!(names(), 1);
        assert!(path("a.txt").exists());
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = unwritable(Path::new("/no/x.svg"), &io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.to_string().ends_with("`mkdir -p /no` creates its directory"), "{error}");
    }
}
