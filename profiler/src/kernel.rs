//! Kernels that are known to freeze while BPF programs read user memory.
//!
//! From 5.19 on `copy_from_user_nofault` could take a lock that the interrupted code holds; 6.4 mended it.
//! Distributions carried the change back; the releases known to have it stand in [`MENDED`].

use crate::exit::{Failure, Kind};

/// The first release with the fault, and the first without it.
const FAULTY: ((u32, u32), (u32, u32)) = ((5, 19), (6, 4));

/// Stable series that were mended later: from this patch level on.
const MENDED: [((u32, u32), u32); 2] = [((6, 1), 36), ((6, 3), 10)];

/// A kernel release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Release {
    series: (u32, u32),
    patch: u32,
}

/// Refuses kernels that may freeze, but where `force` is set.
pub(crate) fn check(force: bool) -> Result<(), Failure> {
    let name = rustix::system::uname();
    let (release, version) = (name.release().to_string_lossy(), name.version().to_string_lossy());
    if force || !may_freeze(&release, &version) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Kernel,
        format!(
            "this kernel ({release}) can freeze while BPF programs read user memory (mended in 6.1.36, 6.3.10 and 6.4)"
        ),
    )
    .cure("update the kernel, or use --force"))
}

fn may_freeze(release: &str, version: &str) -> bool {
    // Debian's release is that of the package series; the version names the stable release it is built from.
    let Some(kernel) = debian(version).or_else(|| parse(release)) else { return false };
    let mended =
        |(series, patch): &((u32, u32), u32)| kernel.series == *series && kernel.patch >= *patch;
    kernel.series >= FAULTY.0 && kernel.series < FAULTY.1 && !MENDED.iter().any(mended)
}

/// `6.1.0-44-amd64`, `5.15.167.4-microsoft-standard`, `6.18`.
fn parse(release: &str) -> Option<Release> {
    let digits = |part: &str| {
        part.split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|number| number.parse::<u32>().ok())
    };
    let mut parts = release.split('.');
    let series = (digits(parts.next()?)?, digits(parts.next()?)?);
    Some(Release { series, patch: parts.next().and_then(digits).unwrap_or(0) })
}

/// `#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-05-01)`.
fn debian(version: &str) -> Option<Release> {
    parse(version.split_once("Debian ")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_parsed() {
        let release = |major, minor, patch| Some(Release { series: (major, minor), patch });
        assert_eq!(parse("6.18.0"), release(6, 18, 0));
        assert_eq!(parse("6.1.0-44-amd64"), release(6, 1, 0));
        assert_eq!(parse("5.15.167.4-microsoft"), release(5, 15, 167));
        assert_eq!(parse("6.18+"), release(6, 18, 0));
        assert_eq!(parse("nonsense"), None);
        assert_eq!(debian("#1 SMP Debian 6.1.176-1 (2026-05-01)"), release(6, 1, 176));
    }

    #[test]
    fn only_the_faulty_series_are_refused() {
        for fine in ["5.10.223", "5.18.19", "6.4.0", "6.12.107", "6.18.1", "7.2.13"] {
            assert!(!may_freeze(fine, ""), "{fine}");
        }
        for faulty in ["5.19.0", "6.0.1", "6.1.35", "6.2.16", "6.3.9", "6.1.25-37.47.amzn2023"] {
            assert!(may_freeze(faulty, "#1 SMP"), "{faulty}");
        }
        for mended in ["6.1.36", "6.1.176", "6.3.10", "6.3.13"] {
            assert!(!may_freeze(mended, "#1 SMP"), "{mended}");
        }
    }

    #[test]
    fn debians_kernels_are_known_by_the_release_they_are_built_from() {
        assert!(may_freeze("6.1.0-9-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.27-1 (2023-05-08)"));
        assert!(!may_freeze(
            "6.1.0-10-amd64",
            "#1 SMP PREEMPT_DYNAMIC Debian 6.1.37-1 (2023-07-03)"
        ));
    }
}
