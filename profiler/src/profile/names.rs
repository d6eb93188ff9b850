//! Names for the places of a recording.

use crate::cli::config::Naming;
use crate::host::looking;
use crate::host::naming::start::start;
use crate::record::stacks::Stacks;
use symbolizer::name::ask::namer::Namer;
use symbolizer::{LocalSymbolizer, Named, ProcessTable, RawAddresses, Symbolize, Warning};

/// The symbolizer for these settings. With `replayed`, the recording's kernel and files may not be those of this
/// machine.
pub(crate) fn symbolizer(naming: &Naming, replayed: bool) -> Box<dyn Symbolize + Send> {
    if replayed {
        return Box::new(RawAddresses::<LocalSymbolizer>::new(None));
    }
    let local = LocalSymbolizer::new(naming.options.clone(), Namer::begin(start))
        .looking_by(looking::start)
        .ask_kernel(|addresses| bpf::kernel_names(addresses).ok());
    match naming.symbolize {
        false => Box::new(RawAddresses::new(Some(local))),
        true => Box::new(local),
    }
}

/// The names of all places of a cut, in the order of the places, and the warnings about foreign files.
pub(crate) fn name(
    symbolizer: &mut dyn Symbolize,
    stacks: &Stacks,
    table: &mut ProcessTable,
) -> (Vec<Named>, Vec<Warning>) {
    table.finish();
    let named = symbolizer.names(table, stacks.places());
    let mut warnings = table.warnings();
    warnings.extend(symbolizer.warnings());
    (named, warnings)
}
