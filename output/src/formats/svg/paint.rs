//! Colours: the hue of a frame is its kind, and the shade is its name.

use super::lines::{END, Frames};
use crate::encode::colors::Colors;
use crate::tree::{Doubt, Extent, Kind, Traits};
use inferno::flamegraph::Palette;
use inferno::flamegraph::color::{BackgroundColor, Color, PaletteMap};

impl Colors {
    /// The palette that inferno starts from.
    pub(super) fn basic(self) -> Palette {
        self.0.unwrap_or_default()
    }

    /// The background; `None` if inferno chooses it.
    pub(super) fn background(self) -> Option<BackgroundColor> {
        self.0.is_none().then_some(BackgroundColor::Grey)
    }

    /// A colour for every frame; `None` if inferno chooses it.
    pub(super) fn palette(self, frames: &Frames) -> Option<PaletteMap> {
        if self.0.is_some() {
            return None;
        }
        let mut map = PaletteMap::default();
        map.insert("", ROOT);
        for (marked, traits) in frames {
            let name = marked.split(END).next().unwrap_or_default();
            map.insert(marked, Tint::of(*traits).shade(name));
        }
        Some(map)
    }

    /// The meaning of each colour that occurs. Empty if inferno chooses the colours.
    pub(super) fn legend(self, frames: &Frames) -> Vec<(Color, &'static str)> {
        if self.0.is_some() {
            return Vec::new();
        }
        let occurs = |tint: &Tint| frames.values().any(|traits| Tint::of(*traits) == *tint);
        let mut legend: Vec<_> =
            Tint::ALL.into_iter().filter(occurs).map(|tint| (tint.middle(), tint.word())).collect();
        if legend.len() == 1 {
            legend.clear();
        }
        legend
    }
}

/// The box below all others.
const ROOT: Color = Color { r: 226, g: 222, b: 214 };

/// The meaning of a colour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tint {
    User,
    Kernel,
    Inlined,
    Jit,
    Interpreted,
    Doubtful,
    Unknown,
    Process,
}

impl Tint {
    const ALL: [Self; 8] = [
        Self::User,
        Self::Inlined,
        Self::Jit,
        Self::Interpreted,
        Self::Kernel,
        Self::Doubtful,
        Self::Unknown,
        Self::Process,
    ];

    /// The meaning for a frame. Doubt comes first, since a wrong graph must not look right.
    fn of(traits: Traits) -> Self {
        let mostly = traits.extent != Extent::Part;
        match (traits.doubt, traits.kind) {
            (Doubt::Guessed | Doubt::CallerMayBeMissing, _) if mostly => Self::Doubtful,
            (_, Kind::Unknown | Kind::Gap) => Self::Unknown,
            (_, Kind::Process) => Self::Process,
            (_, Kind::Kernel) => Self::Kernel,
            _ if traits.inlined => Self::Inlined,
            (_, Kind::Jit) => Self::Jit,
            (_, Kind::Interpreted) => Self::Interpreted,
            (_, Kind::User) => Self::User,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Kernel => "kernel",
            Self::Inlined => "inlined",
            Self::Jit => "JIT",
            Self::Interpreted => "interpreted",
            Self::Doubtful => "guessed, or caller may be missing",
            Self::Unknown => "unknown",
            Self::Process => "process",
        }
    }

    /// The ranges of hue in degrees, and of saturation and lightness in percent. Black text is readable on all of them.
    fn ranges(self) -> [(f32, f32); 3] {
        match self {
            Self::User => [(14.0, 46.0), (86.0, 94.0), (60.0, 70.0)],
            Self::Kernel => [(204.0, 222.0), (68.0, 82.0), (68.0, 78.0)],
            Self::Inlined => [(164.0, 182.0), (42.0, 56.0), (62.0, 72.0)],
            Self::Interpreted => [(62.0, 70.0), (70.0, 84.0), (60.0, 70.0)],
            Self::Jit => [(86.0, 118.0), (48.0, 62.0), (60.0, 70.0)],
            Self::Doubtful => [(286.0, 308.0), (52.0, 68.0), (74.0, 82.0)],
            Self::Unknown => [(220.0, 220.0), (2.0, 4.0), (70.0, 80.0)],
            Self::Process => [(40.0, 48.0), (22.0, 32.0), (78.0, 84.0)],
        }
    }

    fn middle(self) -> Color {
        let [h, s, l] = self.ranges().map(|(from, to)| (from + to) / 2.0);
        color(h, s, l)
    }

    fn shade(self, name: &str) -> Color {
        // FNV-1a is the same in every version of Rust and of inferno. Its upper bits are mixed best.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut bits = [hash >> 56, hash >> 48 & 0xff, hash >> 40 & 0xff].into_iter();
        let [h, s, l] = self.ranges().map(|(from, to)| {
            let share = bits.next().unwrap_or_default() as f32 / 255.0;
            from + (to - from) * share
        });
        color(h, s, l)
    }
}

/// A colour from hue (degrees), saturation and lightness (percent).
fn color(hue: f32, saturation: f32, lightness: f32) -> Color {
    let (s, l) = (saturation / 100.0, lightness / 100.0);
    let channel = |n: f32| {
        let k = (n + hue / 30.0) % 12.0;
        let value = l - s * l.min(1.0 - l) * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    Color { r: channel(0.0), g: channel(8.0), b: channel(4.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_what_they_are_called() {
        assert_eq!(color(0.0, 100.0, 50.0), Color { r: 255, g: 0, b: 0 });
        assert_eq!(color(120.0, 100.0, 25.0), Color { r: 0, g: 128, b: 0 });
        assert_eq!(color(240.0, 100.0, 50.0), Color { r: 0, g: 0, b: 255 });
    }

    #[test]
    fn shades_of_different_kinds_never_meet() {
        let hue = |tint: Tint| tint.ranges()[0];
        let colored =
            [Tint::User, Tint::Kernel, Tint::Inlined, Tint::Jit, Tint::Interpreted, Tint::Doubtful];
        for (at, one) in colored.into_iter().enumerate() {
            for other in &colored[at + 1..] {
                let apart = hue(one).1 + 15.0 < hue(*other).0 || hue(*other).1 + 15.0 < hue(one).0;
                assert!(apart, "{} and {}", one.word(), other.word());
            }
        }
    }

    #[test]
    fn a_name_has_one_shade() {
        assert_eq!(Tint::User.shade("main"), Tint::User.shade("main"));
        assert_ne!(Tint::User.shade("main"), Tint::User.shade("work"));
    }
}
