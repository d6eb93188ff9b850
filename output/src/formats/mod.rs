//! The list of formats, and the format for a file's name.

pub mod folded;
#[cfg(test)]
mod golden;
pub mod otlp;
pub mod pprof;
pub mod svg;
pub mod table;

use crate::Error;
use crate::encode::Format;
use std::path::Path;
use std::str::FromStr;

/// All formats of files. The first one is the default.
pub const ALL: &[Format] = &[svg::FORMAT, pprof::FORMAT, folded::FORMAT];

impl Format {
    /// The names that [`Format::from_str`] takes.
    pub fn names() -> Vec<&'static str> {
        ALL.iter().map(|format| format.name).collect()
    }

    /// The format for a file's extension, in upper or lower case.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`] with a sentence that names all extensions.
    pub fn from_path(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ends =
            |extension: &&str| name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.'));
        let known = ALL.iter().find(|format| format.extensions.iter().any(ends));
        known.copied().ok_or_else(|| {
            let all = ALL.iter().flat_map(|format| format.extensions);
            let all: Vec<_> = all.map(|extension| format!(".{extension}")).collect();
            let (last, others) = all.split_last().expect("there are formats");
            let known = format!("{} or {last}", others.join(", "));
            Error::UnknownFormat(format!("the name {} does not end in {known}", path.display()))
        })
    }

    /// The extension of new files, without the first dot.
    pub fn extension(self) -> &'static str {
        self.extensions.first().copied().unwrap_or(self.name)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        ALL.iter().find(|format| format.name == name).copied().ok_or_else(|| {
            let known = Self::names().join(", ");
            Error::UnknownFormat(format!("there is no format {name}; use one of {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_pick_the_format() {
        let format = |name: &str| Format::from_path(Path::new(name));
        assert_eq!(format("a.svg"), Ok(svg::FORMAT));
        assert_eq!(format("/x/a.b.SVG"), Ok(svg::FORMAT));
        assert_eq!(format("a.pb.gz"), Ok(pprof::FORMAT));
        assert_eq!(format("a.pprof"), Ok(pprof::FORMAT));
        assert_eq!(format("a.folded"), Ok(folded::FORMAT));
        assert_eq!(format("a.txt"), Ok(folded::FORMAT));
        let error = format("a.gz").unwrap_err().to_string();
        assert!(error.ends_with(".svg, .pb.gz, .pprof, .folded or .txt"), "{error}");
        assert!(format("svg").is_err());
        assert!(format("..").is_err());
    }

    #[test]
    fn names_go_both_ways() {
        for name in Format::names() {
            assert_eq!(name.parse::<Format>().unwrap().name, name);
            let file = format!("x.{}", name.parse::<Format>().unwrap().extension());
            assert_eq!(Format::from_path(Path::new(&file)).unwrap().name, name);
        }
        assert!("png".parse::<Format>().unwrap_err().to_string().contains("folded"));
    }
}
