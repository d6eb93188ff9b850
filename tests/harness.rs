//! The harness of the tests: how one is listed, run and skipped.

use libtest_mimic::{Completion, Trial};
use std::panic::catch_unwind;

/// Why a test cannot run here.
#[derive(Debug)]
pub(crate) struct Skip(pub(crate) String);

/// Fails by panicking.
pub(crate) type Test = fn() -> Result<(), Skip>;

/// A test under its name.
pub(crate) fn trial(name: String, test: Test) -> Trial {
    let of_a_recording = name.starts_with("live::");
    Trial::ignorable_test(name.clone(), move || {
        let first = if of_a_recording { catch_unwind(test).ok() } else { Some(test()) };
        let outcome = first.unwrap_or_else(|| {
            eprintln!("repeated: {name}");
            test().expect("what could run before");
            Ok(())
        });
        match outcome {
            Ok(()) => Ok(Completion::Completed),
            Err(Skip(why)) => Ok(Completion::ignored_with(why)),
        }
    })
}

/// The tests of a module: their names once, so that one that is written and not listed is dead code.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) fn tests() -> Vec<(&'static str, $crate::harness::Test)> {
            vec![$((stringify!($name), $name as $crate::harness::Test)),+]
        }
    };
}
pub(crate) use tests;
