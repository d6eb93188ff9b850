//! Names for the places of a recording.

use crate::cli::config::Config;
use crate::record::collect::Collected;
use crate::unwinding::NoTable;
use symbolizer::{LocalSymbolizer, MappedFile, Named, RawAddresses, Symbolize, Warning};

/// The names of all places, in their order, and what was wrong with foreign files.
pub(crate) fn name(config: &Config, collected: &mut Collected) -> (Vec<Named>, Vec<Warning>) {
    let Collected { counts, table, without_table, .. } = collected;
    table.finish();
    let mut symbolizer = symbolizer(config);
    let named = symbolizer.names(table, counts.stacks.places());
    let mut warnings = table.warnings();
    warnings.extend(symbolizer.warnings());
    warnings.extend(
        without_table.iter().filter_map(|(id, why)| Some(no_table(table.file(*id)?, *why))),
    );
    (named, warnings)
}

/// A file without an unwind table though it has rules.
fn no_table(file: &MappedFile, why: NoTable) -> Warning {
    Warning {
        file: String::from_utf8_lossy(&file.path).into_owned(),
        what: String::from(match why {
            NoTable::NoRoom => {
                "no memory left for its unwind table; raise --unwind-memory or record fewer processes"
            }
            NoTable::NoRoomForMade => {
                "no memory left for the unwind table of its run-time code; raise --unwind-memory or record fewer processes"
            }
            NoTable::TooLarge => "too large for an unwind table; walked by frame pointer",
        }),
    }
}

fn symbolizer(config: &Config) -> Box<dyn Symbolize> {
    let local = LocalSymbolizer::new(config.names.clone())
        .ask_kernel(|addresses| bpf::kernel_names(addresses).ok());
    match (config.symbolize, config.replay.is_some()) {
        // A stored recording's kernel and files need not be this machine's.
        (_, true) => Box::new(RawAddresses::<LocalSymbolizer>::new(None)),
        (false, false) => Box::new(RawAddresses::new(Some(local))),
        (true, false) => Box::new(local),
    }
}
