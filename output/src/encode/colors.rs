//! The colours of a graph's frames.

use crate::Error;
use inferno::flamegraph::Palette;
use std::str::FromStr;

/// The colours of frames: by kind (the default, `kinds`), or one of inferno's palettes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colors(pub(crate) Option<Palette>);

/// The name of the default.
const KINDS: &str = "kinds";

impl Colors {
    /// The names that [`Colors::from_str`] takes, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(KINDS).chain(Palette::VARIANTS.iter().copied())
    }
}

impl FromStr for Colors {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name == KINDS {
            return Ok(Self(None));
        }
        name.parse().map(|palette| Self(Some(palette))).map_err(|_| {
            let known: Vec<_> = Self::names().collect();
            Error::UnknownColors(format!(
                "there is no palette {name}; use one of {}",
                known.join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palettes_are_known_by_name() {
        for name in Colors::names() {
            name.parse::<Colors>().unwrap();
        }
        assert_eq!("kinds".parse(), Ok(Colors::default()));
        let error = "pink".parse::<Colors>().unwrap_err().to_string();
        assert!(error.contains("kinds, aqua"), "{error}");
    }
}
