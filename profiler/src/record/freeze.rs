//! Kernels that are known to freeze while BPF programs read user memory.
//!
//! From 5.19 on, `copy_from_user_nofault` could take a lock that the interrupted code holds. 6.4 fixed it, and some stable releases have
//! the fix. [`Release::may_freeze`] knows these releases; `doctor` uses it as well.

use crate::host::exit::{Failure, Kind};
use crate::host::kernel::Release;

/// Refuses kernels that may freeze, unless `force` is set.
pub(crate) fn check(force: bool) -> Result<(), Failure> {
    let name = rustix::system::uname();
    let (release, version) = (name.release().to_string_lossy(), name.version().to_string_lossy());
    if force || !may_freeze(&release, &version) {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Kernel,
        format!(
            "this kernel ({release}) can freeze while BPF programs read user memory (fixed in 6.1.36, 6.3.10 and 6.4)"
        ),
    )
    .cure("update the kernel, or use --force"))
}

fn may_freeze(release: &str, version: &str) -> bool {
    Release::built(release, version).is_some_and(Release::may_freeze)
}

#[cfg(test)]
mod tests {
    use super::*;

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
