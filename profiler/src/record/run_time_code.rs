//! The code that was at the addresses of a stack when it was sampled, for code that is made, freed and replaced at run time.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use symbolizer::{Check, Reason};

/// The version of a stack whose code is not known.
const LOST: u64 = 1;

/// The run-time code of a stack at the time of a sample.
#[derive(Debug)]
pub(crate) struct StackCode {
    /// By address. `None`: the addresses of this stack are not known, so no code of it is.
    checks: Option<HashMap<u64, Check>>,
    version: u64,
}

impl StackCode {
    /// The code at these addresses.
    pub(crate) fn of(checks: impl Iterator<Item = (u64, Check)>) -> Self {
        let (mut all, mut hasher) = (HashMap::new(), DefaultHasher::new());
        for (address, check) in checks {
            check.hash(&mut hasher);
            all.insert(address, check);
        }
        Self { checks: Some(all), version: hasher.finish() }
    }

    /// The code of a stack whose addresses are not known.
    pub(crate) fn lost() -> Self {
        Self { checks: None, version: LOST }
    }

    /// A hash of the code. The same stack with other code has another version; of n versions, two are equal with probability n²/2⁶⁵.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The code at an address; `None`: it is not looked at there.
    pub(crate) fn at(&self, address: u64) -> Option<Check> {
        match &self.checks {
            Some(checks) => checks.get(&address).copied(),
            None => Some(Check::Lost(Reason::Limit)),
        }
    }
}

/// The run-time code of a batch, by the number of the sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct Codes(HashMap<usize, Rc<StackCode>>);

impl Codes {
    /// Notes the code of a sample's stack.
    pub(crate) fn put(&mut self, sample: usize, code: Rc<StackCode>) {
        self.0.insert(sample, code);
    }

    /// The code of a sample's stack, if it has any.
    pub(crate) fn of(&self, sample: usize) -> Option<&StackCode> {
        self.0.get(&sample).map(|code| &**code)
    }
}
