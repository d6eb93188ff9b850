//! The formats, and which of them a file's name asks for.

pub mod folded;
#[cfg(test)]
mod golden;
pub mod otlp;
pub mod pprof;
pub mod svg;
pub mod table;

use crate::Error;
use std::path::Path;
use std::str::FromStr;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// A flame graph: `.svg`.
    Svg,
    /// A pprof profile: `.pb.gz`, `.pprof`.
    Pprof,
    /// Folded stacks: `.folded`, `.txt`.
    Folded,
}

/// Endings, lower case; the first of a format is the one that new files get.
const ENDINGS: [(&str, Format); 5] = [
    (".svg", Format::Svg),
    (".pb.gz", Format::Pprof),
    (".pprof", Format::Pprof),
    (".folded", Format::Folded),
    (".txt", Format::Folded),
];

impl Format {
    /// What [`Format::from_str`] takes.
    pub const NAMES: [&str; 3] = ["svg", "pprof", "folded"];

    /// The format that a file's ending asks for; upper case counts as lower case.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`] with a sentence that names the endings there are.
    pub fn from_path(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
        known.map(|(_, format)| *format).ok_or_else(|| {
            let endings: Vec<_> = ENDINGS.iter().map(|(ending, _)| *ending).collect();
            let (last, others) = endings.split_last().expect("there are endings");
            let known = format!("{} or {last}", others.join(", "));
            Error::UnknownFormat(format!("the name {} does not end in {known}", path.display()))
        })
    }

    /// The ending of new files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pprof => "pb.gz",
            Self::Folded => "folded",
        }
    }

    /// Its name, as in [`Format::NAMES`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pprof => "pprof",
            Self::Folded => "folded",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let all = [Self::Svg, Self::Pprof, Self::Folded];
        all.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            Error::UnknownFormat(format!(
                "{name} is not a format; use one of {}",
                Self::NAMES.join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_pick_the_format() {
        let format = |name: &str| Format::from_path(Path::new(name));
        assert_eq!(format("a.svg"), Ok(Format::Svg));
        assert_eq!(format("/x/a.b.SVG"), Ok(Format::Svg));
        assert_eq!(format("a.pb.gz"), Ok(Format::Pprof));
        assert_eq!(format("a.pprof"), Ok(Format::Pprof));
        assert_eq!(format("a.folded"), Ok(Format::Folded));
        assert_eq!(format("a.txt"), Ok(Format::Folded));
        let error = format("a.gz").unwrap_err().to_string();
        for (ending, _) in ENDINGS {
            assert!(error.contains(ending), "{error}");
        }
        assert!(format("svg").is_err());
        assert!(format("..").is_err());
    }

    #[test]
    fn names_go_both_ways() {
        for name in Format::NAMES {
            assert_eq!(name.parse::<Format>().unwrap().name(), name);
            let file = format!("x.{}", name.parse::<Format>().unwrap().extension());
            assert_eq!(Format::from_path(Path::new(&file)).unwrap().name(), name);
        }
        assert!("png".parse::<Format>().unwrap_err().to_string().contains("folded"));
    }
}
