//! Counted batches for tests.

use crate::record::aggregate::{Aggregator, Rules};
use crate::record::batch::Marked;
use crate::record::counts::StackCounts;
use bpf::Window;
use symbolizer::ProcessTable;

/// A batch's counts, and the processes that it tells of.
pub(crate) fn counted(rules: Rules, batch: &Window) -> (StackCounts, ProcessTable) {
    let mut table = ProcessTable::without_proc();
    let mut aggregator = Aggregator::new(rules);
    drop(aggregator.add(Marked::as_it_is(batch), &mut table));
    (aggregator.finish(), table)
}
