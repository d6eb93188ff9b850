//! Counted batches for tests.

use crate::record::aggregate::{Aggregator, Rules};
use crate::record::batch::Marked;
use crate::record::counts::StackCounts;
use bpf::Window;
use symbolizer::ProcessTable;

/// The counts of a batch, and the processes of its records.
pub(crate) fn counted(rules: Rules, batch: &Window) -> (StackCounts, ProcessTable) {
    let mut table = ProcessTable::without_proc();
    let mut aggregator = Aggregator::new(rules);
    drop(aggregator.add(Marked::as_it_is(batch), &mut table));
    (aggregator.finish(), table)
}
